"""Pixels of image folders: how values become 8 bits of three colors, and which size the images get."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.train.images.image_sources import ImageSource, load
from tests.support.made_up import image_folder


def of_one_image(tmp_path, make, ending="png", side: int = 8) -> ImageSource:
    """The data set whose training images are all what `make` gives."""
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1}, side=side)
    for file in folder.glob("train/*/*"):
        make().save(file.with_suffix(f".{ending}"))
        if ending != "png":
            file.unlink()
    return load(str(folder))


def wide(values: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8), values, dtype=np.uint16))


def pgm(file: Path) -> None:
    file.with_suffix(".pgm").write_bytes(b"P5 8 8 65535\n" + (257 * 100).to_bytes(2, "big") * 64)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_gray_of_16_bits_is_divided_by_257(tmp_path, ending, level):
    source = of_one_image(tmp_path, lambda: wide(257 * level), ending)
    assert source.train.images.unique().tolist() == [level]
    assert "16 bits, divided by 257: 6 of 9 images" in source.about


def test_gray_of_16_bits_in_other_files(tmp_path):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    for file in folder.glob("train/*/*"):
        pgm(file)
        file.unlink()
    assert load(str(folder)).train.images.unique().tolist() == [100]


@pytest.mark.parametrize(
    ("make", "ending", "told"),
    [
        (lambda: Image.new("F", (8, 8), 0.5), "tif", "floating-point pixels; expected 8 or 16 bits"),
        (lambda: Image.new("I", (8, 8), 70_000), "tif", "pixels from 70000 to 70000; expected 8 or 16 bits"),
        (lambda: Image.new("I", (8, 8), -1), "tif", "pixels from -1 to -1; expected 8 or 16 bits"),
    ],
)
def test_pixels_without_a_rule_are_refused(tmp_path, make, ending, told):
    with pytest.raises(BadData, match=rf"train/ant/000\.tif: .*{told}"):
        of_one_image(tmp_path, make, ending)


def palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    if transparent:
        image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("make", "ending", "color"),
    [
        (lambda: Image.new("L", (8, 8), 77), "png", (77, 77, 77)),
        (lambda: Image.new("1", (8, 8), 1), "png", (255, 255, 255)),
        (lambda: Image.new("LA", (8, 8), (77, 255)), "png", (77, 77, 77)),
        (lambda: Image.new("LA", (8, 8), (77, 0)), "png", (255, 255, 255)),
        (lambda: Image.new("RGBA", (8, 8), (10, 20, 30, 255)), "png", (10, 20, 30)),
        (lambda: Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "png", (255, 255, 255)),
        (lambda: Image.new("RGBA", (8, 8), (0, 0, 0, 51)), "png", (204, 204, 204)),
        (lambda: palette(False), "png", (200, 100, 50)),
        (lambda: palette(True), "png", (255, 255, 255)),
        (lambda: Image.new("CMYK", (8, 8), (0, 255, 0, 0)), "tif", (255, 0, 255)),
    ],
)
def test_colors(tmp_path, make, ending, color):
    source = of_one_image(tmp_path, make, ending)
    assert source.train.images[0, :, 0, 0].tolist() == list(color)
    assert ("transparent, put on white: 6 of 9" in source.about) == (
        make().convert("RGBA").getextrema()[3][0] < 255
    )


def test_orientation_is_not_applied_as_in_torchvision(tmp_path):
    def turned() -> Image.Image:
        image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
        image.getexif()[0x0112] = 6
        return image

    assert of_one_image(tmp_path, turned).train.images[0, 0].flatten().tolist() == list(range(64))


# --- size ------------------------------------------------------------------------------------------


def resize(file: Path, size: tuple[int, int]) -> None:
    Image.open(file).resize(size).save(file)


def test_the_size_is_told(plain):
    assert ", 8 × 8 pixels, from the image folder" in load(str(plain)).about
    for file in plain.rglob("*.png"):
        resize(file, (180, 200))
    source = load(str(plain))
    assert source.side == 64
    assert ", 64 × 64 pixels (from 180 × 200), from the image folder" in source.about


@pytest.mark.parametrize("which", ["train/ant/000.png", "train/cow/005.png", "val/bee/001.png"])
def test_the_side_does_not_hang_on_one_odd_image(plain, which):
    resize(plain / which, (5, 60))
    source = load(str(plain))
    assert source.side == 8
    told = f"8 × 8 pixels (most from 8 × 8; 1 of 24 are not, such as {plain}/{which} of 5 × 60)"
    assert told in source.about


def test_many_sizes_are_told_as_a_range(plain):
    for number, file in enumerate(sorted(plain.rglob("*.png"))):
        resize(file, (20 + number, 50))
    source = load(str(plain))
    assert "(from 20 × 50 to 43 × 50)" in source.about
    assert 20 < source.side < 43
