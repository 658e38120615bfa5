"""TensorBoard of searches and trainings: tags, no epoch twice after a resume, and runs where it is not installed."""

import json
import sys
from collections import Counter

import pytest

from nasreplay.jobs.searches import search
from nasreplay.jobs.training import retrain
from nasreplay.jobs.training.training_target import read_cell
from nasreplay.runs.tensorboard import MISSING, Board, of_search, of_training

TINY = {"dataset": "digits", "fraction": 0.1, "channels": 2, "cells": 1, "seed": 3, "threads": 1}
SCORE = {"loss": 2.0, "top1": 30.0, "top5": 70.0, "seconds": 1.0}


class Killed(BaseException):
    """What no part of a run handles."""


def drawn(folder):
    """(tag, step) → how often it is in the event files, read record by record: nothing is purged."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    every = Counter()
    for file in (folder / "tensorboard").iterdir():
        for event in EventFileLoader(str(file)).Load():
            every.update((value.tag, event.step) for value in event.summary.value)
    return every


def killed_at(line):
    def tell(text):
        if text.startswith(line):
            raise Killed

    return tell


def test_numbers_of_a_search_have_the_published_tags():
    epoch = {
        "event": "epoch",
        "epoch": 4,
        "found": "|…|",
        "train_loss": 2.0,
        "temperature": 0.5,
        "entropy": [1.0, 1.5],
    }
    tags = {"epoch_train_error_loss": 2.0, "epoch_temp": 0.5, "entropy/0": 1.0, "entropy/1": 1.5}
    assert of_search(epoch) == (4, tags, True)
    step = {"event": "step", "step": 21, "scalars": {"train_loss": 2.5, "iter_normal_size_mc": 3}}
    assert of_search(step) == (21, {"iter_train_loss": 2.5, "iter_normal_size_mc": 3.0}, False)
    assert of_search({"event": "step", "step": 21, "loss": 2.5}) is None


def test_numbers_of_a_training():
    values = {"lr": 0.1, "train/loss": 2.0, "train/top1": 30.0, "ori-test/loss": 2.0, "ori-test/top1": 30.0}
    assert of_training({"epoch": 1, "lr": 0.1, "train": SCORE, "sets": {"ori-test": SCORE}}) == (
        1,
        values,
        True,
    )


@pytest.mark.slow
def test_a_resumed_search_draws_nothing_twice(tmp_path):
    with pytest.raises(Killed):
        search("snas", "supernet", epochs=3, batch=16, **TINY, out=tmp_path, tell=killed_at("epoch 2/"))
    assert drawn(tmp_path)["epoch_temp", 0] == 1
    search("snas", "supernet", epochs=3, batch=16, **TINY, out=tmp_path, resume=True)
    found = drawn(tmp_path)
    assert set(found.values()) == {1}
    assert {step for tag, step in found if tag == "epoch_temp"} == {0, 1, 2}
    tags = {tag for tag, _ in found}
    assert {"iter_train_loss", "iter_train_top1_acc", "epoch_valid_acc", "total_arch_entropy"} <= tags
    log = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    logged = [event["step"] for event in log if "scalars" in event]
    assert logged == sorted(step for tag, step in found if tag == "iter_train_loss") == [1, 11]


@pytest.mark.slow
def test_a_resumed_training_draws_nothing_twice(tmp_path):
    with pytest.raises(Killed):
        retrain(read_cell("resnet"), out=str(tmp_path), epochs=3, **TINY, tell=killed_at("epoch 2/"))
    retrain(read_cell("resnet"), out=str(tmp_path), epochs=3, **TINY, resume=True)
    found = drawn(tmp_path)
    assert set(found.values()) == {1}
    assert {step for tag, step in found if tag == "train/loss"} == {1, 2, 3}
    assert {tag for tag, _ in found} >= {"lr", "train/top1", "ori-test/top1"}


def test_without_tensorboard_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    told = []
    board = Board(tmp_path / "tensorboard", of_training, told.append)
    epoch = {"epoch": 1, "lr": 0.1, "train": SCORE, "sets": {}}
    board.start([epoch])
    board.add(epoch)
    board.close()
    assert told == [MISSING]
    assert not list(tmp_path.iterdir())
