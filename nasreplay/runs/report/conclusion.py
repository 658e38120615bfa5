"""What came of a comparison, in three sentences: who won and how sure that is, what was found, what to open next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nasreplay.runs.report import statistics
from nasreplay.runs.report.cells import of_dataset, ranked
from nasreplay.runs.report.rows import Row, average_ranks
from nasreplay.runs.result import Comparison
from nasreplay.spaces import space_named


def conclusion(comparison: Comparison, rows: Sequence[Row], folder: Path | None = None) -> list[str]:
    """The sentences; the last one only with the folder of the figures, none without results."""
    said = [_winner(comparison, rows), _found(comparison, rows)] if rows else []
    if folder and rows:
        figure = f"{folder / 'overview.png'}, then " if ranked(rows) else ""
        said.append(f"Open next: {figure}{folder / 'summary.md'} (tests, settings); seed {comparison.seed}.")
    return said


def _winner(comparison: Comparison, rows: Sequence[Row]) -> str:
    datasets = list(dict.fromkeys(row.dataset for row in ranked(rows)))
    order = list(average_ranks(ranked(rows)).items())
    if not order:
        return "No winner: no searcher is ranked on every data set."
    (first, rank), *others = order
    where = f"over {len(datasets)} data sets" if len(datasets) > 1 else f"on {datasets[0]}"
    if not others:
        return f"No contest: only {first} is ranked {where}."
    second, behind = others[0]
    own = [row for row in ranked(rows) if row.searcher == first]
    clear, known = sum(second in row.beats for row in own), [row.p[second] or 0.0 for row in own]
    lost = sum(first in row.beats for row in ranked(rows) if row.searcher == second)
    other = f", the other way round on {lost}" if lost else ""
    gain, low, high = _gain(comparison, datasets, first, second)
    interval = f" (95 % interval {low:.2f} to {high:.2f})" if np.isfinite(low) else ""
    unsure = "no data set shows a difference that is sure"
    sure = (
        f"p = {known[0]:.2g}"
        if len(own) == 1
        else unsure
        if not (clear or lost)
        else f"p < 0.05 on {clear} of {len(own)} data sets{other} (p {min(known):.2g} to {max(known):.2g})"
    )
    return (
        f"{'Winner' if 2 * clear > len(own) else 'No clear winner'}: {first}, "
        f"{'mean ' * (len(own) > 1)}rank {rank:.2f} {where}, is before {second} ({behind:.2f}) by "
        f"{gain:.2f} points of accuracy{interval}; {sure}."
    )


def _gain(comparison: Comparison, datasets: list[str], first: str, second: str) -> tuple[float, float, float]:
    """Mean difference of accuracy over the data sets, percent points, and the ends of its 95 % interval."""
    samples = []
    for dataset in datasets:
        truth = comparison.tables[dataset]
        scores = {
            one.searcher: statistics.score(one, truth, truth.budget_s, comparison.score)
            for one in comparison.of(dataset)
            if one.searcher in (first, second)
        }
        samples.append((scores[first], scores[second]))
    gain, low, high = (
        round(number, 2) + 0.0 for number in statistics.mean_difference(samples)
    )  # no minus zero
    return gain, low, high


def _found(comparison: Comparison, rows: Sequence[Row]) -> str:
    """The best architecture of every data set that a replica of a ranked searcher ended with."""
    parts = []
    for dataset in comparison.datasets:
        names = [row.searcher for row in ranked(of_dataset(rows, dataset))]
        results = [one for one in comparison.of(dataset) if one.searcher in names or not names]
        truth = comparison.tables[dataset]
        flat = np.concatenate([one.found_flat[one.found_flat >= 0] for one in results] or [np.zeros(0, int)])
        if len(flat):
            best = int(flat[np.nanargmax(truth.final_mean[flat])])
            accuracy = float(truth.final_mean[best])
            of = ", the table's best" if accuracy == truth.optimum else ""
            number = int(space_named(truth.space).flat_to_official[best])
            parts.append(f"#{number} on {dataset} ({accuracy:.2f} %{of})")
    return (
        f"Best found: {', '.join(parts)}; `nasreplay query INDEX` shows one."
        if parts
        else "Nothing was found."
    )
