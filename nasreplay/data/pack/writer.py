"""How the file of a pack comes to be: the same contents give the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from nasreplay.data import custom_dataset, semantics
from nasreplay.data.pack import layout
from nasreplay.data.pack.curves import Form, Packed, Written
from nasreplay.data.pack.hdf5 import put_text
from nasreplay.data.pack.layout import CURVE, Shape
from nasreplay.data.semantics import CustomDataset
from nasreplay.spaces import Space

Chunk = tuple[str, int, int, Packed]  # column path, block, trial


class Curves(NamedTuple):
    """Curves to be written: the form of each by the path of its column, and their chunks in any fixed order."""

    forms: Mapping[str, Form] = {}
    chunks: Iterable[Chunk] = ()


class Contents(NamedTuple):
    """What a pack says beside its numbers; see `write_pack`."""

    title: str
    source: str
    licence: str
    archive: str
    epochs: Mapping[str, int]
    sets: Mapping[str, tuple[str, ...]]
    custom: Mapping[str, CustomDataset]


def curve_shapes(columns: Mapping[str, Any], curves: Curves, epochs: Mapping[str, int]) -> dict[str, Shape]:
    """The shapes of curves: those of their columns, with an axis of epochs."""
    return {
        f"{path}{CURVE}": Shape((*columns[path].shape, epochs[str(layout.recipe_of(path))]), form.dtype)
        for path, form in sorted(curves.forms.items())
    }


def write_file(
    path: Path, space: Space, arrays: Mapping[str, np.ndarray], curves: Curves, about: Contents
) -> None:
    """Write the HDF5 file of columns and curves that fit the layout; raises OSError."""
    # this version of the file format checksums its own structures; "latest" would change with h5py
    with _Unfailing(path) as sink, h5py.File(sink, "w", libver=("v110", "v110")) as file:
        listed = {}
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=array.shape, fletcher32=True)
            listed[name] = [array.dtype.str, array.shape, digest_of(array)]
        shapes = curve_shapes(arrays, curves, about.epochs)
        writing = {
            path: Written(file, f"{path}{CURVE}", shapes[f"{path}{CURVE}"].sizes, form)
            for path, form in sorted(curves.forms.items())
        }
        for column, block, trial, chunk in curves.chunks:
            writing[column].put(block, trial, chunk)
            sink.check()
        for column, curve in writing.items():
            shape = shapes[f"{column}{CURVE}"]
            listed[f"{column}{CURVE}"] = [shape.dtype, shape.sizes, curve.finish()]
        _write_attributes(file, space, json.dumps(listed), about)
    sink.check()


class _Unfailing(io.FileIO):
    """A new file that takes every write: HDF5 crashes after one that failed, say on a full disk.

    The first failure is raised by `check`.
    """

    def __init__(self, path: Path):
        super().__init__(path, "xb+")
        self._problem: OSError | None = None

    def check(self) -> None:
        """Raise the first failure."""
        if self._problem:
            raise self._problem

    def write(self, content: Any, /) -> int:
        """As a file; so are the others."""
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            while left and not self._problem:
                left = left[super().write(left) :]
        except OSError as problem:
            self._problem = problem
        return size

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as problem:
            self._problem = self._problem or problem
            return size or 0

    def readinto(self, buffer: Any, /) -> int:
        super().readinto(buffer)
        return len(buffer)  # also of what was not written


def _write_attributes(file: h5py.File, space: Space, listed: str, about: Contents) -> None:
    texts = {"format": layout.FORMAT, "space": space.name, "title": about.title, "source": about.source}
    texts |= {"licence": about.licence, "columns": listed}
    texts |= {"archive": about.archive} if about.archive else {}
    fingerprint = fingerprint_of(space, listed, about.epochs, about.sets, about.custom)
    for name, text in {**texts, "fingerprint": fingerprint}.items():
        put_text(file, name, text)
    for recipe, count in about.epochs.items():
        file[recipe].attrs["epochs"] = np.int32(count)
    for recipe, names in about.sets.items():
        put_text(file[recipe], "sets", json.dumps(names))
    for stored, custom in about.custom.items():
        custom_dataset.write(file, stored, custom)


def digest_of(values: np.ndarray) -> str:
    """The sha256 that a pack lists for a column."""
    return hashlib.sha256(values.data).hexdigest()


def fingerprint_of(
    space: Space,
    listed: str,
    epochs: Mapping[str, int],
    sets: Mapping[str, tuple[str, ...]],
    custom: Mapping[str, CustomDataset],
) -> str:
    """The sha256 of all contents, whatever title, source and licence."""
    parts = [layout.FORMAT, space.name, listed]
    parts += [f"{recipe} {epochs[recipe]} epochs" for recipe in sorted(epochs)]
    parts += [f"{recipe} {', '.join(sets[recipe])}" for recipe in sorted(sets)]
    stated = {
        stored: custom_dataset.to_json(about)
        for stored, about in custom.items()
        if about != semantics.UNSTATED
    }
    parts += [json.dumps(stated, sort_keys=True)] if stated else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
