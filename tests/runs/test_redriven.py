from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import LacksCapability, ReplayDiverged
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.recorded import RecordedEvaluator
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import read_events
from nasreplay.search import make, run
from nasreplay.spaces import TOPOLOGY
from tests.support.recording import SAMPLING, assert_equal, record, three_rungs


def redrive(folder: Path, name: str | None = None, *, seed=7, changes=None, events=None, budget=None):
    header = read_header(folder)
    evaluator = RecordedEvaluator(header, read_events(folder) if events is None else events)
    budget = budget or Budget(**header["budget"])
    made = run(make(name or header["searcher"]["name"], changes), evaluator, budget, seed=seed)
    return made, evaluator


@pytest.mark.parametrize("name", [*SAMPLING, "rsps"])
def test_a_searcher_is_driven_again_from_the_log(tmp_path, table, name):
    first = record(tmp_path, name, table, simulated_s=70_000)
    again, evaluator = redrive(tmp_path)
    assert_equal(again, first)
    assert evaluator.position == len(evaluator.events) > 40


def test_bohb_on_three_rungs_is_driven_again(tmp_path):
    first = record(tmp_path, "bohb", three_rungs(), evaluations=80)
    assert {event["epoch"] for event in read_events(tmp_path)[:-1]} == {10, 30, 90}
    assert_equal(redrive(tmp_path)[0], first)


@pytest.mark.parametrize("name", SAMPLING)
def test_another_seed_diverges_at_the_first_question(tmp_path, table, name):
    record(tmp_path, name, table)
    first = next(event for event in read_events(tmp_path) if event["event"] == "evaluation")
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
    with pytest.raises(LacksCapability, match="snas needs slope: recorded offers clock, evaluate"):
        redrive(tmp_path, "snas")
    evaluator = RecordedEvaluator(read_header(tmp_path), read_events(tmp_path))
    with pytest.raises(LacksCapability, match="one replica, asked for 2"):
        run(make("rea"), evaluator, Budget(evaluations=5), seed=7, replicas=2)


def test_a_replay_continues_from_its_state(tmp_path, table):
    first = record(tmp_path / "first", "rea", table)
    header, events = read_header(tmp_path / "first"), read_events(tmp_path / "first")
    one = RecordedEvaluator(header, events)
    codes = TOPOLOGY.from_flat(first.evaluated_flat[0, :30])
    for row in codes[:20]:
        one.evaluate(row[None])
    other = RecordedEvaluator(header, events)
    other.load_state_dict(one.state_dict())
    told = np.concatenate([other.evaluate(row[None]).accuracy for row in codes[20:]])
    np.testing.assert_array_equal(told, first.observed[0, 20:30])
    assert other.ledger.queries[0] == 30
