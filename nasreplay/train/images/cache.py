"""Decoded images, kept: plain .npy arrays in the cache folder, mapped into memory on every later use.

An entry is a folder named by what it was made from (source path, names, sizes and times of its files), so a changed
source makes a new entry. `facts.json` is written last: an entry without it, or that differs from it, is made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data.embedded import home
from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.typed import read_json
from nasreplay.train.images.published_files import Decoded, Labeled

FORMAT = 3  # changes when a reader decodes differently
PARTS = ("train", "valid", "test")


class Kept(NamedTuple):
    """A decoded data set from the cache."""

    decoded: Decoded
    """Arrays, mapped, not read."""
    mean: tuple[float, ...]
    """Mean of each channel of the training images, 0..255."""
    std: tuple[float, ...]
    """Standard deviation of each channel of the training images, 0..255."""
    fingerprint: str
    """A digest of the contents, wherever they came from."""


def kept(name: str, source: str, decode: Callable[[], Decoded]) -> Kept:
    """The data set of a source listing: from the cache, else decoded now and kept. Raises what `decode` raises."""
    key = hashlib.blake2b(f"{FORMAT}\n{name}\n{source}".encode(), digest_size=8).hexdigest()
    folder = home() / "images" / f"{name}-{key}"
    found = _opened(folder)
    if found is None:
        _write(folder, decode())
        found = _opened(folder)
    if found is None:
        raise BadOutput(f"{folder}: was damaged while it was written; set NASREPLAY_HOME to another folder")
    return found


def announce(text: str) -> None:
    """A line on standard error about work that takes a while."""
    print(f"nasreplay: {text}", file=sys.stderr)


class _Facts(NamedTuple):
    """What `facts.json` says of an entry."""

    counts: dict[str, int]
    names: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pixels: str
    remarks: tuple[str, ...]
    note: str
    fingerprint: str


def _opened(folder: Path) -> Kept | None:
    try:
        facts = read_json(folder / "facts.json", _Facts)
        parts = [_mapped(folder, part, facts.counts) for part in PARTS]
        train, valid, test = parts
        if train is None or test is None:
            return None
        words = facts.pixels, facts.remarks, facts.note
        return Kept(
            Decoded(train, valid, test, facts.names, *words),
            facts.mean,
            facts.std,
            facts.fingerprint,
        )
    except (BadInput, OSError, ValueError, EOFError):
        return None


def _mapped(folder: Path, part: str, counts: dict[str, int]) -> Labeled | None:
    if part not in counts:
        return None
    # "c": writes (there are none) would stay in memory; torch warns about arrays that refuse them
    images, labels = (
        np.load(folder / f"{part}-{what}.npy", mmap_mode="c", allow_pickle=False)
        for what in ("images", "labels")
    )
    if images.dtype != np.uint8 or not len(images) == len(labels) == counts[part]:
        raise ValueError
    return images, labels


def _write(folder: Path, decoded: Decoded) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(
            f"{folder}: cannot be made: {problem.strerror}; set NASREPLAY_HOME to a folder that can be written"
        ) from None
    digest = hashlib.blake2b(digest_size=16)
    counts = {}
    try:
        for part in PARTS:
            arrays: Labeled | None = getattr(decoded, part)
            if arrays is None:
                continue
            counts[part] = len(arrays[0])
            for what, values in zip(("images", "labels"), arrays, strict=True):
                write_whole(folder / f"{part}-{what}.npy", _npy(values))
                digest.update(f"{part} {what} {values.shape}".encode())
                digest.update(np.ascontiguousarray(values).data)
        mean, std = statistics(decoded.train[0])
        facts: dict[str, Any] = {"counts": counts, "names": decoded.names, "mean": mean, "std": std}
        facts |= {"pixels": decoded.pixels, "remarks": decoded.remarks, "note": decoded.note}
        facts["fingerprint"] = digest.hexdigest()
        write_whole(folder / "facts.json", json.dumps(facts, indent=1).encode())
    except BadOutput:
        shutil.rmtree(folder, ignore_errors=True)  # don't keep a disk full
        raise


def statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, standard deviation) of each channel of uint8 [N, 3, H, W], 0..255; exact, from histograms."""
    levels = np.arange(256)
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.zeros(256, dtype=np.int64)
        for start in range(0, len(images), 4096):
            counts += np.bincount(images[start : start + 4096, channel].ravel(), minlength=256)
        mean = float(counts @ levels / counts.sum())
        means.append(mean)
        deviations.append(max(float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())), 1.0))
    return tuple(means), tuple(deviations)


def _npy(values: np.ndarray) -> memoryview:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
    return buffer.getbuffer()
