"""Image folders: `train/CLASS/*` with `val/` and or `test/` beside it, and Tiny-ImageNet-200 as downloaded.

Images are stored at one square size: the shorter side of the first training image, at most 64 pixels. An image of
another size is scaled to that shorter side and cropped at the centre. Classes are counted in alphabetical order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nasreplay.errors import BadData
from nasreplay.train.images.published_files import Decoded, Labelled

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm"}
LARGEST_SIDE = 64
_ANNOTATIONS = "val_annotations.txt"

Listed = list[tuple[Path, int]]  # file, class


def is_image_folder(folder: Path) -> bool:
    """Whether it has `train/` and one of `val/`, `valid/`, `test/`."""
    return (folder / "train").is_dir() and any((folder / name).is_dir() for name in ("val", "valid", "test"))


def read_folder(folder: Path) -> Decoded:
    """Decode every image. With `val/` and `test/`, `val/` is the validation part, alone it is the test set.

    Raises BadData, which names the file.
    """
    names = tuple(sorted(entry.name for entry in (folder / "train").iterdir() if entry.is_dir()))
    if not names:
        raise BadData(f"{folder / 'train'}: has no folder per class; expected train/CLASS/IMAGE")
    train = labelled_files(folder / "train", names)
    side = min(LARGEST_SIDE, *_size(train[0][0]))
    held = folder / "valid" if (folder / "valid").is_dir() else folder / "val"
    if (held / _ANNOTATIONS).is_file():  # Tiny-ImageNet-200: its test/ has no labels
        return Decoded(_decoded(train, side), None, _decoded(_annotated(held, names), side), names)
    test = folder / "test"
    if not held.is_dir() or not test.is_dir():
        only = held if held.is_dir() else test
        return Decoded(_decoded(train, side), None, _decoded(labelled_files(only, names), side), names)
    parts = [_decoded(labelled_files(part, names), side) for part in (held, test)]
    return Decoded(_decoded(train, side), parts[0], parts[1], names)


def labelled_files(part: Path, names: tuple[str, ...]) -> Listed:
    """The images of a part, class by class, in alphabetical order."""
    strange = sorted(entry.name for entry in part.iterdir() if entry.is_dir() and entry.name not in names)
    if strange:
        raise BadData(f"{part / strange[0]}: no such class in train/ ({len(names)} classes)")
    found = [
        (file, label)
        for label, name in enumerate(names)
        for file in sorted((part / name).rglob("*"))
        if file.suffix.lower() in ENDINGS
    ]
    if not found:
        raise BadData(f"{part}: holds no images ({', '.join(sorted(ENDINGS))})")
    return found


def _annotated(part: Path, names: tuple[str, ...]) -> Listed:
    """Tiny-ImageNet's validation images: a line `file TAB class TAB …` each."""
    place, found = {name: label for label, name in enumerate(names)}, []
    for number, line in enumerate((part / _ANNOTATIONS).read_text(encoding="utf-8").splitlines(), 1):
        file, _, rest = line.partition("\t")
        name = rest.partition("\t")[0]
        if name not in place:
            raise BadData(f"{part / _ANNOTATIONS}, line {number}: class {name!r} is not in train/")
        found.append((part / "images" / file, place[name]))
    if not found:
        raise BadData(f"{part / _ANNOTATIONS}: names no images")
    return found


def _size(file: Path) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, ValueError, SyntaxError) as problem:
        raise _unreadable(file, problem) from None


def _decoded(listed: Listed, side: int) -> Labelled:
    images = np.empty((len(listed), 3, side, side), dtype=np.uint8)
    for place, (file, _) in enumerate(listed):
        images[place] = _pixels(file, side)
    return images, np.array([label for _, label in listed], dtype=np.int64)


def _pixels(file: Path, side: int) -> np.ndarray:
    """uint8 [3, side, side]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            colors = image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as problem:
        raise _unreadable(file, problem) from None
    if colors.size != (side, side):
        colors = ImageOps.fit(colors, (side, side), Image.Resampling.BILINEAR)
    return np.asarray(colors).transpose(2, 0, 1)


def _unreadable(file: Path, problem: Exception) -> BadData:
    return BadData(f"{file}: not an image that can be read ({problem}); replace or remove it")
