"""Writing a pack: the same contents give the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import h5py
import numpy as np

from nasreplay.data import custom_dataset, semantics
from nasreplay.data.pack import layout
from nasreplay.data.pack.curves import Form, Packed, Written
from nasreplay.data.pack.fingerprint import custom_names, digest_of, fingerprint_of
from nasreplay.data.pack.layout import CURVE, Shape
from nasreplay.data.pack.limits import value_problem
from nasreplay.data.pack.reader import Pack
from nasreplay.data.semantics import CustomDataset
from nasreplay.errors import BadInput
from nasreplay.files.atomic import replacing
from nasreplay.files.hdf5 import put_text
from nasreplay.spaces import Space

Chunk = tuple[str, int, int, Packed]  # column path, block, trial


class Curves(NamedTuple):
    """Curves to be written."""

    forms: Mapping[str, Form] = {}
    """Path of the column → form of its curve."""
    chunks: Iterable[Chunk] = ()
    """Chunks of the curves, in any fixed order."""


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
    sets: Mapping[str, Iterable[str]] = MappingProxyType({}),
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
    for name, form in sorted(curves.forms.items()):  # as their columns, with an axis of epochs
        sizes = (*arrays[name].shape, epochs[str(layout.recipe_of(name))])
        shapes[f"{name}{CURVE}"] = Shape(sizes, form.dtype)
    wrong = layout.problems(shapes, space.size, epochs)
    wrong = wrong or [*filter(None, (value_problem(name, array) for name, array in arrays.items()))]
    if wrong:
        raise BadInput(f"{path}: cannot be written: {wrong[0]}")
    recipes = list(dict.fromkeys(filter(None, map(layout.recipe_of, shapes))))
    custom = {
        custom_dataset.check_name(stored): custom_dataset.read_again(
            custom_datasets.get(stored, semantics.UNSTATED)
        )
        for stored in custom_names(shapes)
    }
    if custom_datasets.keys() - custom.keys():
        raise BadInput(f"{path}: no column is of {', '.join(custom_datasets.keys() - custom.keys())}")
    epochs = {recipe: epochs[recipe] for recipe in recipes}
    ordered = {recipe: tuple(sets[recipe]) for recipe in recipes if recipe in sets}
    texts = {"format": layout.FORMAT, "space": space.name, "title": title, "source": source}
    texts |= {"licence": licence} | ({"archive": archive} if archive else {})
    # this version of the file format checksums its own structures; "latest" would change with h5py
    with replacing(path) as temporary, _Unfailing(temporary) as sink:
        with h5py.File(sink, "w", libver=("v110", "v110")) as file:
            listed = _write_columns(file, arrays) | _write_curves(file, curves, shapes, sink)
            texts["columns"] = json.dumps(listed)
            texts["fingerprint"] = fingerprint_of(space, texts["columns"], epochs, ordered, custom)
            for name, text in texts.items():
                put_text(file, name, text)
            for recipe, count in epochs.items():
                file[recipe].attrs["epochs"] = np.int32(count)
            for recipe, names in ordered.items():
                put_text(file[recipe], "sets", json.dumps(names))
            for stored, stated in custom.items():
                custom_dataset.write(file, stored, stated)
        sink.check()
    return Pack.open(path)


def index_columns(space: Space) -> dict[str, np.ndarray]:
    """The columns that follow from the space alone: official index and, if known, equivalent cells."""
    classes = space.unique_class
    return {"official_index": space.flat_to_official} | ({} if classes is None else {"unique_class": classes})


def _write_columns(file: h5py.File, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Path → type, shape and digest, as the pack lists them."""
    for name, array in arrays.items():
        file.create_dataset(name, data=array, chunks=array.shape, fletcher32=True)
    return {name: [array.dtype.str, array.shape, digest_of(array)] for name, array in arrays.items()}


def _write_curves(
    file: h5py.File, curves: Curves, shapes: Mapping[str, Shape], sink: _Unfailing
) -> dict[str, Any]:
    """Path → type, shape and digest, likewise."""
    writing = {
        path: Written(file, f"{path}{CURVE}", shapes[f"{path}{CURVE}"].sizes, form)
        for path, form in sorted(curves.forms.items())
    }
    for column, block, trial, chunk in curves.chunks:
        writing[column].put(block, trial, chunk)
        sink.check()
    found = {f"{column}{CURVE}": curve.finish() for column, curve in writing.items()}
    return {name: [shapes[name].dtype, shapes[name].sizes, digest] for name, digest in found.items()}


class _Unfailing(io.FileIO):
    """A new file that takes every write, for HDF5 crashes after one that failed; `check` raises the first failure."""

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
