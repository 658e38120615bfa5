"""Statistics of replicas: scores, anytime curves, intervals, ranks and tests. numpy; scipy for the tests.

Shapes: R replicas of a result, S recorded points, G points of a grid, A architectures, B bootstrap resamples.
Accuracies and regrets are percent of the final fidelity (mean over trials), never what the searcher was told.
Replicas of different searchers are not paired, although they have the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from nasreplay.errors import BadSetting, shortened
from nasreplay.runs.result import Result, TableFacts

SCORES = ("last", "published")
AXES = ("simulated_s", "evaluations")
RESAMPLES = 2_000
EXACT = 8  # values up to which scipy enumerates, where there are no ties
BOOTSTRAP_SEED = 201  # reports of the same results are the same; this is no seed of a search


class Summary(NamedTuple):
    """What is told of a sample; NaN where it has no values."""

    mean: float
    std: float
    """Population standard deviation."""
    low: float
    """Lower end of the 95 % interval of the mean; NaN below 2 values."""
    high: float
    """Upper end."""
    size: int


class Pair(NamedTuple):
    """Two searchers compared by the two-sided Mann–Whitney test."""

    first: str
    second: str
    better: float
    """P(the first is better) + ½ P(tie)."""
    p: float
    corrected: float
    """p after Holm's correction over all pairs."""


def apart(result: Result) -> str:
    """Why a result takes no part in ranks and tests, or "" when it does.

    Oracles read the whole table; a searcher that repeats another says so in settings["apart"].
    """
    own = str(result.settings.get("apart", ""))
    reasons = ("oracle" if result.oracle else "", own, "" if result.finished else "interrupted")
    return "; ".join(filter(None, reasons))


# --- scores ----------------------------------------------------------------------------------------


def look_up(values: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """values [A] at flat indices of any shape; NaN where the index is −1."""
    return np.where(flat >= 0, values[flat], np.nan)


def regret(result: Result, truth: TableFacts) -> np.ndarray:
    """float64 [R] percent points: the table's optimum minus the final accuracy of what each replica found."""
    return truth.optimum - look_up(truth.final_mean, result.found_flat)


def score(
    result: Result, truth: TableFacts, budget_s: float | None = None, how: str = "last", split: str = "valid"
) -> np.ndarray:
    """float64 [R] percent: the final accuracy that each replica is credited with.

    "last": of the architecture it ended with. "published": at the budget, as NATS-Bench's scripts do it: the
    two recorded points nearest the budget in time (the earlier one on ties), each read as the final accuracy
    of its incumbent, and the straight line through them at the budget. Both may lie on one side of it, then
    the line is continued, as there. Where the rule has no answer, "last" is taken: a replica that ended
    before the budget, had no clock, or whose two points have the same time. split: "valid" or "test".
    """
    values = truth.final_mean if split == "valid" else truth.test
    if values is None:
        raise BadSetting("this table has no test accuracy; score split 'valid'")
    if how not in SCORES:
        raise BadSetting(f"score {how!r}: known are {', '.join(SCORES)}")
    last = look_up(values, result.found_flat)
    if how == "last":
        return last
    if budget_s is None:
        raise BadSetting(
            "the published score is read at a budget of simulated seconds: set one, or use 'last'"
        )
    interpolated = _at_budget(result, values, budget_s)
    return np.where(np.isfinite(interpolated), interpolated, last)


def _at_budget(result: Result, values: np.ndarray, budget_s: float) -> np.ndarray:
    """float64 [R]: the published interpolation, NaN where it has no answer."""
    replicas = np.arange(len(result.found_flat))
    if result.clock.shape[1] < 2:
        return np.full(len(replicas), np.nan)
    distance = np.where(result.incumbent_flat >= 0, np.abs(result.clock - budget_s), np.inf)
    first = distance.argmin(axis=1)
    distance[replicas, first] = np.inf
    second = distance.argmin(axis=1)
    usable = np.isfinite(distance[replicas, second]) & (result.final_clock >= budget_s)
    time_1, time_2 = result.clock[replicas, first], result.clock[replicas, second]
    value_1 = look_up(values, result.incumbent_flat[replicas, first])
    value_2 = look_up(values, result.incumbent_flat[replicas, second])
    gap = np.where(usable & (time_1 != time_2), time_2 - time_1, np.nan)
    return value_1 + (budget_s - time_1) / gap * (value_2 - value_1)


# --- anytime curves --------------------------------------------------------------------------------


def incumbent_at(result: Result, grid: np.ndarray, axis: str = "simulated_s") -> np.ndarray:
    """int32 [R, G]: the last incumbent at or before each point of a rising grid, −1 before the first.

    axis "simulated_s": grid in simulated seconds; "evaluations": in evaluations charged, or in steps for a
    result that asks no questions. After its end a replica keeps its last incumbent.
    """
    spent = _spent(result, axis)
    padded = np.pad(result.incumbent_flat, ((0, 0), (1, 0)), constant_values=-1)
    rows = zip(spent, result.points.tolist(), strict=True)
    passed = [np.searchsorted(row[:points], grid, side="right") for row, points in rows]
    return np.take_along_axis(
        padded, np.array(passed, dtype=np.int64).reshape(len(padded), len(grid)), axis=1
    )


def anytime_regret(
    result: Result, truth: TableFacts, grid: np.ndarray, axis: str = "simulated_s"
) -> np.ndarray:
    """float64 [R, G] percent points: regret of `incumbent_at`, NaN before a replica's first point."""
    return truth.optimum - look_up(truth.final_mean, incumbent_at(result, grid, axis))


def _spent(result: Result, axis: str) -> np.ndarray:
    """[R, S]: what each replica has spent after each point."""
    if axis not in AXES:
        raise BadSetting(f"axis {shortened(axis)}: known are {', '.join(AXES)}")
    return result.clock if axis == "simulated_s" else result.queries


# --- intervals -------------------------------------------------------------------------------------


def summarize(values: np.ndarray) -> Summary:
    """Mean, population std and 95 % percentile-bootstrap interval of the mean of the finite values."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Summary(np.nan, np.nan, np.nan, np.nan, 0)
    low, high = mean_interval(values[:, None])
    return Summary(float(values.mean()), float(values.std()), float(low[0]), float(high[0]), len(values))


def mean_interval(values: np.ndarray, resamples: int = RESAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile-bootstrap interval of the mean over the replicas of values [R, G]: two arrays [G].

    Whole replicas are resampled, the same ones for all G (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, section 13.3); NaN with fewer than 2 replicas. Deterministic.
    """
    if len(values) < 2:
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing
    center = values.mean(axis=0)  # subtracted, so that nearly equal values lose no digits
    means = center + _resample_weights(len(values), resamples) @ (values - center)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def mean_difference(samples: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float, float]:
    """The mean over pairs of samples of their difference in mean, and the ends of its 95 % bootstrap interval.

    All samples are resampled independently; the ends are NaN where one has fewer than 2 finite values.
    """
    finite = [tuple(one[np.isfinite(one)] for one in pair) for pair in samples]
    mean = float(np.mean([first.mean() - second.mean() for first, second in finite]))
    if min(len(one) for pair in finite for one in pair) < 2:
        return mean, np.nan, np.nan
    differences = np.zeros(RESAMPLES)
    for place, one in enumerate(one for pair in finite for one in pair):
        center = one.mean()
        means = center + _resample_weights(len(one), RESAMPLES) @ (one - center)
        # samples of one size share their resamples: turned, no two of them meet
        differences += np.roll(means, place) * (1 if place % 2 == 0 else -1)
    low, high = np.quantile(differences / len(finite), [0.025, 0.975])
    return mean, float(low), float(high)


@lru_cache(maxsize=4)
def _resample_weights(replicas: int, resamples: int) -> np.ndarray:
    """float64 [B, R]: how often each replica stands in each resample, divided by R."""
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(replicas, size=(resamples, replicas))
    drawn += np.arange(resamples)[:, None] * replicas
    counts = np.bincount(drawn.ravel(), minlength=resamples * replicas)
    return counts.reshape(resamples, replicas) / replicas


# --- ranks and tests -------------------------------------------------------------------------------


def chance_better(first: np.ndarray, second: np.ndarray) -> float:
    """P(x > y) + ½ P(x = y) for x, y drawn independently from two samples (common-language effect size)."""
    ordered = np.sort(second)
    below = np.searchsorted(ordered, first, side="left")
    not_above = np.searchsorted(ordered, first, side="right")
    return float((below + not_above).sum() / (2 * len(first) * len(second)))


def expected_ranks(samples: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Expected rank (1 = best, ties shared) of each searcher when one replica of each is drawn independently.

    By linearity it is 1 + Σ over the others of P(other better) + ½ P(tie). samples: accuracies [R] by name.
    """
    return {
        name: 1.0 + sum(chance_better(other, own) for rival, other in samples.items() if rival != name)
        for name, own in samples.items()
    }


def average_ranks(ranks: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean rank over the data sets, of the searchers that are ranked on all of them."""
    everywhere = [name for name in (ranks[0] if ranks else {}) if all(name in one for one in ranks)]
    return {name: float(np.mean([one[name] for one in ranks])) for name in everywhere}


def compare_pairs(samples: Mapping[str, np.ndarray]) -> list[Pair]:
    """Two-sided Mann–Whitney test of every pair of samples, with Holm's correction over these pairs.

    Two samples that are one constant have p = 1.
    """
    pairs = list(combinations(samples, 2))
    raw = _mann_whitney([(samples[first], samples[second]) for first, second in pairs])
    effects = [chance_better(samples[first], samples[second]) for first, second in pairs]
    corrected = holm(np.array(raw)).tolist()
    return [Pair(*names, *numbers) for names, *numbers in zip(pairs, effects, raw, corrected, strict=True)]


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p-values [M] (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _mann_whitney(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """p of each pair of samples; pairs of equal sizes, of which there are many, are tested in one call."""
    from scipy.stats import mannwhitneyu

    found, groups = [1.0] * len(pairs), {}
    for place, (first, second) in enumerate(pairs):
        if min(first.min(), second.min()) < max(
            first.max(), second.max()
        ):  # else the statistic has no variance
            small = (
                place if min(len(first), len(second)) <= EXACT else None
            )  # one with ties changes the method
            groups.setdefault((len(first), len(second), small), []).append(place)
    for places in groups.values():
        first, second = (np.array([pairs[place][side] for place in places]) for side in (0, 1))
        p = mannwhitneyu(first, second, alternative="two-sided", axis=1).pvalue
        for place, value in zip(places, p.tolist(), strict=True):
            found[place] = value
    return found
