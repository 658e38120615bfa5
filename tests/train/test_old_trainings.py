"""Run folders of version 0.1.0 (commit 9212774): a training goes on, and what a search found is trained.

training: `nasreplay train resnet` with OPTIONS after its first epoch. SECOND: losses of the second, uninterrupted.
"""

import json
import tarfile
from pathlib import Path

import pytest

from nasreplay.jobs.training import retrain
from nasreplay.jobs.training.training_target import read_cell, read_target
from nasreplay.runs.record import read_events
from nasreplay.train.images.published_files import PUBLISHED
from tests.support.made_up import published_files

OLD = Path(__file__).parents[1] / "golden" / "old_runs"
OPTIONS = {"dataset": "digits", "recipe": "12", "channels": 2, "cells": 0, "fraction": 0.1, "batch": 32}
SECOND = {"train": 2.226805951860216, "x-valid": 2.2964541912078857, "ori-test": 2.3120439052581787}


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(OLD / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def test_a_training_continues(tmp_path):
    folder = unpacked("training", tmp_path)
    result = retrain(read_cell("resnet"), out=str(folder), resume=True, epochs=2, threads=1, **OPTIONS)
    last = result.epochs[-1]
    assert [epoch.epoch for epoch in result.epochs] == [1, 2]
    losses = {"train": last.train.loss, **{name: score.loss for name, score in last.sets.items()}}
    assert losses == pytest.approx(SECOND, rel=1e-4)
    assert result.header["seed"] == 3
    logged = [json.loads(line)["epoch"] for line in (folder / "epochs.jsonl").read_text().splitlines()]
    assert logged == [1, 2]


def test_halves_of_test_images_stay_those_that_a_training_began_with(tmp_path, monkeypatch):
    published_files(tmp_path, PUBLISHED["cifar100"], monkeypatch, count=10_000)
    options = {
        **OPTIONS,
        "dataset": "cifar100",
        "fraction": 0.004,
        "out": str(tmp_path / "run"),
        "threads": 1,
    }
    retrain(read_cell("resnet"), **options, data=tmp_path, halves="seeded", seed=1, epochs=1)
    header = json.loads((tmp_path / "run" / "run.json").read_text())
    del header["settings"]["halves"]  # as it was before there was a choice
    (tmp_path / "run" / "run.json").write_text(json.dumps(header))
    result = retrain(read_cell("resnet"), **options, data=tmp_path, resume=True, epochs=2)
    assert len(result.epochs) == 2
    assert "not the official split" in result.training.source.note


def test_what_a_search_found_is_a_target(tmp_path):
    folder = unpacked("live", tmp_path)
    found = read_events(folder)[-1]["found"]
    for target in (folder, folder / "checkpoint" / "step-000000012.pth"):
        one = read_target(str(target))
        assert (str(one), one.dataset, one.searched) == (found, "digits", True)
