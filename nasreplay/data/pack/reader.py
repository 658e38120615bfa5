"""Reading a pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from nasreplay.data import custom_dataset, semantics
from nasreplay.data.pack import layout
from nasreplay.data.pack.curves import BLOCK, Stored, decode
from nasreplay.data.pack.fingerprint import custom_names, digest_of, fingerprint_of
from nasreplay.data.pack.layout import CURVE, KIND, Shape
from nasreplay.data.pack.limits import value_problem
from nasreplay.data.semantics import Meaning
from nasreplay.errors import BadPack, NotMeasured, UnknownName, shortened
from nasreplay.files.hdf5 import Hdf5, reading
from nasreplay.files.text import MB, harmless
from nasreplay.files.typed import LONGEST, parse_json
from nasreplay.spaces import Space, space_named

WAY_OUT = KIND.way_out
SMALL = 4 * MB
"""Bytes of a pack that is read whole when it is opened: to open it for each column takes longer."""


_Listed = tuple[str, tuple[int, ...], str]  # type, shape, digest


class Pack:
    """A table, opened read-only; columns are read when first asked for and kept, curves are not kept."""

    def __init__(self, path: Path):
        self.path = path
        with reading(path, KIND) as file:
            self.space = _space(file)
            file.check(in_parts=CURVE)
            listed = file.text("", "columns")
            entries = parse_json(listed, dict[str, _Listed], "attribute columns")
            shapes = {name: Shape(sizes, dtype) for name, (dtype, sizes, _) in entries.items()}
            self.columns = {name: shape for name, shape in shapes.items() if not name.endswith(CURVE)}
            """Path of a column → its shape and type."""
            recipes = dict.fromkeys(filter(None, map(layout.recipe_of, shapes)))
            self._epochs = {recipe: file.whole(recipe, "epochs") for recipe in recipes}
            ordered = [recipe for recipe in recipes if file.holds(recipe, "sets")]
            self._sets = {each: file.json(each, "sets", tuple[str, ...]) for each in ordered}
            self.custom = {stored: custom_dataset.read(file, stored) for stored in custom_names(shapes)}
            """What it says of stored data sets that no benchmark has, by name."""
            self.title, self.licence = (harmless(file.text("", name)) for name in ("title", "licence"))
            self.source = harmless(file.text("", "source"), LONGEST)
            self._own_words = custom_dataset.own_words(self.source)
            self.fingerprint = file.text("", "fingerprint")
            """sha256 of the contents: equal for equal numbers, whatever the title."""
            self.archive = harmless(file.text("", "archive")) if file.holds("", "archive") else ""
            """Name of the official archive that it was made from, or ""."""
            if wrong := layout.problems(shapes, self.space.size, self._epochs):
                raise BadPack(f"{path}: {wrong[0]}; write the pack again")
            small = path.stat().st_size <= SMALL
            self._unread = {name: self._numbers(file, name) for name in self.columns} if small else {}
        self._digests = {name: digest for name, (_, _, digest) in entries.items()}
        self.curves = {name.removesuffix(CURVE): shapes[name] for name in shapes if name.endswith(CURVE)}
        """Path of a column with every epoch → shape and type of its curve."""
        self._read: dict[str, np.ndarray] = {}
        wanted = {"official_index": self._digest(self.space.flat_to_official)}
        if "unique_class" in self._digests:
            wanted["unique_class"] = self.space.class_digest or self._digest(self.space.unique_class)
        for name, digest in wanted.items():
            if self._digests[name] != digest:
                raise BadPack(f"{path}: its {name} is not that of the {self.space.name} space; {WAY_OUT}")
        about = listed, self._epochs, self._sets, self.custom
        if fingerprint_of(self.space, *about) != self.fingerprint:
            raise BadPack(f"{path}: damaged (its fingerprint does not fit its columns); {WAY_OUT}")

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The pack in a file; raises BadPack for a file that is missing, damaged or something else."""
        return cls(Path(path))

    def __repr__(self) -> str:
        return f"<pack {self.title!r}, {self.space.name} space, {', '.join(self.datasets)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": {}, "_unread": {}}

    @staticmethod
    def _digest(values: np.ndarray | None) -> str:
        return "" if values is None else digest_of(np.ascontiguousarray(values, "<i4"))

    # --- columns -----------------------------------------------------------------------------------

    def has(self, path: str) -> bool:
        """Whether there is a column of this path."""
        return path in self.columns

    def column(self, path: str) -> np.ndarray:
        """The array of a path (`cifar10/200/train/loss`), read-only; raises NotMeasured, or BadPack for damage."""
        if path not in self._read:
            if path not in self.columns:
                raise NotMeasured(f"{self.path}: no column {path!r}; it holds {', '.join(self.columns)}")
            self._read[path] = self._load(path)
        return self._read[path]

    def _load(self, path: str) -> np.ndarray:
        if path in self._unread:
            return self._checked(path, self._unread.pop(path))
        with reading(self.path, KIND) as file:
            return self._checked(path, self._numbers(file, path))

    def _numbers(self, file: Hdf5, path: str) -> np.ndarray:
        if file.array(path).nbytes > self.path.stat().st_size:  # only curves are compressed
            raise ValueError(f"column {path} claims more than the file")
        return file.read(path, *self.columns[path])

    def _checked(self, path: str, values: np.ndarray) -> np.ndarray:
        if digest_of(values) != self._digests[path]:
            raise BadPack(f"{self.path}: column {path} is damaged or was replaced; {WAY_OUT}")
        if found := value_problem(path, values):
            raise BadPack(f"{self.path}: {found}; {WAY_OUT}")
        values.setflags(write=False)
        return values

    # --- curves ------------------------------------------------------------------------------------

    def curve(self, path: str, flat: Any) -> np.ndarray:
        """float64 [N, T, E]: every epoch of a column, such as `cifar10/200/train/loss`, of flat indices [N].

        NaN where not measured; a column without a curve has its last epoch alone. Reads the file anew in every call.
        Raises NotMeasured if there is no such column, BadPack for damage.
        """
        flat = np.asarray(flat, dtype=np.int64)
        epochs, column = self._epochs_of(path), self.column(path)
        values = np.full((len(flat), column.shape[1], epochs), np.nan)
        if path not in self.curves:
            values[:, :, -1] = column[flat]
            return values
        rows_of = _rows_of(flat // BLOCK)
        with reading(self.path, KIND) as file:
            stored = self._stored(file, path)
            for block, trial, chunk in stored.chunks(rows_of):
                rows = rows_of[block]
                values[rows, trial] = decode(chunk[flat[rows] - block * BLOCK], stored.form)
        values[:, :, -1] = column[flat]  # exact, and there where no chunk is
        return values

    def at_epoch(self, path: str, epoch: int) -> np.ndarray:
        """float64 [A, T]: a column after `epoch` ≥ 1 epochs, as `curve` has it; raises NotMeasured."""
        epochs, column = self._epochs_of(path), self.column(path)
        if not 1 <= epoch <= epochs:
            raise NotMeasured(f"{self.path}: {path} has epochs 1 to {epochs}, not {epoch}")
        if epoch == epochs:
            return column
        values = np.full(column.shape, np.nan)
        if path in self.curves:
            with reading(self.path, KIND) as file:
                stored = self._stored(file, path)
                for block, trial, chunk in stored.chunks():
                    part = values[block * BLOCK : (block + 1) * BLOCK, trial]
                    part[:] = decode(chunk[: len(part), epoch - 1], stored.form)
        return values

    def curve_problems(self) -> list[BadPack]:
        """What is damaged among the curves, one problem each; reads them all."""
        found = []
        for path in self.curves:
            try:
                with reading(self.path, KIND) as file:
                    for _ in self._stored(file, path).chunks():
                        pass
            except BadPack as problem:
                found.append(problem)
        return found

    def _epochs_of(self, path: str) -> int:
        if not layout.per_trial(path) or str(layout.recipe_of(path)) not in self._epochs:
            raise NotMeasured(f"{self.path}: {path} is not measured epoch by epoch")
        return self._epochs[str(layout.recipe_of(path))]

    def _stored(self, file: Hdf5, path: str) -> Stored:
        name = f"{path}{CURVE}"
        return Stored(file, name, *self.curves[path], self._digests[name])

    # --- what there is -----------------------------------------------------------------------------

    @property
    def datasets(self) -> tuple[str, ...]:
        """Keys of the stored data sets, in the published order."""
        found = {path.split("/")[0] for path in self.columns if "/" in path}
        return (*(name for name in semantics.FACTS if name in found), *self.custom)

    def recipes(self, stored: str) -> dict[str, int]:
        """Recipe name → epochs, of a stored data set, shortest first; empty if it has none."""
        ordered = sorted(self._epochs.items(), key=lambda item: item[1])
        return {name.split("/")[1]: epochs for name, epochs in ordered if name.startswith(f"{stored}/")}

    def seeds(self, stored: str, recipe: str) -> np.ndarray:
        """int32 [T]: the seed of each trial; -1 means an average made by the source, trials unknown."""
        return self.column(f"{stored}/{recipe}/seeds")

    def sets(self, stored: str, recipe: str) -> tuple[str, ...]:
        """The evaluation sets that have an accuracy, in the order of the source where it has one."""
        paths = (path.split("/") for path in self.columns if path.endswith("/accuracy"))
        found = [path[2] for path in paths if path[:2] == [stored, recipe]]
        first = self._sets.get(f"{stored}/{recipe}", ())
        return (*(name for name in first if name in found), *(name for name in found if name not in first))

    # --- meaning -----------------------------------------------------------------------------------

    def meaning(self, stored: str, evaluation_set: str) -> Meaning:
        """What the accuracy of a stored data set on an evaluation set is, in this table; raises UnknownName."""
        found = semantics.stored_meaning(stored, evaluation_set, self.custom)
        if words := self._own_words.get((stored, evaluation_set)):
            return Meaning(stored, evaluation_set, None, None, f"{words} (read from {stored})")
        return found

    def own_words(self, dataset: str) -> dict[str, str]:
        """Split → what its accuracy is, of a benchmark's data set that was measured by another evaluator."""
        places = semantics.CARDS[dataset].splits if dataset in semantics.CARDS else {}
        return {split: self._own_words[place] for split, place in places.items() if place in self._own_words}

    def accuracy(
        self, dataset: str, split: str = "valid", recipe: str | None = None
    ) -> tuple[np.ndarray, Meaning, str]:
        """Accuracies in percent float64 [A, T] at the last epoch, what they mean, and the recipe.

        `dataset` is a data set or alias; `recipe` None takes the one with most epochs. Raises NotMeasured,
        which lists what there is.
        """
        meaning = self.meaning(*semantics.meaning(dataset, split, self.custom)[:2])
        epochs = self.recipes(meaning.stored)
        held = [name for name in epochs if meaning.set in self.sets(meaning.stored, name)]
        if not held or (recipe is not None and recipe not in held):
            wanted = f"{split} accuracy of {semantics.dataset_named(dataset, self.custom)}"
            at = "" if recipe is None else f" at recipe {recipe}"
            raise NotMeasured(f"this table ({self.title}) has no {wanted}{at}: it holds {self.holdings()}")
        recipe = recipe if recipe is not None else max(held, key=lambda name: epochs[name])
        return self.column(f"{meaning.stored}/{recipe}/{meaning.set}/accuracy"), meaning, recipe

    def holdings(self) -> str:
        """One phrase: the splits, data sets and recipes that can be asked for."""
        groups: dict[tuple[str, str], list[str]] = {}
        told: set[Meaning] = set()  # cifar10 and cifar10-valid have the same validation accuracy
        every = semantics.requests(self.custom)
        for dataset, split in sorted(every, key=lambda pair: semantics.SPLITS.index(pair[1])):
            meaning = semantics.meaning(dataset, split, self.custom)
            for recipe in self.recipes(meaning.stored):
                if meaning not in told and meaning.set in self.sets(meaning.stored, recipe):
                    groups.setdefault((split, recipe), []).append(dataset)
            told.add(meaning)
        parts = (f"{split} of {', '.join(names)} at recipe {r}" for (split, r), names in groups.items())
        return "; ".join(parts) or "no accuracy"


def _rows_of(blocks: np.ndarray) -> dict[int, np.ndarray]:
    """Block → the rows that ask for it."""
    order = np.argsort(blocks, kind="stable")
    starts = np.flatnonzero(np.diff(blocks[order], prepend=-1))
    parts = np.split(order, starts)[1:]
    return {int(blocks[rows[0]]): rows for rows in parts}


def _space(file: Hdf5) -> Space:
    """The space of a pack; raises BadPack for another format."""
    found = harmless(file.text("", "format")) if file.holds("", "format") else ""
    if not found.startswith("nasreplay-pack/"):
        raise BadPack(
            f"{file.path}: an HDF5 file, but not a nasreplay pack; import your data with `nasreplay data`"
        )
    if found != layout.FORMAT:
        raise BadPack(
            f"{file.path}: format {shortened(found)}, this nasreplay reads {layout.FORMAT!r}; use the other version"
        )
    try:
        return space_named(harmless(file.text("", "space")))
    except UnknownName as problem:
        raise BadPack(f"{file.path}: {problem}") from None
