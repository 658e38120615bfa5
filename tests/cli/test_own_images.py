"""Images of one's own, by path: runs know them by what they contain, from any working folder."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.made_up import image_folder

pytestmark = pytest.mark.slow

TINY = ("--channels", "4", "--cells", "1", "--threads", "1", "--batch", "12")
SEARCH = ("search", "gdas", "--evaluator", "supernet", "--epochs", "1", *TINY)
REA = ("search", "rea", "--evaluator", "supernet", *TINY, "--evaluations", "3")


@pytest.fixture
def two(tmp_path) -> Path:
    return image_folder(tmp_path / "d" / "two", {"train": 12, "val": 4}, ("ant", "bee"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Go to another working folder."""

    def go() -> Path:
        (tmp_path / "other" / "place").mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path / "other" / "place")
        return tmp_path

    return go


def test_a_note_on_images_is_a_line_of_its_own_and_told_once(run, tmp_path):
    image_folder(tmp_path / "one", {"train": 12}, ("ant", "bee"))
    told = run(*SEARCH, "--dataset", "./one", "--out", "R")
    assert "\nnote: one: no images are held out in " in told.err
    told = run("train", "9930", *TINY, "--dataset", "./one", "--epochs", "1", "--out", "T")
    assert (told.out + told.err).count("no images are held out") == 1


def test_a_run_is_taken_up_from_anywhere(run, two, elsewhere):
    told = run(*SEARCH, "--dataset", "d/two", "--seed", "1", "--out", "R")
    assert "24 training and 8 test images of 2 classes, 8 × 8 pixels, from the image folder /" in told.err
    header = json.loads(Path("R/run.json").read_text())
    assert header["evaluator"]["dataset"] == "two"
    assert header["evaluator"]["split"] == "a part 0.5 of the training images, seed 1021"
    assert header["images"] == {
        "folder": str(two),
        "classes": ["ant", "bee"],
        "fingerprint": header["evaluator"]["data"],
        "split": header["evaluator"]["split"],
        "about": header["images"]["about"],
    }
    root = elsewhere()
    place = str(root / "R")
    for dataset in (("--dataset", str(two)), ("--dataset", "two", "--data", str(root / "d"))):
        assert "found" in run(*REA, *dataset, "--weights", place, "--out", f"out{len(dataset)}").out
    run("retrain", place, *TINY, "--recipe", "1", "--out", "T")
    header = json.loads(Path("T/run.json").read_text())
    assert header["images"]["about"].endswith(f"image folder {two}")
    assert header["images"]["fingerprint"] == header["data"]
    assert header["settings"]["dataset"] == str(two)
    told = run("tabulate", "--run", place, "--sample", "3", "--out", "t.h5")
    assert "images of 2 classes, 8 × 8 pixels" in told.err
    assert "no table" in run("gap", place, status=2).err
    assert "continues" not in run(*SEARCH, "--dataset", str(two), "--out", place, "--resume").err


def test_moved_images_are_named_with_data(run, two, tmp_path):
    run(*SEARCH, "--dataset", str(two), "--seed", "1", "--out", "R")
    moved = tmp_path / "moved"
    two.rename(moved)
    assert "'" + str(two) + "' is not under" in run("tabulate", "--run", "R", "--out", "t.h5", status=2).err
    run("tabulate", "--run", "R", "--data", str(moved), "--sample", "3", "--out", "t.h5")
    run(*REA, "--dataset", str(moved), "--weights", "R", "--out", "W")
    run(*SEARCH, "--dataset", str(moved), "--seed", "1", "--out", "R", "--resume")
    for file in moved.rglob("*.png"):
        Image.new("RGB", (8, 8), (1, 2, 3)).save(file)
    told = run("tabulate", "--run", "R", "--data", str(moved), "--out", "u.h5", status=2).err
    assert f"{moved}: not the images of R, or no longer" in told
    told = run(*REA, "--dataset", str(moved), "--weights", "R", "--out", "X", status=2).err
    assert "on two; this search has" in told
    assert "(the same network, but other images or parts)" in told


def test_a_folder_called_cifar10_is_not_shown_as_it(run, tmp_path):
    image_folder(tmp_path / "d" / "cifar10", {"train": 12, "val": 4}, ("ant", "bee"))
    told = run(*SEARCH, "--dataset", "d/cifar10", "--seed", "1")
    assert "gdas on cifar10-folder, seed 1" in told.out
    assert "in the table" not in told.out
    assert Path("output/search-cell-nas-bench-201/GDAS-cifar10-folder-BN1/seed-1/run.json").exists()
    told = run("train", "9930", "--dataset", "d/cifar10", "--recipe", "1", *TINY, "--seed", "1")
    assert "on cifar10-folder, seed 1" in told.out
    assert "in the table" not in told.out


def test_data_is_not_forgotten(run, two, elsewhere, monkeypatch):
    two.rename(two.with_name("cifar10"))
    run(*SEARCH, "--dataset", "cifar10", "--data", "d", "--seed", "1", "--out", "R")
    monkeypatch.setenv("TORCH_HOME", str(two.parent / "none"))
    root = elsewhere()
    told = run("retrain", str(root / "R"), *TINY, "--recipe", "1", "--out", "T")
    assert str(two.with_name("cifar10")) in told.out
    run("tabulate", "--run", str(root / "R"), "--sample", "3", "--out", "t.h5")
    assert "tau" in run("gap", str(root / "R"), "--sample", "5").out


def test_what_cannot_be_had_is_one_line_and_makes_nothing(refused, run, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    cifar = ("--dataset", "cifar10")
    for command in (("retrain", "GDAS_V1"), ("train", "11", *cifar), (*SEARCH, *cifar)):
        assert "`nasreplay data fetch cifar10` gets it (170 MB)" in refused(*command)
    assert "expected an image folder ILSVRC2012" in refused(*SEARCH, "--dataset", "imagenet-1k")
