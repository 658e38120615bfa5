"""Forks of live searches equal the continued run where nothing is changed, else their parent up to the change."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import nasreplay
from nasreplay.errors import BadInput, BadOutput, BadSetting
from nasreplay.jobs.forks import check_family
from nasreplay.live.trained import TENSOR_FILES, trained
from nasreplay.runs.checkpoints import kept_epochs, latest_state
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import read_events, result_of
from nasreplay.search import make
from nasreplay.seeds import Stream
from tests.support.command import call

pytestmark = pytest.mark.slow

SEARCH = (
    "search",
    "gdas",
    "--evaluator",
    "supernet",
    "--dataset",
    "digits",
    "--channels",
    "2",
    "--cells",
    "1",
)
SEARCH = (*SEARCH, "--fraction", "0.2", "--threads", "1", "--seed", "9")
MEASURED = ("wall_s", "simulated_s", "seconds")


def log_of(folder):
    events = read_events(folder)
    return [{key: value for key, value in event.items() if key not in MEASURED} for event in events]


def epochs_of(folder):
    return [event for event in log_of(folder) if event["event"] == "epoch"]


def state_of(folder):
    state = latest_state(folder, TENSOR_FILES)
    assert state is not None
    return state


def assert_same_end(one, other):
    """The same log, answer and last checkpoint, and the same best epoch."""
    assert log_of(one) == log_of(other)
    assert result_of(one).found == result_of(other).found
    for a, b in (
        (state_of(one), state_of(other)),
        *([TENSOR_FILES.load(each / "checkpoint" / "best.pth") for each in (one, other)],),
    ):
        assert a["step"] == b["step"]
        weights = b["evaluator"]["net"]
        assert all(torch.equal(values, weights[name]) for name, values in a["evaluator"]["net"].items())
        for name, values in a["searcher"]["state"].items():
            np.testing.assert_array_equal(values, b["searcher"]["state"][name])


@pytest.fixture(scope="module")
def parent(home, tmp_path_factory):
    """A finished run of six epochs that has kept 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("parent")
    call(*SEARCH, "--epochs", "6", "--keep-every", "2", "--out", "run", cwd=folder)
    return folder / "run"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_fork_without_changes_equals_its_parent(parent, here):
    found = nasreplay.fork(f"{parent}@2", threads=1, out=here / "fork")
    assert_same_end(here / "fork", parent)
    assert (found.folder, found.searcher, found.seed) == (here / "fork", "gdas", 9)
    assert [*kept_epochs(here / "fork")] == [4, 6]
    told, theirs = read_header(here / "fork"), read_header(parent)
    assert told.pop("parent").keys() == {"run", "epoch", "digest"}
    assert {name for name in told if told[name] != theirs[name]} == {"command", "working_folder"}


def test_a_changed_fork_is_its_parent_before_and_another_run_after(parent, here, run):
    told = json.loads(
        run(
            "fork", f"{parent}@4", "--set", "gdas.learning_rate=0.1", "--epochs", "7", "--out", "it", "--json"
        ).out
    )
    assert told["folder"] == "it"
    mine, theirs = epochs_of(here / "it"), epochs_of(parent)
    assert mine[:4] == theirs[:4]
    assert len(mine) == 7
    assert mine[4]["entropy"] != theirs[4]["entropy"]
    header = read_header(here / "it")
    assert header["searcher"] == read_header(parent)["searcher"] | {"learning_rate": 0.1, "epochs": 7}
    assert header["parent"]["run"] == str(parent)
    assert header["parent"]["epoch"] == 4
    told = run("compare", str(parent), "it", "--figure", "it.svg")
    assert "changed: gdas.epochs 6 → 7, gdas.learning_rate 0.0003 → 0.1\n" in told.out
    assert "equal until epoch 4" in told.out
    assert (here / "it.svg").read_text().startswith("<?xml")
    differences = json.loads(run("compare", str(parent), "it", "--json").out)["against"][0]["loss"][
        "difference"
    ]
    assert differences[:4] == [0.0] * 4
    assert differences[5] != 0


def test_a_fork_is_a_run_like_any_other(parent, here, run):
    """It is interrupted and resumed without its parent, lengthened, forked again, drawn, and opened."""
    own = here / "parent"
    shutil.copytree(parent, own)
    change = ("--set", "recipe.LR=0.01", "--threads", "1")
    run("fork", f"{own}@2", *change, "--out", "whole")
    run("fork", f"{own}@2", *change, "--out", "cut")
    steps = sorted((here / "cut" / "checkpoint").glob("step-*"))
    lines = (here / "cut" / "events.jsonl").read_bytes().splitlines(keepends=True)
    for path in (*steps[1:], *(here / "cut").glob("results.h5"), here / "cut" / "outcome.json"):
        path.unlink()
    (here / "cut" / "events.jsonl").write_bytes(b"".join(lines[:-2]) + b'{"ev')
    shutil.rmtree(own)
    run("resume", "cut", "--threads", "1")
    assert_same_end(here / "cut", here / "whole")
    run("resume", "cut", "--epochs", "8", "--threads", "1")
    assert len(epochs_of(here / "cut")) == 8
    run("fork", "whole@4", "--out", "again", "--threads", "1")
    assert_same_end(here / "again", here / "whole")
    assert run("draw", "again", "--weights").out
    assert run("convert", "again").out
    evaluator, _ = trained(here / "again", threads=1, at=6)
    assert evaluator.recipe.lr == 0.01


def test_a_fork_that_lost_its_checkpoints_begins_again(parent, here, run):
    own = here / "parent"
    shutil.copytree(parent, own)
    run("fork", "parent@4", "--set", "gdas.tau_min=1", "--out", "it", "--threads", "1")
    before = log_of(here / "it")
    for path in (here / "it" / "checkpoint").glob("step-*"):
        path.unlink()
    (here / "it" / "outcome.json").unlink()
    run("resume", "it", "--threads", "1")
    assert log_of(here / "it") == before
    for path in (here / "it" / "checkpoint").glob("step-*"):
        path.unlink()
    shutil.copy(own / "checkpoint" / "epoch-00002.pth", own / "checkpoint" / "epoch-00004.pth")
    (here / "it" / "outcome.json").unlink()
    told = run("resume", "it", status=2)
    assert "epoch 4 is no longer the one that it was forked from" in told.err


def test_a_checkpoint_that_does_not_fit_leaves_no_folder(parent, here, run):
    own = here / "parent"
    shutil.copytree(parent, own)
    kept = own / "checkpoint" / "epoch-00002.pth"
    shutil.copy(own / "checkpoint" / "epoch-00004.pth", kept)
    assert "what is kept as epoch 2 is of another: step" in run("fork", "parent@2", status=2).err
    state = TENSOR_FILES.load(parent / "checkpoint" / "epoch-00002.pth")
    state["searcher"]["position"] = np.zeros(3, dtype=np.int64)
    TENSOR_FILES.save(kept, state)
    assert "epoch-00002.pth: does not fit this run" in run("fork", "parent@2", status=2).err
    kept.unlink()
    kept.symlink_to("/dev/zero")
    assert "epoch-00002.pth: a pipe, a device" in run("fork", "parent@2", status=2).err
    assert [path.name for path in here.iterdir()] == ["parent"]
    assert "it: holds no run" in run("fork", "parent@4", "--resume", "--out", "it", status=2).err


@pytest.mark.parametrize("other", ["snas", "darts-v1", "setn"])
def test_another_searcher_goes_on_with_logits_batches_and_noise(parent, here, other):
    changes = {"setn": ["setn.candidates=3"]}.get(other, [])
    nasreplay.fork(f"{parent}@4", other, sets=changes, out=here / "it", threads=1)
    state, told = state_of(here / "it"), read_header(here / "it")
    assert told["searcher"]["name"] == other
    assert told["evaluator"]["recipe"] == read_header(parent)["evaluator"]["recipe"]
    assert epochs_of(here / "it")[:4] == epochs_of(parent)[:4]
    assert len(epochs_of(here / "it")) == 6
    np.testing.assert_array_equal(state["searcher"]["keys"], Stream(9, "searcher/gdas").keys)
    assert state["searcher"]["state"]["steps"].tolist() == [state["step"]]
    assert {name: state["evaluator"]["batches"][name] for name in ("epoch", "taken")} == {
        name: state_of(parent)["evaluator"]["batches"][name] for name in ("epoch", "taken")
    }


def test_the_recipe_of_the_weights_may_change(parent, here):
    nasreplay.fork(
        f"{parent}@4", sets=["recipe.decay=0.25", "recipe.momentum=0.5"], out=here / "it", threads=1
    )
    (group,) = state_of(here / "it")["evaluator"]["optimizer"]["param_groups"]
    assert (group["weight_decay"], group["momentum"]) == (0.25, 0.5)
    nasreplay.fork(f"{parent}@4", clip=1e-3, out=here / "clipped", threads=1)
    assert read_header(here / "clipped")["evaluator"]["recipe"]["clip"] == 1e-3
    assert epochs_of(here / "clipped")[4]["train_loss"] != epochs_of(parent)[4]["train_loss"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"channels": 4}, r"channels: a fork keeps its parent's \(2\): the weights are those of"),
        ({"cells": 2}, "cells: a fork keeps its parent's"),
        ({"bn": 0}, "bn: a fork keeps its parent's"),
        ({"nodes": 3}, "nodes: a fork keeps its parent's"),
        ({"space": "size"}, "space: a fork keeps its parent's: the weights are those of the space's network"),
        ({"dataset": "cifar10"}, r"dataset: a fork keeps its parent's \('digits'\): the weights learned"),
        ({"train_portion": 0.3}, "train_portion: a fork keeps its parent's"),
        ({"valid_on": "test"}, "valid_on: a fork keeps its parent's"),
        ({"fraction": 0.5}, "fraction: a fork keeps its parent's .*: the position in the images"),
        ({"batch": 8}, "batch: a fork keeps its parent's: the position in the images"),
        ({"seed": 10}, r"seed: a fork keeps its parent's \(9\): its batches and its noise"),
        ({"download": True}, "download: a fork keeps its parent's"),
        ({"weights": "run"}, "weights: a fork keeps its parent's"),
        ({"sets": ["recipe.batch_size=8"]}, "a fork keeps batch = 64 of its parent: the position"),
        ({"sets": ["recipe.optim=Adam"]}, "a fork keeps optim = SGD of its parent: another optimizer"),
        ({"sets": ["recipe.drop_last=1"]}, "a fork keeps drop_last = False of its parent"),
        ({"sets": ["recipe.train_portion=0.3"]}, "a fork keeps train_portion = 0.0 of its parent"),
        ({"sets": ["recipe.nothing=8"]}, "unknown setting 'nothing'"),
        (
            {"sets": ["gdas.logit_std=1"]},
            "gdas.logit_std has no effect on a fork: its logits are its parent's",
        ),
        ({"sets": ["snas.samples=2"]}, "settings for snas, which is not among the searchers"),
        ({"epochs": 4}, "4 of 4 epochs are over there"),
        ({"searcher": "rsps"}, "it cannot go on with what gdas has learned"),
        ({"searcher": "nobody"}, "unknown searcher|no searcher"),
        ({"nothing": 1}, "a fork has no setting 'nothing'"),
    ],
)
def test_what_would_not_fit_the_state_is_refused_by_name(parent, here, values, why):
    with pytest.raises(BadInput, match=why):
        nasreplay.fork(f"{parent}@4", **values, out=here / "it")
    assert not (here / "it").exists()


def test_families():
    for before, after in (("gdas", "snas"), ("rsps", "rsps"), ("darts-v1", "setn")):
        check_family(make(before), make(after), Path("run"))
    for before, after in (("gdas", "rsps"), ("enas", "snas"), ("rea", "random"), ("curriculum", "reinforce")):
        with pytest.raises(BadSetting, match="different families"):
            check_family(make(before), make(after), Path("run"))


def test_folders_that_cannot_be_forked(parent, here, run):
    for text in ("run", "run@", "run@x", "run@-1", "run@0"):
        assert "the form is RUN@EPOCH" in run("fork", text, status=2).err
    assert "epoch 3 was not kept; kept: 2, 4, 6" in run("fork", f"{parent}@3", status=2).err
    assert "6 of 6 epochs are over there" in run("fork", f"{parent}@6", status=2).err
    assert "holds no run" in run("fork", "nowhere@3", status=2).err
    others = {
        "table": {
            "seed": 0,
            "searcher": {"name": "rea"},
            "options": {"searcher": "rea", "evaluator": "table"},
        },
        "replayed": {"seed": 0, "searchers": {}, "datasets": []},
        "trained": {"seed": 0, "recipe": {"epochs": 12}},
    }
    for name, header in others.items():
        (here / name).mkdir()
        (here / name / "run.json").write_text(json.dumps(header))
        assert "not a run with shared weights" in run("fork", f"{name}@3", status=2).err
    (here / "taken").mkdir()
    shutil.copy(parent / "run.json", here / "taken")
    assert "holds a run: --resume continues it" in run("fork", f"{parent}@4", "--out", "taken", status=2).err
    from nasreplay.files.lock import alone_in

    with alone_in(here / "busy"):
        told = run("fork", f"{parent}@4", "--out", "busy", status=2)
    assert "another process is writing here" in told.err


def test_other_images_are_refused(parent, here, monkeypatch):
    """A run.json that names another fingerprint stands for images that have changed."""
    shutil.copytree(parent, here / "run")
    header = json.loads((here / "run" / "run.json").read_text())
    header["evaluator"]["data"] = "f" * 16
    (here / "run" / "run.json").write_text(json.dumps(header))
    with pytest.raises(BadOutput, match="has data = "):
        nasreplay.fork("run@4", out=here / "it", threads=1)
    assert not (here / "it" / "run.json").exists()
