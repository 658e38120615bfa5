"""Pixels of image files: any kind of image as RGB of 8 bits, and a folder of small images as arrays of one size.

Gray is repeated in three channels, palettes are looked up, CMYK is converted as Pillow does, transparent parts are
put on white, and gray of 16 bits is divided by 257 (65,535 becomes 255). Floating-point pixels are refused. EXIF
orientation is not applied, as in torchvision. Of several frames or pages the first one is read.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np

from nasreplay.errors import BadData
from nasreplay.files.text import harmless, place
from nasreplay.train.images.image_folder import ImageFolder, Part
from nasreplay.train.images.published_files import Decoded, Labeled

LARGEST_SIDE = 64
HALVED = 4  # networks halve images twice, and the halves must be whole
DEEP, TRANSPARENT = "16 bits, divided by 257", "transparent, put on white"
DARK = "16 bits, divided by 257, nearly black (values up to 4,095 at most: 12 bits?)"
CONVERTED = {
    **dict.fromkeys(("1", "L", "LA", "La"), "gray"),
    "CMYK": "CMYK, converted",
    "P": "palette, looked up",
    "PA": "palette, looked up",
}


def open_rgb(file: Path | str, kinds: Counter[str] | None = None) -> Any:
    """The PIL image of a file, in RGB; `kinds` counts what was changed. Raises BadData, which names the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                image.load()
                changed, kind = _rgb(image)
    except Exception as problem:  # a damaged file makes decoders raise anything
        told = harmless(" ".join(str(problem).split())) or type(problem).__name__
        raise BadData(
            f"{place(file)}: not an image that can be read ({told}); replace or remove it"
        ) from None
    if kinds is not None and kind:
        kinds[kind] += 1
    return changed


def _rgb(image: Any) -> tuple[Any, str]:
    """(image in RGB, what was done to it, or "")."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels; expected 8 or 16 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError(f"pixels from {values.min()} to {values.max()}; expected 8 or 16 bits")
        kind = DARK if 0 < values.max() < 4096 else DEEP
        return Image.fromarray(np.rint(values / 257).astype(np.uint8)).convert("RGB"), kind
    kind = CONVERTED.get(image.mode, "")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB"), TRANSPARENT
    return image.convert("RGB"), kind


def read_folder(listed: ImageFolder) -> Decoded:
    """Every image, scaled and cropped to one square: the median of the shorter sides, at most 64, less what 4 leaves.

    Raises BadData.
    """
    every = [file for part in listed.parts.values() for file in part.files]
    sizes = dict(zip(every, sizes_of(every), strict=True))
    side = min(LARGEST_SIDE, median_low(min(sizes[file]) for file in listed.train.files))
    side -= side % HALVED if side > HALVED else 0
    kinds: Counter[str] = Counter()
    train, test = _decoded(listed.train, side, kinds), _decoded(listed.test, side, kinds)
    valid = _decoded(listed.valid, side, kinds) if listed.valid else None
    told = (f"{kind}: {count:,} of {len(every):,} images" for kind, count in sorted(kinds.items()))
    return Decoded(
        train, valid, test, listed.names, _scaled(side, sizes), (*listed.remarks, *told), listed.note
    )


def sizes_of(files: list[str]) -> Iterator[tuple[int, int]]:
    """(width, height) of each file, from its first bytes; what cannot be read is told when it is decoded."""
    from PIL import Image

    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(file) as image:
                    yield image.size
        except Exception:  # a damaged header raises anything; the other reader names the file
            yield open_rgb(file).size


def _scaled(side: int, sizes: dict[str, tuple[int, int]]) -> str:
    """`64 × 64 pixels (from 180 × 200)`, and how many images have another size than most."""
    counts = Counter(sizes.values())
    (most, count), *_ = counts.most_common(1)
    words = f"{side} × {side} pixels"
    if len(counts) == 1:
        return words if most == (side, side) else f"{words} (from {_size(most)})"
    if count * 2 <= len(sizes):
        low, high = min(counts, key=prod), max(counts, key=prod)
        return f"{words} (from {_size(low)} to {_size(high)})"
    odd = next(file for file, size in sizes.items() if size != most)
    others = f"{len(sizes) - count:,} of {len(sizes):,} are not, such as {odd} of {_size(sizes[odd])}"
    return f"{words} (most from {_size(most)}; {others})"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _decoded(part: Part, side: int, kinds: Counter[str]) -> Labeled:
    from PIL import Image, ImageOps

    images = np.empty((len(part.files), 3, side, side), dtype=np.uint8)
    for row, file in enumerate(part.files):
        image = open_rgb(file, kinds)
        if image.size != (side, side):
            image = ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
        images[row] = np.asarray(image).transpose(2, 0, 1)
    return images, part.labels
