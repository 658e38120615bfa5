"""`nasreplay data split`: a list divides an image folder, and stands for it in every command."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from nasreplay.cli.data import data
from nasreplay.data.cards import CARDS
from nasreplay.errors import BadData, BadOutput, BadSetting
from nasreplay.jobs.image_files import split
from nasreplay.train.images.image_sources import load
from nasreplay.train.images.streamed import load_files
from tests.support.made_up import counts, image_folder

CLASSES = ("ant", "bee", "cow")


@pytest.fixture
def flat(tmp_path) -> Path:
    """Class folders of 12 images, and one of 5."""
    folder = image_folder(tmp_path / "photos", {".": 12})
    for number in range(5, 12):
        (folder / "cow" / f"{number:03d}.png").unlink()
    return folder


def told(list_file: Path, old: str, new: str) -> str:
    list_file.write_text(list_file.read_text().replace(old, new, 1))
    with pytest.raises(BadData) as refused:
        load(str(list_file))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_every_class_is_divided_alike_and_nothing_is_copied(flat, read):
    done = CliRunner().invoke(data, ["split", str(flat), "--ratio", "0.25"])
    file = flat.parent / "photos-0.25-seed1.txt"
    assert done.stdout.splitlines() == [
        f"{file}: 7 training and 22 held-out images of 3 classes",
        f"use it as --dataset {file}",
    ]
    rows = [line.split("\t") for line in file.read_text().splitlines()[2:]]
    assert Counter((part, name) for part, name, _ in rows)["train", "cow"] == 1
    assert sorted(path for _, _, path in rows) == sorted(
        file.relative_to(flat).as_posix() for file in flat.rglob("*.png")
    )
    source = read(file)
    assert (source.names, counts(source), source.note) == (CLASSES, [7, None, 22], "")
    assert source.name == "photos-0.25-seed1"
    before = file.read_bytes()
    split(flat, ratio=0.25)
    assert file.read_bytes() == before
    split(flat, ratio=0.25, seed=2, out=flat / "sub.txt")
    assert counts(read(flat / "sub.txt")) == [7, None, 22]
    assert read(flat / "sub.txt").fingerprint != source.fingerprint
    (flat / "ant" / "000.png").unlink()
    rest = split(flat, ratio=0.25).file.read_text().splitlines()
    assert [row for row in rest if "bee" in row] == [
        row for row in before.decode().splitlines() if "bee" in row
    ]


def test_a_list_of_a_folder_that_was_moved_with_it(flat, tmp_path):
    split(flat)
    (tmp_path / "new").mkdir()
    for name in ("photos", "photos-0.5-seed1.txt"):
        (tmp_path / name).rename(tmp_path / "new" / name)
    assert counts(load(str(tmp_path / "new" / "photos-0.5-seed1.txt"))) == [14, None, 15]


def test_what_cannot_be_divided(flat, tmp_path):
    for ratio in (0, 1, -1, 1.5, float("nan")):
        with pytest.raises(BadSetting, match=r"lies between 0 and 1|must be a finite number"):
            split(flat, ratio=ratio)
    with pytest.raises(BadData, match="nowhere: cannot be read"):
        split(tmp_path / "nowhere")
    (flat / "ant" / "a\nb.png").symlink_to(flat / "ant" / "000.png")
    Image.new("RGB", (8, 8)).save(flat / "bee" / "a\tb.png")
    with pytest.raises(BadData, match=r"bee/a\\tb\.png: a name that no line of a list can hold"):
        split(flat)
    (flat / "bee" / "a\tb.png").unlink()
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    (flat / "cow" / "out.png").symlink_to(tmp_path / "x.png")
    with pytest.raises(BadData, match=r"cow/out\.png: leads out of .*photos, to .*x\.png"):
        split(flat)
    (flat / "cow" / "out.png").unlink()
    with pytest.raises(BadOutput, match="exists and is no list of images"):
        split(flat, out=tmp_path / "x.png")
    for number in range(1, 5):
        (flat / "cow" / f"00{number}.png").unlink()
    with pytest.raises(BadData, match=r"cow/000\.png: the only image of its class"):
        split(flat)
    parted = image_folder(tmp_path / "parted", {"train": 2, "val": 2})
    with pytest.raises(BadData, match="parted: has held-out images already"):
        split(parted)
    assert split(parted / "train").counts["train"] == dict.fromkeys(CLASSES, 1)


def test_lists_are_read_without_trust(flat, tmp_path):
    file = split(flat).file
    text = file.read_text()
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    for old, new, wanted in (
        ("ant/00", "../ant/00", "lies outside"),
        ("ant/00", "/ant/00", "lies outside"),
        ("train\tant", "learn\tant", "line 3: 'learn"),
        ("train\tant\tant/", "train\tant", "line 3: "),
        ("val\tbee", "val\tdog", "val has the class 'dog', which train has not"),
        ("ant/00", "./ant/00", "line 3: "),
        ("ant/00", "ant//00", "line 3: "),
        ("images: photos", "images: gone", "line 2: its images are not in"),
    ):
        assert wanted in told(file, old, new)
        file.write_text(text)
    rows = text.splitlines()
    file.write_text("\n".join([*rows, rows[-1]]))
    assert "stands there twice" in told(file, "", "")
    file.write_text("\n".join(rows[:2]))
    assert "names no image" in told(file, "", "")
    file.write_text("\n".join(row for row in rows if not row.startswith("val\tbee")))
    assert "val: has no image of bee" in told(file, "", "")
    file.write_text(text)
    gone = rows[2].split("\t")[2]
    (flat / gone).unlink()
    assert f"{gone}: cannot be read: No such file" in told(file, "", "")


def test_a_list_stands_for_a_built_in_data_set_whose_classes_are_counted(flat):
    file = split(flat).file
    source = load_files("AID_50", file, 16, 0)
    assert source.where == {"dataset": "AID_50", "data": str(file)}
    assert source.note == "AID_50: 3 classes, where the published images have 30"
    again = load_files("AID_50", Path(source.where["data"]), 16, 0)
    assert again.fingerprint == source.fingerprint


def test_the_data_sets_of_slnas_are_found_by_their_folders(tmp_path):
    classes = {"AID_20": 30, "AID_50": 30, "NWPU_10": 45, "NWPU_20": 45, "nas_eval_hard_flower": 102}
    classes |= {"nas_eval_hard_sport": 8, "nas_eval_hard_indoor": 67, "leaf": 38}
    assert {name: CARDS[name].facts.classes for name in classes} == classes
    every = tuple("abcdefgh")
    for name in ("nas_eval_hard_sport", "nas_eval_hard_flower"):
        image_folder(tmp_path / name, {"train": 1, "val": 1}, every)
    for data_folder in (tmp_path, tmp_path / "nas_eval_hard_sport"):
        source = load_files("nas_eval_hard_sport", data_folder, workers=0)
        assert (source.side, source.classes, source.note) == (224, 8, "")
