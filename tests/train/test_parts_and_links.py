"""Image folders whose parts have other names, whose links lead back, and what is told of them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.train.images.image_sources import ImageSource, load
from tests.support.made_up import image_folder


def read(folder: Path) -> ImageSource:
    return load(str(folder))


def counts(source: ImageSource) -> list[Any]:
    """Images of the training, validation and test part."""
    return [part and len(part) for part in (source.train, source.given_valid, source.all_test)]


def move(parent: Path, name: str, to: str) -> None:
    (parent / name).rename(parent / to)


@pytest.fixture
def plain(tmp_path) -> Path:
    return image_folder(tmp_path / "plain", {"train": 6, "val": 2})


@pytest.mark.parametrize(
    "names",
    [
        ("trainset", "testset"),
        ("training_set", "test_set"),
        ("train_images", "val_images"),
        ("Training", "Valid"),
    ],
)
def test_parts_under_their_common_names(tmp_path, names):
    folder = image_folder(tmp_path / "mine", dict(zip(names, (4, 2), strict=True)))
    assert (read(folder).names, counts(read(folder))) == (("ant", "bee", "cow"), [12, None, 6])
    for name in names:  # as Kaggle packs some: all of it once more in a folder of the same name
        move(folder, name, "aside")
        (folder / name).mkdir()
        move(folder, "aside", f"{name}/{name}")
    assert counts(read(folder)) == [12, None, 6]
    assert "left out" not in read(folder).about


@pytest.mark.parametrize(
    "names", [("seg_train", "seg_test"), ("fold1", "fold2"), ("seg_train/seg_train", "seg_test/seg_test")]
)
def test_parts_are_never_taken_for_classes(tmp_path, names):
    folder = image_folder(tmp_path / "mine", dict.fromkeys(names, 3))
    with pytest.raises(
        BadData, match=r"look like parts, not classes.*call them train/ and val/ or test/"
    ) as told:
        read(folder)
    assert ", ".join(name.split("/")[0] for name in sorted(names)) in str(told.value)


def test_classes_may_hold_folders_of_one_name(tmp_path):
    folder = image_folder(tmp_path / "mine", {"ant": 4, "bee": 4}, ("images",))
    assert read(folder).names == ("ant", "bee")


def test_links_bring_no_image_twice(plain):
    before = read(plain)
    for name, target in (
        ("loop", "train"),
        ("up", "."),
        ("bee", "train/bee"),
        ("000b.png", "train/bee/000.png"),
    ):
        (plain / "train" / "ant" / name).symlink_to(plain / target)
    assert (counts(read(plain)), read(plain).fingerprint) == (counts(before), before.fingerprint)
    store = image_folder(plain.parent / "store", {"ant": 2}) / "ant" / "ant"
    (plain / "train" / "ant" / "more").symlink_to(store)
    hidden = plain / "train" / ".store"
    hidden.mkdir()
    move(plain, "train/ant/000.png", "train/.store/x.png")
    (plain / "train" / "ant" / "000.png").symlink_to(hidden / "x.png")
    assert counts(read(plain)) == [20, None, 6]


def test_what_a_held_out_part_lacks_is_told(plain):
    for file in (plain / "val" / "bee").iterdir():
        file.unlink()
    with pytest.raises(BadData, match=r"plain/val: has no image of bee; every part"):
        read(plain)
    val = plain / "val"
    for file in (val / "ant", val / "cow", val / "bee"):
        move(val, file.name, f"../{file.name}")
    (val / "images").mkdir()
    for name in ("ant", "cow"):
        move(plain, f"{name}/000.png", f"val/images/{name}.png")
    with pytest.raises(
        BadData, match=r"val: images lie in|images: no such class in train/.*val_annotations\.txt"
    ):
        read(plain)
    (val / "val_annotations.txt").write_text("ant.png\tant\n")
    with pytest.raises(BadData, match="has no image of bee, cow; every"):
        read(plain)
    for name in ("bee", "dog"):
        shutil.copy(val / "images" / "cow.png", val / "images" / f"{name}.png")
    (val / "val_annotations.txt").write_text("ant.png\tant\nbee.png\tbee\ncow.png\tcow\n")
    told = read(plain).about
    assert "1 of 4 images of val/images/, which val_annotations.txt does not name" in told
    move(plain, "ant", "val/ant")
    with pytest.raises(BadData, match="sort all of them into class folders, or none"):
        read(plain)


@pytest.mark.parametrize(
    ("mode", "ending", "told"),
    [("LA", "png", "gray"), ("P", "png", "palette, looked up"), ("CMYK", "jpg", "CMYK, converted")],
)
def test_conversions_are_told(tmp_path, mode, ending, told):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1}, ending=ending)
    file = folder / "train" / "ant" / f"000.{ending}"
    Image.open(file).convert(mode).save(file)
    assert f"{told}: 1 of 9 images" in load(str(folder)).about


def test_values_of_12_bits_are_told(tmp_path):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    for file in folder.rglob("*.png"):
        Image.fromarray(np.full((8, 8), 4000, dtype=np.uint16)).save(file)
    assert "nearly black (values up to 4,095 at most: 12 bits?): 9 of 9 images" in read(folder).about


def test_images_that_were_moved(plain):
    before = read(plain).fingerprint
    plain.rename(plain.parent / "moved")
    with pytest.raises(BadData, match="of images that were moved, --data FOLDER"):
        read(plain)
    assert load(str(plain), plain.parent / "moved").fingerprint == before
