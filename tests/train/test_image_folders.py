"""Image folders as people have them: one reader for sets in memory and for those that are read while training."""

import os
from pathlib import Path

import pytest
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.train.images.image_sources import load
from tests.support.made_up import counts, image_folder


def move(parent: Path, name: str, to: str) -> None:
    (parent / name).rename(parent / to)


# --- what is a class, and what an image -----------------------------------------------------------


@pytest.mark.parametrize("part", ["train", "val", "."])
@pytest.mark.parametrize("name", [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir"])
def test_hidden_folders_are_no_classes(plain, read, part, name):
    before = read(plain)
    for place in (plain / part / name, plain / "train" / "bee" / name):
        place.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(place / "a-checkpoint.png")
    after = read(plain)
    assert (after.names, counts(after)) == (("ant", "bee", "cow"), [18, None, 6])
    assert (after.fingerprint, after.about) == (before.fingerprint, before.about)


def test_hidden_files_are_no_images(plain, read):
    before = read(plain).fingerprint
    for part in ("train/ant", "val/cow", "train", "."):
        (plain / part / "._000.png").write_bytes(b"\0\5\26\7")
        (plain / part / "Thumbs.db").write_bytes(b"\0")
    assert read(plain).fingerprint == before
    assert "left out" not in read(plain).about


@pytest.mark.parametrize("kind", ["empty", "other files"])
def test_a_class_without_a_training_image_is_named(plain, read, kind):
    (plain / "train" / "zz").mkdir()
    if kind == "other files":
        (plain / "train" / "zz" / "a.tga").touch()
    with pytest.raises(BadData, match=r"train/zz: a class without a training image") as told:
        read(plain)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "png", "PPM", "bmp", "pgm", "tif", "TIFF", "webp", "Png"])
def test_every_ending_that_torchvision_reads(tmp_path, read, ending):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    for file in [*folder.rglob("*.png")]:
        Image.open(file).convert("L" if ending == "pgm" else "RGB").save(file.with_name(f"new.{ending}"))
        file.with_name(f"new.{ending}").rename(file.with_name(f"{file.stem}.{ending}"))
        if ending != "png":
            file.unlink()
    assert counts(read(folder)) == [6, None, 3]


def test_other_files_are_counted_and_told(plain, read):
    (plain / "train" / "ant" / "notes.txt").touch()
    assert "left out: 1 file (.txt), such as /" in read(plain).about
    (plain / "train" / "bee" / "boxes.xml").touch()
    (plain / "train" / "bee" / "README").touch()
    told = read(plain).about
    assert f"left out: 3 files (.txt, .xml, no ending), such as {plain}/train/ant/notes.txt" in told
    assert counts(read(plain)) == [18, None, 6]
    (plain / "notes.md").touch()
    (plain / "train" / "labels.csv").touch()
    assert "left out: 5 files (.csv, .md, .txt, .xml, no ending)" in read(plain).about


def test_names_of_files_cannot_steer_a_terminal(plain, read):
    (plain / "train" / "ant" / "a\x1b]0;x\a\n.tx\x1bt").touch()
    told = read(plain).about
    assert told.isprintable()
    (plain / "train" / "z\x1b[2J\n").mkdir()
    with pytest.raises(BadData) as refused:
        read(plain)
    assert str(refused.value).isprintable()


def test_links_are_followed_and_loops_are_not(plain, read, tmp_path):
    whole = counts(read(plain))
    (plain / "train" / "ant").rename(tmp_path / "elsewhere")
    (plain / "train" / "ant").symlink_to(tmp_path / "elsewhere")
    (plain / "train" / "bee" / "up").symlink_to(plain / "train")
    (plain / "train" / "bee" / "self").symlink_to(".")
    move(plain / "val", "cow", "../cows")
    (plain / "val" / "cow").mkdir()
    (plain / "val" / "cow" / "more").symlink_to(plain / "cows")
    found = read(plain)
    assert counts(found)[2] == whole[2]
    assert len(set(found.names)) == 3


def test_a_broken_image_is_one_line_with_its_path(plain):
    (plain / "train" / "ant" / "zero.png").touch()
    with pytest.raises(BadData, match=r"train/ant/zero\.png: not an image that can be read") as told:
        load(str(plain))
    assert "\n" not in str(told.value)
    (plain / "train" / "ant" / "zero.png").unlink()
    (plain / "train" / "ant" / "gone.png").symlink_to(plain / "nothing.png")
    with pytest.raises(BadData, match=r"train/ant/gone\.png: cannot be read: No such file"):
        load(str(plain))


def test_a_pipe_is_no_image(plain, read):
    os.mkfifo(plain / "train" / "ant" / "pipe.png")
    assert counts(read(plain)) == [18, None, 6]


# --- which part ------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["valid", "validation", "Val", "test", "testing"])
def test_names_of_the_held_out_part(plain, read, names):
    move(plain, "val", names)
    assert counts(read(plain)) == [18, None, 6]


def test_validation_and_test(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"train": 4, "validation": 2, "test": 1})
    assert counts(read(folder)) == [12, 6, 3]


@pytest.mark.parametrize("train", ["train", "."])
def test_without_held_out_images_a_fifth_of_each_class_is_the_test_set(tmp_path, read, train):
    folder = image_folder(tmp_path / "mine", {train: 10})
    source = read(folder)
    assert counts(source) == [24, None, 6]
    assert source.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert "a fifth of each class (seed 1021) is the test set" in source.note
    assert source.fingerprint == read(folder).fingerprint
    (folder / train / "ant" / "000.png").unlink()
    assert source.fingerprint != read(folder).fingerprint


def test_one_image_of_a_class_is_learned(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"train": 5})
    for number in range(1, 5):
        (folder / "train" / "ant" / f"00{number}.png").unlink()
    assert counts(read(folder)) == [9, None, 2]


def test_flat_parts_say_where_images_belong(plain, read):
    for name in ("ant", "bee", "cow"):
        for file in (plain / "val" / name).iterdir():
            file.rename(plain / "val" / f"{name}-{file.name}")
        (plain / "val" / name).rmdir()
    with pytest.raises(
        BadData, match=r"val: its 6 images lie in val/ itself; expected train/CLASS/IMAGE and"
    ):
        read(plain)


def test_images_beside_the_class_folders_are_told(plain, read):
    Image.new("RGB", (8, 8)).save(plain / "train" / "stray.png")
    assert f"left out: 1 file (.png), such as {plain}/train/stray.png" in read(plain).about
    assert counts(read(plain)) == [18, None, 6]


def test_a_part_without_train_is_told(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"val": 2, "test": 2})
    with pytest.raises(BadData, match=r"mine: has val/ but no train/: expected train/CLASS/IMAGE"):
        read(folder)


def test_a_folder_that_holds_no_images_is_told(tmp_path, read):
    (tmp_path / "mine" / "text").mkdir(parents=True)
    with pytest.raises(BadData, match=r"mine: holds no images that can be read: expected train/CLASS"):
        read(tmp_path / "mine")
    with pytest.raises(BadData, match=r"'.*/nowhere' is not under .* and no folder here"):
        read(tmp_path / "nowhere")


def test_other_folders_at_the_top_are_told(plain, read):
    (plain / "vall").mkdir()
    assert "left out: the folder vall/" in read(plain).about
