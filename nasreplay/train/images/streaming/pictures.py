"""Pictures of image files: opened and scaled when they are asked for, or decoded once into a file that is mapped.

An entry of the cache is a folder with the pixels of all images of a part, in all squares of an augmentation, and
their shapes. It is named by what it was made from (paths, sizes and times of the files, squares), made by one process
while others wait, and renamed when it is whole: what a killed process left is removed by the next.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nasreplay.errors import BadData, BadOutput
from nasreplay.files.text import place
from nasreplay.train.images.cache import announce
from nasreplay.train.images.files_in_folders import stamp
from nasreplay.train.images.pixels import open_rgb, sizes_of
from nasreplay.train.images.streaming.augmentations import square

FORMAT = 1  # changes when images are decoded or scaled differently
CHUNK = 32  # images that a worker decodes at once


class Pixels(Protocol):
    """Images by their row in a part."""

    def image(self, row: int, number: int) -> Any:
        """The PIL image of a row, scaled to the square of that number. Raises BadData."""
        ...


class Pictures(NamedTuple):
    """The image files of a part."""

    files: list[str]
    """Paths of the images."""
    name: str
    """Data set and part, for the cache."""
    cache: Path | None = None
    """Folder in which decoded images are kept; None: they are decoded whenever they are asked for."""

    def pixels(self, squares: tuple[int, ...], workers: int) -> Pixels:
        """The images, scaled to squares ((): as they are). Raises BadData, and BadOutput for a cache."""
        opened = Opened(self.files, squares)
        return opened if self.cache is None else _kept(self, self.cache, opened, workers)


class Opened(NamedTuple):
    """Images that are opened and scaled each time."""

    files: list[str]
    """Paths of the images."""
    squares: tuple[int, ...]
    """Sides of the squares to which they are scaled, in pixels; (): they are taken as they are."""

    def image(self, row: int, number: int) -> Any:
        """The PIL image of a row, scaled to the square of that number. Raises BadData."""
        image = open_rgb(self.files[row])
        return square(image, self.squares[number]) if self.squares else image

    def every(self, row: int) -> list[np.ndarray]:
        """An image in all squares, uint8 [side, side, 3] each, or as it is."""
        image = open_rgb(self.files[row])
        return [np.asarray(square(image, side)) for side in self.squares] or [np.asarray(image)]

    def shapes(self) -> np.ndarray:
        """(height, width) of all images in all squares, int64 [N, S, 2]."""
        if self.squares:
            one = np.repeat(np.array(self.squares, dtype=np.int64)[:, None], 2, axis=1)
            return np.broadcast_to(one, (len(self.files), *one.shape))
        return np.array([size[::-1] for size in sizes_of(self.files)], dtype=np.int64)[:, None]


class Kept:
    """Images of the cache, mapped into memory in every process that asks for one."""

    def __init__(self, entry: Path):
        self.entry, self.shapes = entry, np.load(entry / "shapes.npy", allow_pickle=False)
        ends = _ends(self.shapes)
        if (entry / "pixels").stat().st_size != ends[-1]:
            raise ValueError("its pixels are not whole")
        self.starts = (ends - self.shapes.prod(axis=2).ravel() * 3).reshape(self.shapes.shape[:2])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_mapped"}

    @cached_property
    def _mapped(self) -> np.ndarray:
        return np.memmap(self.entry / "pixels", dtype=np.uint8, mode="r")

    def image(self, row: int, number: int) -> Any:
        """The PIL image of a row, scaled to the square of that number."""
        from PIL import Image

        height, width = map(int, self.shapes[row, number])
        start = int(self.starts[row, number])
        return Image.fromarray(self._mapped[start : start + 3 * height * width].reshape(height, width, 3))


def _ends(shapes: np.ndarray) -> np.ndarray:
    """Offsets at which the pictures end, in bytes; the last one is all of them."""
    return np.cumsum(shapes.prod(axis=2).ravel() * 3)


def _kept(pictures: Pictures, folder: Path, opened: Opened, workers: int) -> Kept:
    from filelock import FileLock

    listing = "\n".join(map(stamp, pictures.files))
    key = hashlib.blake2b(f"{FORMAT}\n{opened.squares}\n{listing}".encode(), digest_size=8).hexdigest()
    entry = folder / f"{pictures.name}-{key}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{entry.name}.lock"):
            if (found := _whole(entry)) is None:
                _write(entry, opened, workers)
                found = _whole(entry)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BadOutput(f"{folder}: cannot be written: {reason}; choose another --cache") from None
    if found is None:
        raise BadOutput(f"{entry}: was damaged while it was written; choose another --cache")
    return found


def _whole(entry: Path) -> Kept | None:
    try:
        return Kept(entry)
    except (OSError, ValueError, EOFError, IndexError):  # not there, or damaged: made again
        return None


def _write(entry: Path, opened: Opened, workers: int) -> None:
    """Decode all images into an entry, after saying how much of the disk they take. Raises BadOutput, BadData."""
    shapes = opened.shapes()
    size, free = int(_ends(shapes)[-1]), shutil.disk_usage(entry.parent).free
    told = f"{len(opened.files):,} images take {size / 1e9:.3g} GB in {entry}"
    if size > free:
        raise BadOutput(
            f"{told}, where {free / 1e9:.3g} GB are free: choose another --cache, or leave it out"
        )
    announce(f"decoding once: {told} ({free / 1e9:.3g} GB are free)")
    partial = entry.with_name(f".{entry.name}.partial")
    for leftover in (partial, entry):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    try:
        with (partial / "pixels").open("wb") as stream:
            for flat in _decoded(opened, shapes, workers):
                stream.write(flat.numpy().data)
            stream.flush()
            os.fsync(stream.fileno())
        np.save(partial / "shapes.npy", shapes, allow_pickle=False)
        os.replace(partial, entry)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _decoded(opened: Opened, shapes: np.ndarray, workers: int) -> Iterator[Tensor]:
    """The bytes of all images, in order, uint8."""
    yield from loaded(DataLoader(_Every(opened, shapes), CHUNK, num_workers=workers, collate_fn=torch.cat))


def loaded(loader: DataLoader[Any]) -> Iterator[Any]:
    """What a loader gives. Raises BadData without the traceback with which a worker sends it."""
    try:
        yield from loader
    except BadData as problem:
        told = str(problem).strip().splitlines()[-1]
        raise BadData(told.removeprefix("nasreplay.errors.BadData: ")) from None


class _Every(Dataset):
    def __init__(self, opened: Opened, shapes: np.ndarray):
        self.opened, self.shapes = opened, shapes

    def __len__(self) -> int:
        return len(self.opened.files)

    def __getitem__(self, row: int) -> Tensor:
        pictures = self.opened.every(row)
        if [picture.shape[:2] for picture in pictures] != [tuple(shape) for shape in self.shapes[row]]:
            raise BadData(
                f"{place(self.opened.files[row])}: its size is not what it says; replace or remove it"
            )
        return torch.from_numpy(np.concatenate([picture.ravel() for picture in pictures]))
