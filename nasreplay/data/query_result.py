"""What one query says about its architectures, as typed arrays: everything that a view prints.

Shapes: N architectures asked about, A of the space, T trials. Accuracies are percent; NaN = not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.embedded import TITLE
from nasreplay.data.measured import Measured, costs, latency
from nasreplay.data.pack import Pack
from nasreplay.data.semantics import Meaning
from nasreplay.spaces import Space
from nasreplay.spaces.base import MEMO_LIMIT
from nasreplay.spaces.read import MANY

EQUIVALENTS = 3  # of an architecture are named
M = TypeVar("M", "Accuracy", Measured)


@dataclass(frozen=True, repr=False)
class Accuracy:
    """One accuracy of a data set, as a table holds it for N architectures."""

    dataset: str
    """The data set that was asked for."""
    split: str
    """Split: valid, test, valtest or train."""
    recipe: str
    """Name of the training recipe."""
    epochs: int
    """Epochs of the recipe, at whose end the accuracy was measured."""
    trial: int | str
    """The seed of the trial that counts, or "mean"."""
    meaning: Meaning
    """The number's column, its images, and a sentence that says what it is."""
    seeds: tuple[int, ...]
    """Seeds of the T trials; none where the source had averaged over trials that are not known."""
    measured: int
    """Number of architectures of the table that were measured: ranks count among them."""
    accuracy: np.ndarray
    """float64 [N], of the chosen trial, or the mean over trials."""
    std: np.ndarray
    """float64 [N], population standard deviation over trials; NaN below two trials."""
    trials: np.ndarray
    """float64 [N, T], every single trial."""
    rank: np.ndarray
    """int64 [N], 1 = best of the measured; ties share the better rank; 0 = not measured."""
    percentile: np.ndarray
    """float64 [N], percent of the measured architectures that are strictly worse."""
    training_seconds: np.ndarray
    """float64 [N], for all epochs of the recipe."""
    neighbor: np.ndarray
    """int32 [N], official index of the best architecture one edit away."""
    neighbor_accuracy: np.ndarray
    """float64 [N]: accuracy of that neighbor, percent."""
    equivalents: np.ndarray
    """int32 [N, 3], official indices of the best equivalent cells, best first; −1 = no further one."""
    equivalents_accuracy: np.ndarray
    """float64 [N, 3]: their accuracies, percent."""

    def __repr__(self) -> str:
        numbers = np.array2string(self.accuracy, precision=2, threshold=6)
        return f"<{self.split} accuracy of {self.dataset} at recipe {self.recipe}: {numbers}>"

    @property
    def averaged_by_source(self) -> bool:
        """Whether the source had already averaged over trials that are not known."""
        return not self.seeds

    @property
    def gain(self) -> np.ndarray:
        """float64 [N]: percent points that the best neighbor has more."""
        return self.neighbor_accuracy - self.accuracy


@dataclass(frozen=True, repr=False)
class DatasetNumbers:
    """What is known of N architectures on one data set."""

    parameters: np.ndarray
    """int64 [N], exact; float64 of NaN where classes or costs are not stated."""
    flops: np.ndarray
    """Multiply-accumulates of one image, likewise."""
    latency: np.ndarray
    """float64 [N], seconds per batch."""
    accuracies: tuple[Accuracy, ...]
    """Accuracies, most asked for first; none without a table."""

    def __repr__(self) -> str:
        told = ", ".join(map(repr, self.accuracies)) or "no accuracy"
        return f"<costs of {len(self.parameters)} architectures, {told}>"


@dataclass(frozen=True, repr=False)
class QueryResult:
    """The numbers of N architectures of one space, out of one table or, without one, costs only."""

    space: Space
    """The space of the architectures."""
    index: np.ndarray
    """int32 [N]: official indices."""
    equivalent: np.ndarray | None
    """int64 [N], how many other cells are equivalent; None where it is not known."""
    table: str | None
    """Title of the table; None without one."""
    fingerprint: str | None
    """Fingerprint of the table's contents: equal for equal numbers."""
    datasets: Mapping[str, DatasetNumbers]
    """Numbers by data set, in the order of the table."""
    note: str = ""
    """Why there is no accuracy, or no architecture."""
    best_of: int | None = None
    """Number of architectures that qualify, of which these are the best; None where architectures were named."""
    limits: str = ""
    """Limits by which they qualify, in words."""

    def __repr__(self) -> str:
        return f"<{len(self)} architectures of the {self.space.name} space on {', '.join(self.datasets)}>"

    def __len__(self) -> int:
        return len(self.index)

    @property
    def architectures(self) -> list[str]:
        """N official texts."""
        if len(self) < MANY or self.space.size > MEMO_LIMIT:
            return [self.text(index) for index in self.index.tolist()]
        texts = list(self.space.flat_by_text)
        return [texts[flat] for flat in self.space.official_to_flat[self.index].tolist()]

    def text(self, index: int) -> str:
        """The official text of an official index."""
        return str(self.space.at(index))

    def firsts(self) -> QueryResult:
        """A copy with the first accuracy of each data set, and the test accuracy beside it, only."""
        kept = {
            name: replace(known, accuracies=tuple(with_test(known.accuracies)))
            for name, known in self.datasets.items()
        }
        return replace(self, datasets=kept)

    @property
    def why_no_test(self) -> str:
        """Why no test accuracy is here, and where one is; "" where there is one, or none of another kind."""
        splits = {each.split for known in self.datasets.values() for each in known.accuracies}
        if not splits or splits & {"test", "valtest"}:
            return ""
        if self.table != TITLE:
            return "no test accuracy: the table holds none of these data sets"
        return (
            "no test accuracy: the embedded table holds validation accuracy only; `nasreplay data convert ARCHIVE` "
            "makes a table with both of the official NATS-Bench archive, then add --table NAME"
        )


def with_test(accuracies: Sequence[M]) -> list[M]:
    """The first of these accuracies, and the one on the test images of the same training, if it is there."""
    beside = [each for each in accuracies[1:] if each.split == "test" and each.recipe == accuracies[0].recipe]
    return [*accuracies[:1], *beside]


def answer(
    space: Space, flat: np.ndarray, pack: Pack | None, measured: Mapping[str, Sequence[Measured]]
) -> QueryResult:
    """The numbers of flat indices [N]; `measured`: as from `held`. Raises NotMeasured for a missing trial."""
    classes = pack.column("unique_class") if pack and pack.has("unique_class") else None
    official = pack.column("official_index") if pack else space.flat_to_official
    known = {
        name: DatasetNumbers(
            *costs(space, flat, name, pack.custom if pack else semantics.NO_CUSTOM),
            latency(pack, accuracies)[flat] if pack else np.full(len(flat), np.nan),
            tuple(_accuracy(each, flat, classes, official) for each in accuracies),
        )
        for name, accuracies in measured.items()
    }
    return QueryResult(
        space,
        official[flat],
        None if classes is None else np.bincount(classes)[classes[flat]] - 1,
        pack.title if pack else None,
        pack.fingerprint if pack else None,
        known,
    )


def _accuracy(each: Measured, flat: np.ndarray, classes: np.ndarray | None, official: np.ndarray) -> Accuracy:
    each.choice.columns(flat, each.trial)  # refuses a missing trial
    seeds = () if each.averaged_by_source else tuple(each.seeds)
    value, neighbor = each.value[flat], each.best_neighbor(flat)
    same = np.full((len(flat), EQUIVALENTS), -1)
    if classes is not None:
        same = each.best_of_class(flat, classes, EQUIVALENTS)
    return Accuracy(
        dataset=each.dataset,
        split=each.split,
        recipe=each.recipe,
        epochs=each.epochs,
        trial=each.trial,
        meaning=each.meaning,
        seeds=seeds,
        measured=each.count,
        accuracy=value,
        std=each.std(flat),
        trials=each.trials[flat, : len(seeds)],
        rank=each.rank(value),
        percentile=each.percentile(value),
        training_seconds=each.seconds[flat],
        neighbor=official[neighbor],
        neighbor_accuracy=each.value[neighbor],
        equivalents=np.where(same < 0, -1, official[same]),
        equivalents_accuracy=np.where(same < 0, np.nan, each.value[same]),
    )
