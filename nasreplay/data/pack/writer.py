"""Writing a pack: the same contents give the same bytes."""

from __future__ import annotations

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
from nasreplay.data.pack.fingerprint import custom_names, digest_of, fingerprint_of
from nasreplay.data.pack.hdf5 import put_text
from nasreplay.data.pack.layout import CURVE, Shape
from nasreplay.data.pack.reader import Pack
from nasreplay.data.semantics import CustomDataset
from nasreplay.errors import BadInput
from nasreplay.files.atomic import replacing
from nasreplay.spaces import Space

Chunk = tuple[str, int, int, Packed]  # column path, block, trial


class Curves(NamedTuple):
    """Curves to be written."""

    forms: Mapping[str, Form] = {}
    """Path of the column → form of its curve."""
    chunks: Iterable[Chunk] = ()
    """Their chunks in any fixed order."""


class Contents(NamedTuple):
    """What a pack says beside its numbers."""

    title: str
    """What it calls itself."""
    source: str
    """Origin of the numbers."""
    licence: str
    """License of the numbers."""
    archive: str
    """Name of the official archive that it was made from, or ""."""
    epochs: Mapping[str, int]
    """`<stored>/<recipe>` → epochs."""
    sets: Mapping[str, tuple[str, ...]]
    """`<stored>/<recipe>` → evaluation sets in the order of the source."""
    custom: Mapping[str, CustomDataset]
    """What stored data sets are that no benchmark has."""


def write_pack(
    path: str | Path,
    space: Space,
    columns: Mapping[str, Any],
    *,
    title: str,
    source: str,
    licence: str,
    epochs: Mapping[str, int],
    custom_datasets: Mapping[str, CustomDataset] = semantics.NO_CUSTOM,
    curves: Curves = Curves(),  # noqa: B008 - a tuple, never changed
    archive: str = "",
    sets: Mapping[str, Iterable[str]] | None = None,
) -> Pack:
    """Write a pack atomically and open it. The same contents give the same bytes.

    `columns` maps paths of the layout to arrays in flat order; `epochs` maps `<stored>/<recipe>` to its
    number of epochs, `sets` to its evaluation sets in the order of the source; `custom_datasets` says what stored
    data sets are that no benchmark has (nothing is stated of those left out). The official index and the classes of
    equivalent cells are added. Raises BadInput for columns that do not fit the layout and for names, BadOutput for a
    place that cannot be written.
    """
    path = Path(path)
    arrays = {
        name: np.ascontiguousarray(array, layout.dtype_of(name))
        for name, array in sorted({**columns, **index_columns(space)}.items())
    }
    shapes = {name: Shape(array.shape, array.dtype.str) for name, array in arrays.items()}
    shapes |= curve_shapes(arrays, curves, epochs)
    wrong = layout.problems(shapes, space.size, epochs)
    if wrong:
        raise BadInput(f"{path}: cannot be written: {wrong[0]}")
    recipes = list(dict.fromkeys(filter(None, map(layout.recipe_of, shapes))))
    custom = {
        custom_dataset.check_name(stored): custom_datasets.get(stored, semantics.UNSTATED)
        for stored in custom_names(shapes)
    }
    if custom_datasets.keys() - custom.keys():
        raise BadInput(f"{path}: no column is of {', '.join(custom_datasets.keys() - custom.keys())}")
    about = Contents(
        title,
        source,
        licence,
        archive,
        {recipe: epochs[recipe] for recipe in recipes},
        {recipe: tuple((sets or {})[recipe]) for recipe in recipes if recipe in (sets or {})},
        custom,
    )
    with replacing(path) as temporary:
        write_file(temporary, space, arrays, curves, about)
    return Pack.open(path)


def index_columns(space: Space) -> dict[str, np.ndarray]:
    """The columns that follow from the space alone: official index and, if known, equivalent cells."""
    classes = space.unique_class
    return {"official_index": space.flat_to_official} | ({} if classes is None else {"unique_class": classes})


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
        """Write what fits, remember the first failure, and return the size of the content."""
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
