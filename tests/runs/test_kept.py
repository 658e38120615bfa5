"""Epochs whose checkpoints a run keeps: which they are, how they open, and that a kill leaves none half."""

import shutil

import pytest

from nasreplay.errors import BadInput, BadOutput
from nasreplay.evaluate.ledger import Budget
from nasreplay.runs.checkpoints import kept_epochs, kept_path, kept_state, latest_state, run_at
from nasreplay.runs.record import RunFolder, read_events
from nasreplay.search import make, run
from nasreplay.testing import synthetic_table
from tests.support.recording import without_wall


class Stop(Exception):
    """Ends a run in a step."""


def searched(folder, epochs, *, keep=3, stop=None, every=1e9, resume=False):
    """A run of so many epochs; `stop`: it dies in this step."""
    searcher = make("gdas", {"epochs": epochs})
    plain, taken = searcher.step, iter(range(stop or epochs + 1))

    def step(evaluator, live):
        if next(taken, None) is None:
            raise Stop
        plain(evaluator, live)

    searcher.step = step
    facts = {"command": "a test"}
    about = {"save_every_s": every, "resume": resume, "keep_every": keep, "each_epoch": lambda *_: {}}
    run(searcher, synthetic_table(), Budget(), seed=7, recorder=RunFolder(folder, facts, **about))


def test_every_nth_epoch_and_the_last_are_kept(tmp_path):
    searched(tmp_path, 8)
    assert [*kept_epochs(tmp_path)] == [3, 6, 8]
    assert kept_path(tmp_path, 6) == tmp_path / "checkpoint" / "epoch-00006.npz"
    state, last = kept_state(tmp_path, 6), latest_state(tmp_path)
    assert last is not None
    assert (state["step"], last["step"], state.keys()) == (6, 8, last.keys())
    log = (tmp_path / "events.jsonl").read_bytes()[: state["log_bytes"]]
    assert log.endswith(b"\n")
    assert b'"epoch": 5' in log
    assert b'"epoch": 6' not in log


def test_a_longer_run_keeps_on(tmp_path):
    searched(tmp_path, 8)
    searched(tmp_path, 13, resume=True)
    assert [*kept_epochs(tmp_path)] == [3, 6, 8, 9, 12, 13]


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_what_a_killed_run_kept_is_that_of_the_uninterrupted_one(tmp_path, every):
    searched(tmp_path / "whole", 10)
    folder = tmp_path / "run"
    with pytest.raises(Stop):
        searched(folder, 10, stop=7, every=every)
    (folder / "checkpoint" / f".epoch-00009.npz.{'x'}.1.ab.tmp").write_bytes(b"half")
    newer = folder / "checkpoint" / "epoch-00009.npz"
    shutil.copy(kept_path(folder, 6), newer)  # was written, and the run died before its next checkpoint
    with pytest.raises(Stop):
        searched(folder, 10, stop=1, resume=True)
    assert [*kept_epochs(folder)] == [3, 6]
    searched(folder, 10, resume=True)
    assert [*kept_epochs(folder)] == [*kept_epochs(tmp_path / "whole")] == [3, 6, 9, 10]
    assert without_wall(folder) == without_wall(tmp_path / "whole")
    assert not [*(folder / "checkpoint").glob(".*")]
    for epoch in kept_epochs(folder):
        one, other = (
            kept_state(each, epoch)["searcher"]["state"]["logits"] for each in (folder, tmp_path / "whole")
        )
        assert (one == other).all()


def test_what_was_not_kept_is_told(tmp_path):
    searched(tmp_path / "run", 7)
    with pytest.raises(BadOutput, match=r"epoch 4 was not kept; kept: 3, 6, 7$"):
        kept_state(tmp_path / "run", 4)
    searched(tmp_path / "none", 4, keep=0)
    assert kept_epochs(tmp_path / "none") == {}
    with pytest.raises(BadOutput, match="keeps no epochs"):
        kept_path(tmp_path / "none", 2)
    with pytest.raises(BadOutput, match="holds no run"):
        kept_path(tmp_path, 2)
    kept_path(tmp_path / "run", 3).write_bytes(b"damaged")
    with pytest.raises(BadOutput, match=r"epoch-00003\.npz: not a checkpoint"):
        kept_state(tmp_path / "run", 3)
    (tmp_path / "run" / "events.jsonl").write_bytes(b"")
    with pytest.raises(BadOutput, match=r"shorter than when epoch-00006\.npz was written"):
        kept_state(tmp_path / "run", 6)
    assert read_events(tmp_path / "run") == []


def test_a_run_and_its_epoch_are_one_text(tmp_path):
    assert run_at("output/my@run/seed-1@10") == (tmp_path.__class__("output/my@run/seed-1"), 10)
    for text in ("run", "run@", "@3", "run@x", "run@-1", "run@0", "run@1.5", "run@²", f"run@{'9' * 30}"):
        with pytest.raises(BadInput, match="the form is RUN@EPOCH"):
            run_at(text)
