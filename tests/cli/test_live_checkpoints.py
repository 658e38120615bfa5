"""Checkpoints of live runs: the last two and the best epoch's, whatever becomes of the disk or of the loss."""

import errno
import json
import os
import resource
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nasreplay.errors import BadSetting
from nasreplay.jobs.searches import live_search, search
from nasreplay.live.trained import TENSOR_FILES, shared_weights, trained
from nasreplay.runs.checkpoints import kept_epochs, kept_state, latest_state
from nasreplay.runs.record import read_events
from nasreplay.train.checkpoint import load_checkpoint
from tests.support.command import call

pytestmark = pytest.mark.slow

RUN = ("search", "gdas", "--evaluator", "supernet", "--dataset", "digits", "--channels", "2", "--cells", "1")
RUN = (*RUN, "--fraction", "0.1", "--threads", "1", "--epochs", "4", "--seed", "9", "--out", "it")


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(live_search, "SAVE_EVERY_S", 0.0)


def log_of(folder):
    measured = ("wall_s", "simulated_s", "seconds")
    return [
        {key: value for key, value in event.items() if key not in measured} for event in read_events(folder)
    ]


@pytest.fixture(scope="module")
def whole(home, tmp_path_factory):
    """The folder of the undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_search, "SAVE_EVERY_S", 0.0)
        call(*RUN, cwd=folder)
    return folder / "it"


def test_the_last_two_and_the_best_are_kept(whole):
    epochs = [event for event in read_events(whole) if event["event"] == "epoch"]
    steps = [event["step"] for event in read_events(whole) if event["event"] == "step"]
    best = load_checkpoint(whole / "checkpoint" / "best.pth")
    told = [event["shared_accuracy"] for event in epochs]
    assert best["accuracy"] == max(told)
    assert best["step"] == (int(np.argmax(told)) + 1) * steps[-1] // len(epochs)
    kept = sorted(path.name for path in (whole / "checkpoint").iterdir())
    assert kept == ["best.pth", f"step-{steps[-2]:09d}.pth", f"step-{steps[-1]:09d}.pth"]
    state = latest_state(whole, TENSOR_FILES)
    assert state is not None
    assert state["step"] == steps[-1]  # what --resume, gap and tabulate go on from


def test_kept_epochs_open_as_the_run_had_them(whole, tmp_path):
    """Weights of a kept epoch are those that the run had then; a later --keep-every counts."""
    call(*RUN[:-1], "kept", "--keep-every", "3", cwd=tmp_path)
    folder = tmp_path / "kept"
    assert [*kept_epochs(folder)] == [3, 4]
    assert log_of(folder) == log_of(whole)
    last, fourth = shared_weights(folder).weights, shared_weights(folder, 4).weights
    assert all(torch.equal(values, fourth[name]) for name, values in last.items())
    evaluator, _ = trained(folder, threads=1, at=3)
    third = kept_state(folder, 3, TENSOR_FILES)["evaluator"]["net"]
    assert all(torch.equal(values, third[name]) for name, values in evaluator.net.state_dict().items())
    assert not all(torch.equal(values, last[name]) for name, values in third.items())
    call("resume", "kept", "--epochs", "6", "--keep-every", "1", cwd=tmp_path)
    assert [*kept_epochs(folder)] == [3, 4, 5, 6]


def test_epochs_are_kept_where_there_are_some_and_room_for_them(whole, tmp_path, monkeypatch):
    small = {
        "dataset": "digits",
        "channels": 2,
        "cells": 1,
        "fraction": 0.1,
        "threads": 1,
        "out": tmp_path / "it",
    }
    with pytest.raises(BadSetting, match="random has no epochs to keep"):
        search("random", "supernet", weights=str(whole), evaluations=2, keep=1, **small)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(
        BadSetting, match=r"keep.every 2: 2 checkpoints of 0\.\d MB, together .* a larger number"
    ):
        search("gdas", "supernet", epochs=4, keep=2, **small)
    assert not (tmp_path / "it").exists()


def fill_the_disk(descriptor):
    """As a disk without room ends a write: half of the file is there."""
    os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def stop_the_log(descriptor):
    """From here on files may be a little longer than the log is; the checkpoint in hand is there already."""
    limit = os.stat("it/events.jsonl").st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize(
    ("trouble", "reason"), [(fill_the_disk, "No space left on device"), (stop_the_log, "File too large")]
)
def test_a_full_disk_ends_the_run_and_leaves_the_checkpoint(
    run, whole, tmp_path, monkeypatch, trouble, reason
):
    """The fifth file that is made durable (run.json, three steps, the first best) meets the trouble."""
    writes, limits = [], resource.getrlimit(resource.RLIMIT_FSIZE)

    def sync(descriptor):
        writes.append(descriptor)
        if len(writes) == 5:
            trouble(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sync)
        try:
            told = run(*RUN, status=1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    errors = [line for line in told.err.splitlines() if line.startswith("nasreplay: error: ")]
    assert errors == [
        f"nasreplay: error: it: cannot be written: {reason}; the last checkpoint is intact; continue with: "
        "nasreplay resume it"
    ]
    state = latest_state(tmp_path / "it", TENSOR_FILES)
    assert state is not None
    assert state["step"] >= 2
    assert not list((tmp_path / "it" / "checkpoint").glob(".*"))
    run(*RUN, "--resume")
    assert log_of(tmp_path / "it") == log_of(whole)
    ours, wanted = (
        load_checkpoint(folder / "checkpoint" / "best.pth") for folder in (tmp_path / "it", whole)
    )
    assert (ours["step"], ours["accuracy"]) == (wanted["step"], wanted["accuracy"])


def test_a_folder_that_becomes_unwritable_ends_the_run(run, tmp_path, monkeypatch):
    replace, done = os.replace, []

    def locked_after_three(source, target):
        done.append(target)
        if len(done) > 3:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        replace(source, target)

    monkeypatch.setattr(os, "replace", locked_after_three)
    told = run(*RUN, status=1)
    assert told.err.splitlines()[-1].startswith("nasreplay: error: it: cannot be written: Permission denied")


def test_a_loss_that_is_not_a_number_ends_the_run_and_leaves_the_checkpoint(run, tmp_path):
    recipe = {"LR": 1e6, "eta_min": 1e6, "epochs": 4, "batch_size": 32}
    (tmp_path / "wild.config").write_text(json.dumps(recipe))
    told = run(*RUN, "--training", "wild.config", status=1)
    last = told.err.splitlines()[-1]  # the loss, a slope or a weight, whichever comes first
    assert last.startswith("nasreplay: error: ")
    assert "no longer a number" in last or "the loss became" in last
    state = latest_state(tmp_path / "it", TENSOR_FILES)
    assert state is not None
    steps = [event["step"] for event in read_events(tmp_path / "it") if event["event"] == "step"]
    assert state["step"] == steps[-1]
