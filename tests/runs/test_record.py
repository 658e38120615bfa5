import json

import pytest

from nasreplay.errors import BadOutput
from nasreplay.evaluate.ledger import Budget
from nasreplay.runs.folder import read_header, versions
from nasreplay.runs.record import RunFolder, read_events, result_of
from nasreplay.search import SEARCHERS, default_comparison, make, run
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import synthetic_table
from tests.support.recording import SAMPLING, assert_equal, record

EVALUATION = {
    "event": str,
    "step": int,
    "architecture": str,
    "recipe": str,
    "epoch": int,
    "trial": int,
    "accuracy": float,
    "seconds": float,
    "simulated_s": float,
    "answered": bool,
    "wall_s": float,
}
STEP = {
    "event": str,
    "step": int,
    "epoch": int,
    "loss": float,
    "found": str,
    "simulated_s": float,
    "wall_s": float,
}


@pytest.mark.parametrize("name", SAMPLING)
def test_the_log_holds_every_evaluation(tmp_path, table, name):
    made = record(tmp_path, name, table)
    *events, last = read_events(tmp_path)
    events = [event for event in events if event["event"] != "stage"]
    assert len(events) == 60
    clock = 0.0
    for event, flat, observed in zip(events, made.evaluated_flat[0], made.observed[0], strict=True):
        assert {key: type(value) for key, value in event.items()} == EVALUATION
        assert event["event"] == "evaluation"
        assert (event["recipe"], event["epoch"], event["answered"]) == ("200", 200, True)
        assert TOPOLOGY.architecture(event["architecture"]).flat == flat
        assert event["accuracy"] == observed
        assert event["trial"] in (777, 888, 999)
        assert event["seconds"] == table.levels[-1].seconds[flat]
        clock += event["seconds"]
        assert event["simulated_s"] == clock
    assert [e["step"] for e in events] == sorted(e["step"] for e in events)
    wall = [e["wall_s"] for e in events]
    assert wall == sorted(wall)
    assert wall[0] > 0
    found = TOPOLOGY.format(TOPOLOGY.from_flat(made.found_flat)[0].tolist())
    assert last == {"event": "end", "step": events[-1]["step"], "found": found, "simulated_s": clock}


def test_the_log_of_a_gradient_search_holds_every_step(tmp_path, table):
    made = record(tmp_path, "snas", table, changes={"epochs": 9})
    *events, last = read_events(tmp_path)
    assert [event["step"] for event in events] == list(range(1, 10))
    for event, flat in zip(events, made.incumbent_flat[0], strict=True):
        assert {key: type(value) for key, value in event.items()} == STEP
        assert event["event"] == "step"
        assert event["epoch"] == event["step"] - 1
        assert 0 < event["loss"] < 1
        assert TOPOLOGY.architecture(event["found"]).flat == flat
    assert (last["event"], last["found"]) == ("end", events[-1]["found"])


def test_a_sampled_slope_logs_its_evaluations_and_steps(tmp_path):
    made = record(
        tmp_path, "snas", synthetic_table(gradient="sampled"), changes={"epochs": 9}, evaluations=20
    )
    events = read_events(tmp_path)
    assert [e["event"] for e in events] == [*["evaluation"] * 6, "step"] * 4 + ["end"]
    assert [e["answered"] for e in events if e["event"] == "evaluation"] == [True] * 20 + [False] * 4
    assert_equal(result_of(tmp_path), made)


def test_every_step_is_on_disk_before_the_next_begins(tmp_path, table):
    seen = []

    class Watching(type(make("rea"))):
        def step(self, evaluator, live):
            seen.append(len(read_events(tmp_path)))
            super().step(evaluator, live)

    recorder = RunFolder(tmp_path, {}, save_every_s=1e9)
    run(Watching(), table, Budget(evaluations=12), seed=1, recorder=recorder)
    assert seen == list(range(12))


@pytest.mark.parametrize("name", [*default_comparison(), "rsps", "setn"])
def test_the_result_of_a_log_is_the_runs_result(tmp_path, table, name):
    steps = {"epochs": 7} if "slope" in SEARCHERS[name].needs else {}
    made = record(tmp_path, name, table, changes=steps)
    read = result_of(tmp_path)
    assert_equal(read, made)
    assert (read.searcher, read.dataset, read.oracle, read.finished) == (name, "synthetic", made.oracle, True)
    assert read.settings == {
        **json.loads(json.dumps(made.settings)),
        "command": "a test",
        "versions": versions(),
    }


def test_the_header_says_what_was_run(tmp_path, table):
    record(tmp_path, "rea", table)
    header = read_header(tmp_path)
    assert (header["seed"], header["budget"]) == (7, {"evaluations": 60, "overshoot": "keep"})
    assert header["searcher"]["name"] == "rea"
    assert header["searcher"]["population"] == 10
    assert (header["evaluator"]["evaluator"], header["evaluator"]["space"]) == ("table", "topology")


def test_logs_that_cannot_be_read(tmp_path):
    with pytest.raises(BadOutput, match="holds no event log"):
        read_events(tmp_path)
    with pytest.raises(BadOutput, match="holds no run"):
        result_of(tmp_path)
    record(tmp_path)
    log = tmp_path / "events.jsonl"
    content = log.read_bytes()
    log.write_bytes(content[:-200])
    assert 50 < len(read_events(tmp_path)) < 61
    assert not result_of(tmp_path).finished
    log.write_bytes(content[:10])
    with pytest.raises(BadOutput, match="before its first step"):
        result_of(tmp_path)
    log.write_bytes(b"{}x\n" + content)
    with pytest.raises(BadOutput, match=r"events\.jsonl, event 1, line 1: not JSON"):
        read_events(tmp_path)
