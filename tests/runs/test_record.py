import json
import multiprocessing
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import BadOutput, LacksCapability, ReplayDiverged
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.level import Level
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.replay import ReplayEvaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.runs.folder import read_header, versions
from nasreplay.runs.record import RunFolder, read_events, result_of
from nasreplay.runs.result import ARRAYS
from nasreplay.runs.state import load_state, save_state
from nasreplay.search import SEARCHERS, TABLE_DEFAULTS, make, run
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import synthetic_table

KILLS = 15
SAMPLING = [name for name in TABLE_DEFAULTS if "slope" not in SEARCHERS[name].needs]
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


@pytest.fixture(scope="module")
def table():
    return synthetic_table()


def three_rungs() -> TableEvaluator:
    draw = np.random.default_rng(0)
    levels = [
        Level(
            Fidelity("200", epoch),
            draw.uniform(10, 90, (TOPOLOGY.size, 2)),
            np.full(TOPOLOGY.size, 9.0 * epoch),
        )
        for epoch in (10, 30, 90)
    ]
    return TableEvaluator(TOPOLOGY, levels, dataset="rungs")


def record(folder: Path, name="rea", table=None, *, resume=False, every=1e9, seed=7, changes=None, **budget):
    recorder = RunFolder(folder, {"command": "a test"}, resume=resume, save_every_s=every)
    budget = Budget(**budget or {"evaluations": 60})
    return run(make(name, changes), table or synthetic_table(), budget, seed=seed, recorder=recorder)


def assert_equal(one, other) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def without_wall(folder: Path) -> list[dict]:
    return [{k: v for k, v in event.items() if k != "wall_s"} for event in read_events(folder)]


# --- the log ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLING)
def test_the_log_holds_every_evaluation(tmp_path, table, name):
    made = record(tmp_path, name, table)
    *events, last = read_events(tmp_path)
    assert len(events) == 60
    clock = 0.0
    for event, flat, observed in zip(events, made.evaluated[0], made.observed[0], strict=True):
        assert {key: type(value) for key, value in event.items()} == EVALUATION
        assert event["event"] == "evaluation"
        assert (event["recipe"], event["epoch"], event["answered"]) == ("200", 200, True)
        assert TOPOLOGY.architecture(event["architecture"]).index == flat
        assert event["accuracy"] == observed
        assert event["trial"] in (777, 888, 999)
        assert event["seconds"] == table.levels[-1].seconds[flat]
        clock += event["seconds"]
        assert event["simulated_s"] == clock
    assert [e["step"] for e in events] == sorted(e["step"] for e in events)
    wall = [e["wall_s"] for e in events]
    assert wall == sorted(wall)
    assert wall[0] > 0
    found = TOPOLOGY.format(TOPOLOGY.codes(made.found)[0].tolist())
    assert last == {"event": "end", "step": events[-1]["step"], "found": found, "simulated_s": clock}


def test_the_log_of_a_gradient_search_holds_every_step(tmp_path, table):
    made = record(tmp_path, "snas", table, changes={"epochs": 9})
    *events, last = read_events(tmp_path)
    assert [event["step"] for event in events] == list(range(1, 10))
    for event, flat in zip(events, made.incumbent[0], strict=True):
        assert {key: type(value) for key, value in event.items()} == STEP
        assert event["event"] == "step"
        assert event["epoch"] == event["step"] - 1
        assert 0 < event["loss"] < 1
        assert TOPOLOGY.architecture(event["found"]).index == flat
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


@pytest.mark.parametrize("name", [*TABLE_DEFAULTS, "rsps", "setn"])
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
    with pytest.raises(BadOutput, match=r"events\.jsonl: damaged"):
        read_events(tmp_path)


# --- driven again from the log ---------------------------------------------------------------------


def redrive(folder: Path, name: str | None = None, *, seed=7, changes=None, events=None, budget=None):
    header = read_header(folder)
    evaluator = ReplayEvaluator(header, read_events(folder) if events is None else events)
    budget = budget or Budget(**header["budget"])
    made = run(make(name or header["searcher"]["name"], changes), evaluator, budget, seed=seed)
    return made, evaluator


@pytest.mark.parametrize("name", [*SAMPLING, "rsps"])
def test_a_searcher_is_driven_again_from_the_log(tmp_path, table, name):
    first = record(tmp_path, name, table, simulated_s=70_000)
    again, evaluator = redrive(tmp_path)
    assert_equal(again, first)
    assert evaluator.place == len(evaluator.events) > 40


def test_bohb_on_three_rungs_is_driven_again(tmp_path):
    first = record(tmp_path, "bohb", three_rungs(), evaluations=80)
    assert {event["epoch"] for event in read_events(tmp_path)[:-1]} == {10, 30, 90}
    assert_equal(redrive(tmp_path)[0], first)


@pytest.mark.parametrize("name", SAMPLING)
def test_another_seed_diverges_at_the_first_question(tmp_path, table, name):
    record(tmp_path, name, table)
    first = read_events(tmp_path)[0]
    with pytest.raises(ReplayDiverged) as caught:
        redrive(tmp_path, seed=8)
    told = str(caught.value)
    assert told.startswith(
        f"evaluation 1 (step 1): expected {first['architecture']}, epoch 200 of recipe 200; got |"
    )
    assert told.count(first["architecture"]) == 1


def test_another_setting_diverges_where_it_first_matters(tmp_path, table):
    record(tmp_path, "rea", table)
    with pytest.raises(ReplayDiverged, match=r"evaluation 6 \(step 6\): expected \|.*; got \|"):
        redrive(tmp_path, changes={"population": 5})


def test_a_changed_record_diverges_there(tmp_path, table):
    record(tmp_path, "rea", table)
    events = read_events(tmp_path)
    asked, events[41]["architecture"] = events[41]["architecture"], TOPOLOGY.format([0] * 6)
    with pytest.raises(ReplayDiverged) as caught:
        redrive(tmp_path, events=events)
    zeros = TOPOLOGY.format([0] * 6)
    where = "epoch 200 of recipe 200"
    assert str(caught.value) == f"evaluation 42 (step 42): expected {zeros}, {where}; got {asked}, {where}"


def test_another_fidelity_diverges(tmp_path):
    record(tmp_path, "bohb", three_rungs())
    events = read_events(tmp_path)
    events[0]["epoch"] = 30
    with pytest.raises(ReplayDiverged, match=r"expected \|.*, epoch 30 of recipe 200; got \|.*, epoch 10 of"):
        redrive(tmp_path, events=events)


def test_a_longer_run_diverges_at_the_end_of_the_record(tmp_path, table):
    record(tmp_path, "rea", table)
    with pytest.raises(
        ReplayDiverged, match=r"evaluation 61 \(after step 60\): expected the end of the record"
    ):
        redrive(tmp_path, budget=Budget(evaluations=70))


def test_what_a_record_cannot_answer_is_refused(tmp_path, table):
    record(tmp_path, "rea", table)
    with pytest.raises(LacksCapability, match="snas needs slope: replay offers clock, evaluate"):
        redrive(tmp_path, "snas")
    evaluator = ReplayEvaluator(read_header(tmp_path), read_events(tmp_path))
    with pytest.raises(LacksCapability, match="one replica, asked for 2"):
        run(make("rea"), evaluator, Budget(evaluations=5), seed=7, replicas=2)


def test_a_replay_continues_from_its_state(tmp_path, table):
    first = record(tmp_path / "first", "rea", table)
    header, events = read_header(tmp_path / "first"), read_events(tmp_path / "first")
    one = ReplayEvaluator(header, events)
    codes = TOPOLOGY.codes(first.evaluated[0, :30])
    for row in codes[:20]:
        one.evaluate(row[None])
    other = ReplayEvaluator(header, events)
    other.load_state_dict(one.state_dict())
    told = np.concatenate([other.evaluate(row[None]).accuracy for row in codes[20:]])
    np.testing.assert_array_equal(told, first.observed[0, 20:30])
    assert other.ledger.queries[0] == 30


# --- stopped and continued -------------------------------------------------------------------------


class Stop(Exception):
    """Ends a run in a step."""


def stopped(folder: Path, after: int, name="rea", *, every=0.0, changes=None, resume=False) -> None:
    """A run that dies after some steps, by default with a checkpoint after each."""
    searcher = make(name, changes)
    plain, left = searcher.step, iter(range(after))

    def step(evaluator, live):
        if next(left, None) is None:
            raise Stop
        plain(evaluator, live)

    searcher.step = step
    recorder = RunFolder(folder, {"command": "a test"}, resume=resume, save_every_s=every)
    with pytest.raises(Stop):
        run(searcher, synthetic_table(), Budget(evaluations=60), seed=7, recorder=recorder)
    recorder.log.close()


def checkpoints(folder: Path) -> list[Path]:
    """All that is there, in the order in which it was written."""
    return sorted((folder / "checkpoint").iterdir())


@pytest.mark.parametrize("name", TABLE_DEFAULTS)
def test_every_searcher_continues_from_a_checkpoint(tmp_path, name):
    steps = {"epochs": 60} if "slope" in SEARCHERS[name].needs else {}
    whole = record(tmp_path / "whole", name, changes=steps)
    stopped(tmp_path / "run", 23, name, changes=steps)
    assert len(without_wall(tmp_path / "run")) == 23
    record(tmp_path / "run", name, changes=steps, resume=True)
    assert without_wall(tmp_path / "run") == without_wall(tmp_path / "whole")
    assert_equal(result_of(tmp_path / "run"), whole)


def test_without_a_checkpoint_the_run_starts_over(tmp_path):
    record(tmp_path / "whole")
    stopped(tmp_path / "run", 23, every=1e9)
    assert checkpoints(tmp_path / "run") == []
    record(tmp_path / "run", resume=True)
    assert without_wall(tmp_path / "run") == without_wall(tmp_path / "whole")


@pytest.mark.parametrize("damage", [b"", b"nonsense", "half", "flipped"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    record(tmp_path / "whole")
    folder = tmp_path / "run"
    stopped(folder, 23)
    older, newer = checkpoints(folder)
    assert (older.name, newer.name) == ("step-000000022.npz", "step-000000023.npz")
    content = newer.read_bytes()
    if damage == "half":
        damage = content[: len(content) // 2]
    elif damage == "flipped":
        where = content.index(b"log_bytes")
        damage = content[:where] + b"x" + content[where + 1 :]
    newer.write_bytes(damage)
    stopped(folder, 5, resume=True, every=1e9)  # 5 steps on, and again without a checkpoint
    assert [event["step"] for event in read_events(folder)] == list(range(1, 28))
    assert checkpoints(folder) == [older]
    record(folder, resume=True)
    assert without_wall(folder) == without_wall(tmp_path / "whole")


def test_a_log_that_lost_its_end_falls_back_too(tmp_path):
    record(tmp_path / "whole")
    folder = tmp_path / "run"
    stopped(folder, 23)
    log = folder / "events.jsonl"
    log.write_bytes(log.read_bytes()[:-5])  # less than the newer checkpoint counted on
    record(folder, resume=True)
    assert without_wall(folder) == without_wall(tmp_path / "whole")
    log.write_bytes(b"")
    with pytest.raises(
        BadOutput, match=r"events\.jsonl: shorter than when .* was written; delete .*checkpoint"
    ):
        record(folder, resume=True)


def test_when_no_checkpoint_can_be_read_it_says_so(tmp_path):
    stopped(tmp_path, 23)
    for path in checkpoints(tmp_path):
        path.write_bytes(b"nonsense")
    with pytest.raises(BadOutput, match=r"step-000000023\.npz: not a checkpoint, or damaged .*; delete"):
        record(tmp_path, resume=True)
    assert len(checkpoints(tmp_path)) == 2


def test_changed_settings_are_refused_by_name(tmp_path):
    stopped(tmp_path, 23)
    with pytest.raises(BadOutput, match="seed = 7, now 8"):
        record(tmp_path, resume=True, seed=8)
    with pytest.raises(BadOutput, match=r"budget\.evaluations = 60, now 61"):
        record(tmp_path, resume=True, evaluations=61)
    with pytest.raises(BadOutput, match=r"searcher\.population = 10, now 11"):
        record(tmp_path, resume=True, changes={"population": 11})
    with pytest.raises(BadOutput, match=r'evaluator\.trial = "drawn", now "mean"'):
        record(tmp_path, "rea", synthetic_table(trial="mean"), resume=True)
    with pytest.raises(BadOutput, match=r'searcher\.name = "rea", now "random"'):
        record(tmp_path, "random", resume=True)
    with pytest.raises(BadOutput, match="--resume continues it"):
        record(tmp_path)
    assert len(read_events(tmp_path)) == 23


def test_a_damaged_header_is_refused(tmp_path):
    stopped(tmp_path, 23)
    for content, words in (("{", "damaged"), ("[]", "not the header of a run")):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(BadOutput, match=rf"run\.json: {words}"):
            record(tmp_path, resume=True)


def test_states_come_back_as_they_were_and_damage_is_named(tmp_path):
    path = tmp_path / "state.npz"
    state = {"step": 3, "deep": {"a": np.arange(40.0), "b": {"c": np.zeros((2, 3), np.int8)}}, "text": "é"}
    save_state(path, state)
    content = path.read_bytes()
    draw = random.Random(0)
    for _ in range(1500):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged if draw.random() < 0.8 else content[: draw.randrange(len(content))])
        try:
            read = load_state(path)
        except BadOutput:
            continue
        np.testing.assert_equal(read, state)


# --- killed ----------------------------------------------------------------------------------------

LENGTH = 2000


def long_run(folder: Path, table: TableEvaluator, *, resume: bool = False):
    return record(folder, "rea", table, resume=resume, every=0.01, evaluations=LENGTH)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, table) -> Path:
    """The folder of the long run, not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    long_run(folder, table)
    return folder


def begin(folder: Path, table: TableEvaluator, *, resume: bool = False):
    """The long run in a process of its own."""
    child = multiprocessing.get_context("fork").Process(
        target=long_run, args=(folder, table), kwargs={"resume": resume}
    )
    child.start()
    assert child.pid
    return child


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_run_killed_at_any_moment_continues_to_the_same_log(tmp_path, table, whole):
    log, draw, expected = tmp_path / "events.jsonl", random.Random(), without_wall(whole)
    step = (whole / "events.jsonl").stat().st_size // 30

    def size() -> int:
        return log.stat().st_size if log.exists() else 0

    for _ in range(KILLS):
        child = begin(tmp_path, table, resume=(tmp_path / "run.json").exists())
        wait = time.monotonic() + draw.uniform(0, 0.02)
        further = size() + draw.randrange(-step, step)  # many steps on, or before the first one
        while child.is_alive() and (time.monotonic() < wait or size() < further):
            pass
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL, "the run ended before it was killed"
        if log.exists():  # whatever was in flight, what is there is right
            events = without_wall(tmp_path)
            assert events == expected[: len(events)]
        for path in (tmp_path / "checkpoint").glob("step-*.npz"):
            assert load_state(path)["step"] <= LENGTH
    assert 0 < len(read_events(tmp_path)) < LENGTH
    long_run(tmp_path, table, resume=True)
    assert without_wall(tmp_path) == expected
    assert_equal(result_of(tmp_path), result_of(whole))
    assert len(checkpoints(tmp_path)) == 2


def test_sigterm_ends_a_run_between_two_steps(tmp_path, table, whole):
    child, log = begin(tmp_path, table), tmp_path / "events.jsonl"
    while not (log.exists() and log.stat().st_size > 50_000):
        assert child.is_alive()
    child.terminate()
    child.join()
    assert child.exitcode == 0  # it came back from `run`
    newest = load_state(checkpoints(tmp_path)[-1])
    assert newest["step"] == len(read_events(tmp_path)) < LENGTH
    assert newest["log_bytes"] == log.stat().st_size
    assert not result_of(tmp_path).finished
    long_run(tmp_path, table, resume=True)
    assert without_wall(tmp_path) == without_wall(whole)
