"""Image folders: `train/CLASS/*` with `val/` and or `test/` beside it, and Tiny-ImageNet-200 as downloaded.

One listing serves data sets that are decoded into memory (`read_folder`) and data sets that are read while training
(`streamed`). Classes are counted in alphabetical order, images are listed class by class, in alphabetical order.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadData
from nasreplay.train.images.published_files import Decoded, Labeled

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm"}
LARGEST_SIDE = 64
_ANNOTATIONS = "val_annotations.txt"


class Part(NamedTuple):
    """The images of one part, in order."""

    files: list[Path]
    """Paths of the images."""
    labels: np.ndarray
    """Classes of the images, int64 [N]."""


class ImageFolder:
    """The listing of an image folder; a part is listed when it is first asked for. Raises BadData.

    With `val/` (or `valid/`) and `test/`, the first is the validation part; one of them alone is the test part. The
    images in Tiny-ImageNet's `test/` have no labels: its `val/` is the test part.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        if not is_image_folder(folder):
            raise BadData(f"{folder}: needs train/CLASS/IMAGE and val/CLASS/IMAGE")
        self.names = tuple(sorted(entry.name for entry in (folder / "train").iterdir() if entry.is_dir()))
        if not self.names:
            raise BadData(f"{folder / 'train'}: has no folder per class; expected train/CLASS/IMAGE")
        held = folder / "valid" if (folder / "valid").is_dir() else folder / "val"
        test = folder / "test"
        self._annotated = (held / _ANNOTATIONS).is_file()
        alone = self._annotated or not held.is_dir() or not test.is_dir()
        self._valid, self._test = (None, held if held.is_dir() else test) if alone else (held, test)

    @cached_property
    def train(self) -> Part:
        """The training images."""
        return self._by_class(self.folder / "train")

    @cached_property
    def valid(self) -> Part | None:
        """The validation images, where there are also test images."""
        return None if self._valid is None else self._by_class(self._valid)

    @cached_property
    def test(self) -> Part:
        """The test images."""
        return self._by_annotation(self._test) if self._annotated else self._by_class(self._test)

    def _by_class(self, part: Path) -> Part:
        strange = [entry.name for entry in part.iterdir() if entry.is_dir() and entry.name not in self.names]
        if strange:
            raise BadData(f"{part / min(strange)}: no such class in train/ ({len(self.names)} classes)")
        found = [
            (file, label)
            for label, name in enumerate(self.names)
            for file in sorted((part / name).rglob("*"))
            if file.suffix.lower() in ENDINGS
        ]
        if not found:
            raise BadData(f"{part}: holds no images ({', '.join(sorted(ENDINGS))})")
        return _part(found)

    def _by_annotation(self, part: Path) -> Part:
        """Tiny-ImageNet's validation images: a line `file TAB class TAB …` each."""
        numbers, found = {name: label for label, name in enumerate(self.names)}, []
        lines = (part / _ANNOTATIONS).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            file, name, *_ = *line.split("\t"), ""
            if name not in numbers:
                raise BadData(f"{part / _ANNOTATIONS}, line {number}: class {name!r} is not in train/")
            found.append((part / "images" / file, numbers[name]))
        if not found:
            raise BadData(f"{part / _ANNOTATIONS}: names no images")
        return _part(found)


def is_image_folder(folder: Path) -> bool:
    """Whether it has `train/` and one of `val/`, `valid/`, `test/`."""
    return (folder / "train").is_dir() and any((folder / name).is_dir() for name in ("val", "valid", "test"))


def open_rgb(file: Path | str) -> Any:
    """The PIL image of a file, in RGB; raises BadData, which names the file."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as problem:
        raise BadData(f"{file}: not an image that can be read ({problem}); replace or remove it") from None


def read_folder(folder: Path) -> Decoded:
    """Every image, scaled and cropped to the first one's shorter side squared, at most 64 pixels. Raises BadData."""
    listed = ImageFolder(folder)
    side = min(LARGEST_SIDE, *open_rgb(listed.train.files[0]).size)
    train, test = _decoded(listed.train, side), _decoded(listed.test, side)
    return Decoded(train, listed.valid and _decoded(listed.valid, side), test, listed.names)


def _part(found: list[tuple[Path, int]]) -> Part:
    return Part([file for file, _ in found], np.array([label for _, label in found], dtype=np.int64))


def _decoded(part: Part, side: int) -> Labeled:
    from PIL import Image, ImageOps

    images = np.empty((len(part.files), 3, side, side), dtype=np.uint8)
    for row, file in enumerate(part.files):
        image = open_rgb(file)
        if image.size != (side, side):
            image = ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
        images[row] = np.asarray(image).transpose(2, 0, 1)
    return images, part.labels
