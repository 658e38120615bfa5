"""The numbers of a comparison: one row per data set and searcher, computed once for every form of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nasreplay.runs.report import statistics
from nasreplay.runs.report.row import Row
from nasreplay.runs.report.statistics import Pair
from nasreplay.runs.result import Comparison, Result, TableFacts

SIGNIFICANT = 0.05
WALL_REPLICAS = 500
"""Wall seconds are scaled to this many replicas."""


def rows(comparison: Comparison) -> list[Row]:
    """Ranked rows of a data set stand first, best rank first, the others below."""
    return [row for dataset in comparison.datasets for row in _dataset_rows(comparison, dataset)]


def average_ranks(rows: Sequence[Row]) -> dict[str, float]:
    """Mean rank over the data sets by searcher, best first; only searchers ranked on all of them."""
    ranks: dict[str, dict[str, float]] = {row.dataset: {} for row in rows}
    for row in rows:
        if row.rank is not None:
            ranks[row.dataset][row.searcher] = row.rank
    return dict(sorted(statistics.average_ranks([*ranks.values()]).items(), key=lambda item: item[1]))


def _dataset_rows(comparison: Comparison, dataset: str) -> list[Row]:
    truth, results = comparison.tables[dataset], comparison.of(dataset)
    scores = {one.searcher: statistics.score(one, truth, truth.budget_s, comparison.score) for one in results}
    ranked = {one.searcher: scores[one.searcher] for one in results if not statistics.apart(one)}
    ranked = {
        name: sample[np.isfinite(sample)] for name, sample in ranked.items() if np.isfinite(sample).any()
    }
    ranks, pairs = statistics.expected_ranks(ranked), statistics.compare_pairs(ranked)
    every = [result.searcher for result in comparison.results]
    made = [
        _row(
            result,
            truth,
            scores[result.searcher],
            comparison.score,
            rank=ranks.get(result.searcher),
            beats=_beaten_by(result.searcher, pairs),
            p=_p_values(result.searcher, pairs, every),
        )
        for result in results
    ]
    return sorted(made, key=lambda row: (row.rank is None, row.rank or 0.0))


def _beaten_by(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The searchers that are clearly worse."""
    clear = [pair for pair in pairs if pair.corrected < SIGNIFICANT]
    beaten = [pair.second for pair in clear if pair.first == name and pair.better > 0.5]
    beaten += [pair.first for pair in clear if pair.second == name and pair.better < 0.5]
    return tuple(beaten)


def _p_values(name: str, pairs: Sequence[Pair], every: Iterable[str]) -> dict[str, float | None]:
    """Holm-corrected p against each of the searchers `every`; None where there was no test."""
    tested = {
        pair.second if pair.first == name else pair.first: pair.corrected
        for pair in pairs
        if name in (pair.first, pair.second)
    }
    return {other: tested.get(other) for other in every}


def _row(
    result: Result,
    truth: TableFacts,
    scores: np.ndarray,
    how: str,
    *,
    rank: float | None,
    beats: tuple[str, ...],
    p: Mapping[str, float | None],
) -> Row:
    valid, test = statistics.summarize(scores), None
    if truth.test is not None:
        test = statistics.summarize(statistics.score(result, truth, truth.budget_s, how, "test"))
    return Row(
        dataset=result.dataset,
        searcher=result.searcher,
        oracle=result.oracle,
        apart=statistics.apart(result),
        replicas=len(result.found_flat),
        score=how,
        validation_accuracy_mean=_known(valid.mean),
        validation_accuracy_std=_known(valid.std),
        validation_accuracy_low95=_known(valid.low),
        validation_accuracy_high95=_known(valid.high),
        test_accuracy_mean=test and _known(test.mean),
        test_accuracy_std=test and _known(test.std),
        regret_mean=_known(statistics.summarize(truth.optimum - scores).mean),
        table_optimum=truth.optimum,
        measured=len(truth.final_mean) if truth.measured is None else truth.measured,
        architectures=len(truth.final_mean),
        rank=rank,
        beats=beats,
        evaluations_mean=float(result.evaluations.mean()),
        simulated_hours_mean=float(result.final_clock.mean()) / 3600,
        budget_s=truth.budget_s,
        wall_s=result.wall_s,
        wall_s_per_500_replicas=result.wall_s * WALL_REPLICAS / len(result.found_flat),
        p=p,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
