"""Run folders written before the house was rearranged (commit 9212774, version 0.1.0): they open and go on.

live: `nasreplay search gdas` with OPTIONS, interrupted after its first epoch; expected.jsonl has the events of the
same run uninterrupted.
table: REA on a made-up table, 20 of 40 evaluations.
"""

import json
import tarfile
from pathlib import Path

import pytest

from nasreplay.cli.main import main
from nasreplay.evaluate.ledger import Budget
from nasreplay.files.state import load_state
from nasreplay.runs.record import RunFolder, read_events
from nasreplay.search import make, run
from nasreplay.testing import synthetic_table
from nasreplay.train.checkpoint import load_checkpoint

OLD = Path(__file__).parents[1] / "golden" / "old_runs"
OPTIONS = """--evaluator supernet --dataset digits --epochs 2 --channels 1 --cells 1 --seed 3 --threads 1
    --batch 64"""


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(OLD / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_a_live_run_continues_to_the_end_of_the_uninterrupted_one(tmp_path, monkeypatch):
    folder = unpacked("live", tmp_path)
    expected = lines(folder / "expected.jsonl")
    assert len(read_events(folder)) == 13
    arguments = ["search", "gdas", *OPTIONS.split(), "--out", str(folder), "--resume"]
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    events = read_events(folder)
    assert [event["event"] for event in events] == [event["event"] for event in expected]
    for event, wanted in zip(events, expected, strict=True):
        assert event["found"] == wanted["found"]
        if event["event"] == "step":
            assert event["loss"] == pytest.approx(wanted["loss"], rel=1e-4)


def test_the_shared_weights_of_a_live_run_are_read(tmp_path):
    folder = unpacked("live", tmp_path)
    state = load_checkpoint(folder / "checkpoint" / "step-000000012.pth")
    assert state["step"] == 12
    assert state["evaluator"]["ledger"]["queries"].tolist() == [0]
    assert state["evaluator"]["net"]["stem.0.weight"].shape == (1, 3, 3, 3)
    assert state["evaluator"]["optimizer"]["param_groups"][0]["params"][:2] == [0, 1]


def test_a_run_on_a_table_continues_as_if_it_had_begun_here(tmp_path):
    folder = unpacked("table", tmp_path)
    assert load_state(folder / "checkpoint" / "step-000000020.npz")["step"] == 20
    budget = Budget(evaluations=40)
    recorder = RunFolder(folder, {"command": "a test"}, resume=True)
    resumed = run(make("rea"), synthetic_table(), budget, seed=7, recorder=recorder)
    whole_run = RunFolder(tmp_path / "whole", {"command": "a test"})
    whole = run(make("rea"), synthetic_table(), budget, seed=7, recorder=whole_run)
    assert resumed.finished
    assert (resumed.found, len(read_events(folder))) == (whole.found, len(read_events(tmp_path / "whole")))
    for event, wanted in zip(read_events(folder), read_events(tmp_path / "whole"), strict=True):
        assert {**event, "wall_s": 0} == {**wanted, "wall_s": 0}
