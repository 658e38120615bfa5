import multiprocessing
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import BadOutput
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.files.state import load_state, save_state
from nasreplay.runs.record import RunFolder, read_events, result_of
from nasreplay.search import default_comparison, make, run
from nasreplay.testing import synthetic_table
from tests.support.recording import assert_equal, checkpoints, record, without_wall

KILLS = 15


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


@pytest.mark.parametrize("name", default_comparison())
def test_every_searcher_continues_from_a_checkpoint(tmp_path, name):
    known = make(name).settings()
    steps = {"epochs": 60} if "epochs" in known else {"looks": 2} if "looks" in known else {}
    whole = record(tmp_path / "whole", name, changes=steps)
    stopped(tmp_path / "run", 23, name, changes=steps)
    assert read_events(tmp_path / "run")[-1]["step"] == 23
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
    for content, words in (("{", ", line 1: not JSON"), ("[]", ": must be an object")):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(BadOutput, match=rf"run\.json{words}"):
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


@pytest.mark.slow
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


@pytest.mark.slow
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
