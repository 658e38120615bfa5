"""What a table knows about architectures: accuracies with their meaning, ranks, neighbours, costs. numpy only.

Shapes: N architectures asked about, A of the space, T trials. Accuracies are percent; NaN = not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack
from nasreplay.data.semantics import CustomDataset
from nasreplay.data.trials import AVERAGED, MEAN, Trials, trial_mean
from nasreplay.errors import NotMeasured
from nasreplay.spaces import Space

PUBLISHED = semantics.SEARCHED


class Numbers(NamedTuple):
    """What a `Measured` says about N architectures, a row each."""

    accuracy: np.ndarray  # float64 [N], of the chosen trial, or the mean over trials
    std: np.ndarray  # float64 [N], population standard deviation over trials; NaN below two trials
    trials: np.ndarray  # float64 [N, T], every single trial
    rank: np.ndarray  # int64 [N], 1 = best of the measured; ties share the better rank; 0 = not measured
    percentile: np.ndarray  # float64 [N], percent of the measured architectures that are strictly worse
    neighbour: np.ndarray  # int64 [N], flat index of the best architecture one edit away
    neighbour_accuracy: np.ndarray  # float64 [N]
    gain: np.ndarray  # float64 [N], neighbour_accuracy − accuracy, in points
    training_seconds: np.ndarray  # float64 [N], for all epochs of the recipe


class Measured:
    """One accuracy that a table holds: its exact meaning, and its numbers for every architecture.

    `trial` is a seed or "mean". `meaning` names the stored data set, its images and the sentence to print;
    `epochs` is the length of the recipe, at whose end the accuracy was measured.
    """

    def __init__(self, pack: Pack, dataset: str, split: str, recipe: str, trial: int | str = MEAN):
        self.dataset, self.split, self.trial, self.space = dataset, split, trial, pack.space
        self.trials, self.meaning, self.recipe = pack.accuracy(dataset, split, recipe)
        stored = f"{self.meaning.stored}/{self.recipe}"
        self.epochs = pack.recipes(self.meaning.stored)[self.recipe]
        self.seeds: list[int] = pack.seeds(self.meaning.stored, self.recipe).tolist()
        self.seconds = _optional(pack, f"{stored}/seconds_per_epoch") * self.epochs
        where = f"of {dataset} at recipe {self.recipe}"
        self.choice = Trials(self.seeds, np.isfinite(self.trials), where, pack.space.at)
        self.value = self.choice.numbers(self.trials, trial)

    @property
    def averaged_by_source(self) -> bool:
        """Whether the source had already averaged over trials that are not known."""
        return AVERAGED in self.seeds

    @cached_property
    def count(self) -> int:
        """How many architectures were measured."""
        return int(np.isfinite(self.value).sum())

    @cached_property
    def _ascending(self) -> np.ndarray:
        return np.sort(self.value)[: self.count]  # NaN sorts to the end

    def rank(self, value: np.ndarray) -> np.ndarray:
        """int64 [N]: one more than the number of measured architectures above each accuracy; 0 for NaN."""
        above = self.count - np.searchsorted(self._ascending, value, side="right")
        return np.where(np.isnan(value), 0, above + 1)

    def numbers(self, flat: np.ndarray) -> Numbers:
        """Everything about the architectures with flat indices [N]; raises NotMeasured for a missing trial."""
        self.choice.columns(flat, self.trial)  # refuses a missing trial
        accuracy, trials = self.value[flat], self.trials[flat]
        worse = np.searchsorted(self._ascending, accuracy, side="left")
        percentile = np.where(np.isnan(accuracy), np.nan, 100.0 * worse / max(self.count, 1))
        neighbour = self._best_neighbour(flat)
        beside = self.value[neighbour]
        return Numbers(
            accuracy,
            _population_std(trials),
            trials,
            self.rank(accuracy),
            percentile,
            neighbour,
            beside,
            beside - accuracy,
            self.seconds[flat],
        )

    def _best_neighbour(self, flat: np.ndarray) -> np.ndarray:
        around = self.space.neighbours(self.space.codes(flat))
        places = self.space.index(around.reshape(-1, self.space.decisions)).reshape(around.shape[:2])
        best = np.nan_to_num(self.value[places], nan=-np.inf).argmax(axis=1)
        return places[np.arange(len(flat)), best].astype(np.int64)


def held(
    pack: Pack,
    datasets: Sequence[str] = (),
    *,
    recipe: str | None = None,
    epochs: int | None = None,
    trial: int | str = MEAN,
) -> dict[str, list[Measured]]:
    """The accuracies of each data set that a table holds: longest recipe first, then in the order of splits.

    `datasets` left out means all that the table holds; `recipe` and `epochs` keep the recipes of that name and
    length. Raises UnknownName, or NotMeasured which lists what there is.
    """
    named = [semantics.dataset_named(name, pack.custom) for name in datasets]
    every = dict.fromkeys(named or (*PUBLISHED, *pack.custom))
    found = {name: _held_of(pack, name, recipe, epochs, trial) for name in every}
    if not named and not any(found.values()):  # nothing but the half-data networks of cifar10
        found = {"cifar10-valid": _held_of(pack, "cifar10-valid", recipe, epochs, trial)}
    missing = [name for name, accuracies in found.items() if not accuracies]
    if (named and missing) or len(missing) == len(found):
        wanted = f" of {missing[0]}" if named else ""
        at = f" at recipe {recipe}" if recipe is not None else ""
        after = f" after {epochs} epochs" if epochs is not None else ""
        raise NotMeasured(
            f"the table {pack.title!r} has no accuracy{wanted}{at}{after}: it holds {pack.holdings()}, "
            "each at the last epoch"
        )
    return {name: accuracies for name, accuracies in found.items() if accuracies}


def _held_of(
    pack: Pack, dataset: str, recipe: str | None, epochs: int | None, trial: int | str
) -> list[Measured]:
    places = []
    for owner, split in semantics.requests(pack.custom):
        if owner != dataset:
            continue
        stored, which = semantics.meaning(owner, split, pack.custom)[:2]
        for name, length in pack.recipes(stored).items():
            if which not in pack.sets(stored, name):
                continue
            if recipe in (None, name) and epochs in (None, length):
                with_trial = trial == MEAN or trial in pack.seeds(stored, name)
                places.append((-length, name, _ORDER.index(split), split, with_trial))
    places.sort()
    chosen = [place for place in places if place[-1]] or places[
        :1
    ]  # the first one says what trials there are
    return [Measured(pack, dataset, split, name, trial) for _, name, _, split, _ in chosen]


_ORDER = ("valid", "test", "valtest", "train")  # of splits, most asked for first


def latency(pack: Pack, accuracies: Sequence[Measured]) -> np.ndarray:
    """Seconds per batch float64 [A] of a data set (its own, else that of its validation networks)."""
    stores = dict.fromkeys(name for each in accuracies for name in (each.dataset, each.meaning.stored))
    known = [name for name in stores if pack.has(f"{name}/latency")]
    return pack.column(f"{known[0]}/latency") if known else np.full(pack.space.size, np.nan)


def costs(
    space: Space, flat: np.ndarray, dataset: str, custom: Mapping[str, CustomDataset] = semantics.NO_CUSTOM
) -> tuple[np.ndarray, np.ndarray]:
    """Trainable parameters and multiply-accumulates of one image, int64 [N] each, exact.

    `custom`: a table's custom data sets; where it does not say classes and pixels, both are float64 [N] of NaN.
    """
    if dataset in custom and custom[dataset].facts is None:
        return np.full(len(flat), np.nan), np.full(len(flat), np.nan)
    about, codes = semantics.facts(dataset, custom), space.codes(flat)
    return space.parameters(codes, about.classes), space.flops(codes, about.classes, about.resolution)


def equivalents(pack: Pack | None, flat: int) -> np.ndarray:
    """Flat indices of the other cells with the same published unique string; empty if the space has none."""
    if pack is None or not pack.has("unique_class"):
        return np.empty(0, dtype=np.int64)
    classes = pack.column("unique_class")
    same = np.flatnonzero(classes == classes[flat])
    return same[same != flat]


def _population_std(trials: np.ndarray) -> np.ndarray:
    variance = trial_mean((trials - trial_mean(trials)[:, None]) ** 2)
    return np.where(np.isfinite(trials).sum(axis=1) > 1, np.sqrt(variance), np.nan)


def _optional(pack: Pack, path: str) -> np.ndarray:
    return pack.column(path) if pack.has(path) else np.full(pack.space.size, np.nan)
