"""How far two columns of tables agree: rank correlations and the overlap of their best.

A column is named `DATASET[/WHAT][@RECIPE[:EPOCH]]`: WHAT is a split (valid, test, valtest, train; default valid), or
params, flops, latency, seconds (of training). Without a recipe it is the one with most epochs, without an epoch its
last. Shapes: A = architectures of the space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.measured import costs, held, latency
from nasreplay.data.pack import Pack
from nasreplay.data.trials import mean_words, trial_mean
from nasreplay.errors import BadInput, BadSetting, NotMeasured, UnknownName, shortened
from nasreplay.spaces import Architecture, Space

COSTS = ("params", "flops", "latency", "seconds")
TOP = (10, 100, 1000)
WORDS = {"valid": "validation", "train": "training"}


@dataclass(frozen=True)
class Column:
    """One number of every architecture of a space."""

    name: str
    """Name as the user wrote it."""
    values: np.ndarray
    """float64 [A], NaN where not measured."""
    meaning: str
    """What the numbers are, in words."""
    unit: str
    """Unit: %, M, ms or s."""
    space: Space
    """The space of the architectures."""
    label: str
    """What an axis says: accuracy on cifar10 valid."""
    table: str
    """Title of the table that holds it."""


@dataclass(frozen=True)
class Agreement:
    """How two columns compare, over the architectures that both hold."""

    first: Column
    """First column."""
    second: Column
    """Second column."""
    architectures: int
    """Number of architectures that both columns hold."""
    kendall_tau: float
    """Kendall's tau-b; NaN, as the next two, where a column is constant."""
    spearman_rho: float
    """Spearman's rank correlation."""
    pearson_r: float
    """Pearson's linear correlation."""
    top: dict[int, int]
    """k → how many of the k largest of one are among the k largest of the other."""
    best: Architecture
    """The one with the largest number in the first column (ties: lower official index)."""
    best_rank: int
    """Rank of that architecture in the second column, 1 = largest."""

    @property
    def columns(self) -> tuple[Column, Column]:
        """Both columns."""
        return self.first, self.second


def column(pack: Pack, name: str) -> Column:
    """The column of that name; accuracies are means over trials. Raises UnknownName or NotMeasured."""
    rest, _, fidelity = name.partition("@")
    recipe, colon, epoch = fidelity.partition(":")
    if colon and not (epoch.isascii() and epoch.isdecimal() and len(epoch) < 7):
        raise BadSetting(
            f"{shortened(name)}: {shortened(epoch)} is no epoch; the form is DATASET/SPLIT@RECIPE:EPOCH"
        )
    dataset, _, what = rest.partition("/")
    dataset, what = semantics.dataset_named(dataset, pack.custom), what or "valid"
    if what not in (*semantics.SPLITS, *COSTS):
        raise UnknownName.among((*semantics.SPLITS, *COSTS), f"{shortened(name)}: unknown", what)
    if what in COSTS:
        if colon:
            raise BadSetting(f"{shortened(name)}: a cost has no epoch; leave out :{epoch}")
        return _cost(pack, name, dataset, what, recipe or None)
    last, meaning, recipe = pack.accuracy(dataset, what, recipe or None)
    path = f"{meaning.stored}/{recipe}/{meaning.set}/accuracy"
    mean = trial_mean(pack.at_epoch(path, int(epoch)) if epoch else last, np.isfinite(last))
    if epoch and np.isnan(mean).all():
        raise NotMeasured(
            f"{shortened(name)}: the table {pack.title!r} holds no accuracy after epoch {epoch}"
        )
    when = f"epoch {epoch} of recipe {recipe}" if epoch else f"recipe {recipe}"
    words = f"{WORDS.get(what, what)} {meaning.sentence}, {when}, {mean_words(pack.seeds(meaning.stored, recipe))}"
    return Column(name, mean, words, "%", pack.space, f"accuracy on {dataset} {what}", pack.title)


def measured_epochs(pack: Pack, name: str) -> dict[int, str]:
    """The epochs after which a table has the accuracies of a column: number → the column's name at this epoch.

    Raises BadSetting for a column of one epoch, or of none (costs); UnknownName or NotMeasured.
    """
    rest, _, recipe = name.partition("@")
    dataset, _, what = rest.partition("/")
    if what in COSTS or ":" in recipe:
        raise BadSetting(
            f"{shortened(name)} has no epochs to go through: name accuracies, DATASET[/SPLIT][@RECIPE]"
        )
    _, meaning, recipe = pack.accuracy(
        semantics.dataset_named(dataset, pack.custom), what or "valid", recipe or None
    )
    curve = pack.curve(f"{meaning.stored}/{recipe}/{meaning.set}/accuracy", np.arange(pack.space.size))
    epochs = np.flatnonzero(np.isfinite(curve).any(axis=(0, 1))) + 1
    return {epoch: f"{rest}@{recipe}:{epoch}" for epoch in epochs.tolist()}


def _cost(pack: Pack, name: str, dataset: str, what: str, recipe: str | None) -> Column:
    if what in ("params", "flops"):
        if recipe:
            raise BadSetting(f"{shortened(name)}: {what} are the same in every recipe; leave out @{recipe}")
        pair = costs(pack.space, np.arange(pack.space.size), dataset, pack.custom)
        values, words = pair[what == "flops"] / 1e6, {"params": "parameters", "flops": "multiply-adds"}[what]
        unit, where = "M", dataset
    else:
        known = held(pack, [dataset], recipe=recipe)[dataset]
        values = latency(pack, known) * 1e3 if what == "latency" else known[0].seconds
        unit = "ms" if what == "latency" else "s"
        words = "latency of a batch" if what == "latency" else f"training for {known[0].epochs} epochs"
        where = known[0].meaning.stored
    if np.isnan(values).all():
        raise NotMeasured(f"the table {pack.title!r} has no {what} of {dataset}")
    meaning, values = f"{words} on {where}", np.asarray(values, dtype=np.float64)
    return Column(name, values, meaning, unit, pack.space, f"{what} on {dataset}", pack.title)


def agreement(first: Column, second: Column, top: Sequence[int] = ()) -> Agreement:
    """Compare two columns of one space: correlations, and the overlap of the `top` largest for every number there.

    Without `top`, those of TOP below the number of common architectures. Raises BadInput for two spaces, NotMeasured
    below two common architectures, BadSetting for a top outside 1 to their number.
    """
    if first.space is not second.space:
        raise BadInput(
            f"{first.name} is of the {first.space.name} space, {second.name} of {second.space.name}"
        )
    both = np.isfinite(first.values) & np.isfinite(second.values)
    common = int(both.sum())
    if common < 2:
        raise NotMeasured(f"{first.name} and {second.name} have {common} architectures in common")
    if wrong := [k for k in top if not 1 <= k <= common]:
        raise BadSetting(
            f"top {wrong[0]}: it must be at least 1 and at most {common}, the architectures that {first.name} and "
            f"{second.name} have in common"
        )
    top = top or [k for k in TOP if k < common]
    order = first.space.official_to_flat[both[first.space.official_to_flat]]
    x, y = first.values[order], second.values[order]
    best = int(x.argmax())
    return Agreement(
        first,
        second,
        len(order),
        *correlations(x, y),
        {k: len(np.intersect1d(_largest(x, k), _largest(y, k))) for k in top},
        first.space.at_flat(order[best]),
        int((y > y[best]).sum()) + 1,
    )


def correlations(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Kendall's tau-b, Spearman's rho and Pearson's r of two samples; NaN where one of them is constant."""
    from scipy import stats

    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan, np.nan
    found: list[Any] = [test(x, y) for test in (stats.kendalltau, stats.spearmanr, stats.pearsonr)]
    tau, rho, r = (float(each.statistic) for each in found)
    return tau, rho, r


def tau_a(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-a: (concordant − discordant) / all pairs; a tie counts 0."""
    first, second = (np.sign(values[:, None] - values[None]) for values in (np.asarray(x), np.asarray(y)))
    pairs = len(first) * (len(first) - 1)
    return float((first * second).sum() / pairs)


def _largest(values: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-values, kind="stable")[:k]
