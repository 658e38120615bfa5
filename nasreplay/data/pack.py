"""The pack: a benchmark table in one HDF5 file, readable with h5py alone (columns: `nasreplay.data.layout`).

Every column carries a Fletcher checksum per chunk, so that a damaged byte raises in any HDF5 reader. The root
attribute `columns` lists type, shape and sha256 of each, which also catches a column that was replaced or
blanked; the fingerprint is the sum of that list. The file is closed between reads: packs can be pickled and
shared by processes, and a file that changes under a reader is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from nasreplay.data import layout, own, semantics
from nasreplay.data.atomic import write_whole
from nasreplay.data.hdf5 import WAY_OUT, put_text, reading, text_of
from nasreplay.data.layout import Shape
from nasreplay.data.semantics import Meaning, Own
from nasreplay.errors import BadInput, BadPack, NotMeasured, UnknownName
from nasreplay.spaces import Space, space_named

_TEXTS = ("space", "title", "source", "licence", "columns", "fingerprint")


class Pack:
    """A table, opened read-only; columns are read when first asked for and kept.

    Attributes: `path`; `space`; `title`, `source` and `licence` (texts); `fingerprint` (sha256 of the
    contents, equal for equal numbers whatever the title); `columns` (path → shape and type); `own` (what it says
    of stored data sets that no benchmark has, by name).
    """

    def __init__(
        self,
        path: Path,
        attributes: Mapping[str, str],
        columns: Mapping[str, Shape],
        digests: Mapping[str, str],
        epochs: Mapping[str, int],
        own: Mapping[str, Own],
    ):
        self.path, self.columns = path, columns
        self.space = space_named(attributes["space"])
        self.title, self.source = attributes["title"], attributes["source"]
        self.licence, self.fingerprint = attributes["licence"], attributes["fingerprint"]
        self._digests, self._epochs, self.own = digests, epochs, own
        self._read: dict[str, np.ndarray] = {}

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The pack in a file; raises BadPack for a file that is missing, damaged or something else."""
        path = Path(path)
        with reading(path) as file:
            attributes = _attributes(path, file)
            listed = json.loads(attributes["columns"])
            shapes = {name: Shape(tuple(sizes), dtype) for name, (dtype, sizes, _) in listed.items()}
            recipes = dict.fromkeys(filter(None, map(layout.recipe_of, shapes)))
            epochs = {recipe: int(text_of(file[recipe].attrs["epochs"])) for recipe in recipes}
            mine = {stored: own.read(file, stored) for stored in _own_names(shapes)}
        digests = {name: digest for name, (_, _, digest) in listed.items()}
        pack = cls(path, attributes, shapes, digests, epochs, mine)
        wrong = layout.problems(shapes, pack.space.size, epochs)
        if wrong:
            raise BadPack(f"{path}: {wrong[0]}; write the pack again")
        if _fingerprint(pack.space, attributes["columns"], epochs, mine) != pack.fingerprint:
            raise BadPack(f"{path}: damaged (its fingerprint does not fit its columns); {WAY_OUT}")
        return pack

    def __repr__(self) -> str:
        return f"<pack {self.title!r}, {self.space.name} space, {', '.join(self.datasets)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": {}}

    # --- columns -----------------------------------------------------------------------------------

    def has(self, path: str) -> bool:
        """Is there a column of this path."""
        return path in self.columns

    def column(self, path: str) -> np.ndarray:
        """The array of a path such as `cifar10-valid/200/x-valid/accuracy`, read-only.

        Raises NotMeasured if there is none, BadPack if it is damaged.
        """
        if path not in self._read:
            if path not in self.columns:
                raise NotMeasured(f"{self.path}: no column {path!r}; it holds {', '.join(self.columns)}")
            self._read[path] = self._load(path)
        return self._read[path]

    def _load(self, path: str) -> np.ndarray:
        shape = self.columns[path]
        with reading(self.path) as file:
            array: Any = file[path]
            if array.nbytes > self.path.stat().st_size:  # columns are not compressed
                raise ValueError(f"column {path} claims more than the file")
            values = np.empty(shape.sizes, shape.dtype)
            array.read_direct(values)
        if _digest(values) != self._digests[path]:
            raise BadPack(f"{self.path}: column {path} is damaged or was replaced; {WAY_OUT}")
        values.setflags(write=False)
        return values

    # --- what there is -----------------------------------------------------------------------------

    @property
    def datasets(self) -> tuple[str, ...]:
        """Keys of the stored data sets, in the published order."""
        found = {path.split("/")[0] for path in self.columns if "/" in path}
        return (*(name for name in semantics.FACTS if name in found), *self.own)

    def recipes(self, stored: str) -> dict[str, int]:
        """Recipe name → epochs, of a stored data set, shortest first; empty if it has none."""
        ordered = sorted(self._epochs.items(), key=lambda item: item[1])
        return {name.split("/")[1]: epochs for name, epochs in ordered if name.startswith(f"{stored}/")}

    def seeds(self, stored: str, recipe: str) -> np.ndarray:
        """int32 [T]: the seed of each trial; -1 means an average made by the source, trials unknown."""
        return self.column(f"{stored}/{recipe}/seeds")

    def sets(self, stored: str, recipe: str) -> tuple[str, ...]:
        """The evaluation sets that have an accuracy."""
        paths = (path.split("/") for path in self.columns if path.endswith("/accuracy"))
        return tuple(path[2] for path in paths if path[:2] == [stored, recipe])

    # --- meaning -----------------------------------------------------------------------------------

    def accuracy(
        self, dataset: str, split: str = "valid", recipe: str | None = None
    ) -> tuple[np.ndarray, Meaning, str]:
        """Accuracies in percent float64 [A, T] at the last epoch, what they mean, and the recipe.

        `dataset` is a data set or alias; `recipe` None takes the one with most epochs. Raises NotMeasured,
        which lists what there is.
        """
        meaning = semantics.meaning(dataset, split, self.own)
        epochs = self.recipes(meaning.stored)
        held = [name for name in epochs if meaning.set in self.sets(meaning.stored, name)]
        if not held or (recipe is not None and recipe not in held):
            wanted = f"{split} accuracy of {semantics.dataset_named(dataset, self.own)}"
            at = "" if recipe is None else f" at recipe {recipe}"
            raise NotMeasured(f"this table ({self.title}) has no {wanted}{at}: it holds {self.holdings()}")
        recipe = recipe if recipe is not None else max(held, key=lambda name: epochs[name])
        return self.column(f"{meaning.stored}/{recipe}/{meaning.set}/accuracy"), meaning, recipe

    def holdings(self) -> str:
        """One phrase: the splits, data sets and recipes that can be asked for."""
        groups: dict[tuple[str, str], list[str]] = {}
        told: set[Meaning] = set()  # cifar10 and cifar10-valid have the same validation accuracy
        every = semantics.requests(self.own)
        for dataset, split in sorted(every, key=lambda pair: semantics.SPLITS.index(pair[1])):
            meaning = semantics.meaning(dataset, split, self.own)
            for recipe in self.recipes(meaning.stored):
                if meaning not in told and meaning.set in self.sets(meaning.stored, recipe):
                    groups.setdefault((split, recipe), []).append(dataset)
            told.add(meaning)
        parts = (f"{split} of {', '.join(names)} at recipe {r}" for (split, r), names in groups.items())
        return "; ".join(parts) or "no accuracy"


def write_pack(
    path: str | Path,
    space: Space,
    columns: Mapping[str, Any],
    *,
    title: str,
    source: str,
    licence: str,
    epochs: Mapping[str, int],
    own_datasets: Mapping[str, Own] = semantics.NONE,
) -> Pack:
    """Write a pack atomically and open it. The same contents give the same bytes.

    `columns` maps paths of the layout to arrays in flat order; `epochs` maps `<stored>/<recipe>` to its
    number of epochs; `own_datasets` says what stored data sets are that no benchmark has (nothing is stated of
    those left out). The official index and the classes of equivalent cells are added. Raises BadInput for columns
    that do not fit the layout and for names, BadOutput for a place that cannot be written.
    """
    path = Path(path)
    arrays = {
        name: np.ascontiguousarray(array, layout.dtype_of(name))
        for name, array in sorted({**columns, **index_columns(space)}.items())
    }
    shapes = {name: Shape(array.shape, array.dtype.str) for name, array in arrays.items()}
    wrong = layout.problems(shapes, space.size, epochs)
    if wrong:
        raise BadInput(f"{path}: cannot be written: {wrong[0]}")
    epochs = {recipe: epochs[recipe] for recipe in filter(None, map(layout.recipe_of, shapes))}
    listed = json.dumps(
        {name: [shape.dtype, shape.sizes, _digest(arrays[name])] for name, shape in shapes.items()}
    )
    texts = {"format": layout.FORMAT, "space": space.name, "title": title, "source": source}
    mine = {
        own.check_name(stored): own_datasets.get(stored, semantics.UNSTATED) for stored in _own_names(shapes)
    }
    if own_datasets.keys() - mine.keys():
        raise BadInput(f"{path}: no column is of {', '.join(own_datasets.keys() - mine.keys())}")
    texts |= {"licence": licence, "columns": listed, "fingerprint": _fingerprint(space, listed, epochs, mine)}
    write_whole(path, _image(texts, arrays, epochs, mine))
    return Pack.open(path)


def index_columns(space: Space) -> dict[str, np.ndarray]:
    """The columns that follow from the space alone: official index and, if known, equivalent cells."""
    classes = getattr(space, "unique_class", None)
    return {"official_index": space.flat_to_official} | ({} if classes is None else {"unique_class": classes})


def _own_names(columns: Iterable[str]) -> list[str]:
    """The stored data sets that no benchmark has."""
    return sorted({path.split("/")[0] for path in columns if "/" in path} - semantics.FACTS.keys())


def _image(
    texts: dict[str, str],
    arrays: dict[str, np.ndarray],
    epochs: Mapping[str, int],
    mine: Mapping[str, Own],
) -> bytes:
    """The bytes of the HDF5 file, made in memory: on a full disk HDF5 itself can lose a write silently."""
    # this version of the file format checksums its own structures; "latest" would change with h5py
    version = ("v110", "v110")
    with h5py.File("pack", "w", driver="core", backing_store=False, libver=version) as file:
        for name, text in texts.items():
            put_text(file, name, text)
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=array.shape, fletcher32=True)
        for recipe, count in epochs.items():
            file[recipe].attrs["epochs"] = np.int32(count)
        for stored, about in mine.items():
            own.write(file, stored, about)
        file.flush()
        return file.id.get_file_image()


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(values.data).hexdigest()


def _fingerprint(space: Space, listed: str, epochs: Mapping[str, int], mine: Mapping[str, Own]) -> str:
    parts = [layout.FORMAT, space.name, listed]
    parts += [f"{recipe} {epochs[recipe]} epochs" for recipe in sorted(epochs)]
    stated = {stored: own.to_json(about) for stored, about in mine.items() if about != semantics.UNSTATED}
    parts += [json.dumps(stated, sort_keys=True)] if stated else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _attributes(path: Path, file: h5py.File) -> dict[str, str]:
    found = text_of(file.attrs.get("format", ""))
    if not found.startswith("nasreplay-pack/"):
        raise BadPack(
            f"{path}: an HDF5 file, but not a nasreplay pack; import your data with `nasreplay data`"
        )
    if found != layout.FORMAT:
        raise BadPack(
            f"{path}: format {found!r}, this nasreplay reads {layout.FORMAT!r}; use the other version"
        )
    attributes = {n: text_of(file.attrs[n]) for n in _TEXTS}
    try:
        space_named(attributes["space"])
    except UnknownName as problem:
        raise BadPack(f"{path}: {problem}") from None
    return attributes
