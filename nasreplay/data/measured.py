"""What a table holds of every architecture: accuracies with their meaning and ranks, costs, the best under limits.

Shapes: N architectures asked about (flat indices [N]), A of the space, T trials. Accuracies are percent; NaN = not
measured.
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
from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.spaces import Space

PUBLISHED = semantics.SEARCHED


class Measured:
    """One accuracy that a table holds: its exact meaning, and its numbers for every architecture."""

    def __init__(self, pack: Pack, dataset: str, split: str, recipe: str, trial: int | str = MEAN):
        self.space = pack.space
        self.dataset, self.split = dataset, split
        """Data set and split that were asked for."""
        self.trial = trial
        """The seed of the trial that `value` is of, or "mean"."""
        self.trials, self.meaning, self.recipe = pack.accuracy(dataset, split, recipe)
        """float64 [A, T]; where they are stored and what they are; the training recipe."""
        stored = f"{self.meaning.stored}/{self.recipe}"
        self.epochs = pack.recipes(self.meaning.stored)[self.recipe]
        """Length of the recipe, at whose end the accuracy was measured."""
        self.seeds: list[int] = pack.seeds(self.meaning.stored, self.recipe).tolist()
        """Seeds of the T trials; AVERAGED for an average that the source had made."""
        seconds = f"{stored}/seconds_per_epoch"
        self.seconds = (
            pack.column(seconds) if pack.has(seconds) else np.full(self.space.size, np.nan)
        ) * self.epochs
        """float64 [A]: training seconds of the whole recipe."""
        where = f"of {dataset} at recipe {self.recipe}"
        self.choice = Trials(self.seeds, np.isfinite(self.trials), where, pack.space.at_flat)
        """The trials, and the one that counts."""
        self.value = self.choice.numbers(self.trials, trial)
        """float64 [A]: of the chosen trial, or the mean over trials."""

    def __repr__(self) -> str:
        return (
            f"<{self.split} accuracy of {self.dataset} at recipe {self.recipe}, {self.count:,} architectures>"
        )

    @property
    def averaged_by_source(self) -> bool:
        """Whether the source had already averaged over trials that are not known."""
        return AVERAGED in self.seeds

    @cached_property
    def count(self) -> int:
        """Number of architectures that were measured."""
        return int(np.isfinite(self.value).sum())

    @cached_property
    def _ascending(self) -> np.ndarray:
        return np.sort(self.value)[: self.count]  # NaN sorts to the end

    def rank(self, value: np.ndarray) -> np.ndarray:
        """int64 [N]: one more than the number of measured architectures above each accuracy; 0 for NaN."""
        above = self.count - np.searchsorted(self._ascending, value, side="right")
        return np.where(np.isnan(value), 0, above + 1)

    def percentile(self, value: np.ndarray) -> np.ndarray:
        """float64 [N]: percent of the measured architectures that are strictly worse than each accuracy."""
        worse = np.searchsorted(self._ascending, value, side="left")
        return np.where(np.isnan(value), np.nan, 100.0 * worse / max(self.count, 1))

    def std(self, flat: np.ndarray) -> np.ndarray:
        """float64 [N]: population standard deviation over trials; NaN below two trials."""
        trials = self.trials[flat]
        variance = trial_mean((trials - trial_mean(trials)[:, None]) ** 2)
        return np.where(np.isfinite(trials).sum(axis=1) > 1, np.sqrt(variance), np.nan)

    def best_neighbor(self, flat: np.ndarray) -> np.ndarray:
        """int64 [N]: the best architecture one edit away (the first of equals)."""
        around = self.space.neighbors(self.space.from_flat(flat))
        places = self.space.flat(around.reshape(-1, self.space.decisions)).reshape(around.shape[:2])
        best = np.nan_to_num(self.value[places], nan=-np.inf).argmax(axis=1)
        return places[np.arange(len(flat)), best].astype(np.int64)

    def best_of_class(self, flat: np.ndarray, classes: np.ndarray, most: int) -> np.ndarray:
        """int64 [N, most]: best measured others of equal `classes` (int [A]), ties by index; −1 = no further one."""
        members = np.flatnonzero(np.isin(classes, classes[flat]))
        order = members[np.lexsort((-self.value[members], classes[members]))]
        first = np.searchsorted(classes[order], classes[flat])
        places = first[:, None] + np.arange(most + 1)
        found = order.take(places, mode="clip")
        others = (places < len(order)) & (classes[found] == classes[flat][:, None]) & (found != flat[:, None])
        others &= np.isfinite(self.value[found])
        kept = np.argsort(~others, axis=1, kind="stable")[:, :most]
        return np.where(np.take_along_axis(others, kept, 1), np.take_along_axis(found, kept, 1), -1)


def held(
    pack: Pack,
    datasets: Sequence[str] = (),
    *,
    recipe: str | None = None,
    epochs: int | None = None,
    trial: int | str = MEAN,
) -> dict[str, list[Measured]]:
    """Accuracies by data set (none named: all), longest recipe first; raises UnknownName or NotMeasured."""
    named = [semantics.dataset_named(name, pack.custom) for name in datasets]
    every = dict.fromkeys(named or (*PUBLISHED, *pack.custom))
    found = {name: _held_of(pack, name, recipe, epochs, trial) for name in every}
    if not named and not any(found.values()):  # nothing but the half-data networks of cifar10
        others = (name for name in semantics.DATASETS if name not in PUBLISHED)
        found = {name: _held_of(pack, name, recipe, epochs, trial) for name in others}
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
    """Exact parameters and multiply-accumulates of an image, int64 [N] each; float64 NaN where they are not known."""
    if not space.costed or (dataset in custom and custom[dataset].facts is None):
        return np.full(len(flat), np.nan), np.full(len(flat), np.nan)
    about, codes = semantics.facts(dataset, custom), space.from_flat(flat)
    return space.parameters(codes, about.classes), space.flops(codes, about.classes, about.resolution)


class Limits(NamedTuple):
    """The largest costs allowed, inclusive; None = any."""

    params: float | None = None
    """Millions of parameters."""
    flops: float | None = None
    """Millions of multiply-adds of one image."""
    latency: float | None = None
    """Milliseconds a batch."""

    def __str__(self) -> str:
        named = zip(("parameters", "FLOPs", "latency"), self, ("M", "M", "ms"), strict=True)
        return ", ".join(f"{name} ≤ {limit:g} {unit}" for name, limit, unit in named if limit is not None)


def best(pack: Pack, each: Measured, limits: Limits, count: int) -> tuple[np.ndarray, int]:
    """Flat indices [≤ count], best first (ties: official index), and how many qualify; BadSetting, NotMeasured."""
    if count < 1:
        raise BadSetting(f"-n {count}: must be 1 or more")
    qualify = np.isfinite(each.value)
    parameters, flops = costs(pack.space, np.arange(pack.space.size), each.dataset, pack.custom)
    each_cost = parameters / 1e6, flops / 1e6, latency(pack, [each]) * 1e3
    for name, limit, cost in zip(Limits._fields, limits, each_cost, strict=True):
        if limit is None:
            continue
        if not limit >= 0:
            raise BadSetting(f"--max-{name} {limit:g}: must be 0 or more")
        if np.isnan(cost).all():
            what = "latency" if name == "latency" else "parameters and FLOPs (classes and pixels not stated)"
            raise NotMeasured(
                f"the table {pack.title!r} has no {what} on {each.dataset}: leave out --max-{name}"
            )
        qualify = qualify & (cost <= limit)
    order = np.lexsort((pack.column("official_index"), -each.value))
    return order[qualify[order]][:count], int(qualify.sum())
