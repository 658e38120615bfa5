"""Figures of a comparison for a paper: PNG, SVG and PDF, no display needed, the same bytes for the same results.

Shapes: R replicas, G points of a grid. Regret is in percent points of final validation accuracy. Oracles have paid
nothing for what they found, so they are no curves: gray words below the legend name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.evaluate.ledger import time_unit
from nasreplay.files.atomic import write_whole
from nasreplay.files.workers import HERE, Workers
from nasreplay.runs.report import statistics
from nasreplay.runs.report.looks import ENDINGS, GRAY, Look, looks_of, rendered, style
from nasreplay.runs.report.overview import overview_figure
from nasreplay.runs.report.rows import Row
from nasreplay.runs.report.ticks import scale_regret, scale_spending
from nasreplay.runs.result import Comparison, Result, TableFacts
from nasreplay.settings import check_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 100  # points of a curve
RESAMPLES = 1_000
MARKS = 7  # on a curve
HEIGHT, PANEL, LEFT, BOTTOM, GAP = 2.9, 2.25, 0.65, 0.45, 0.22  # inches, of a figure and its parts
HANDLE, LETTER = 0.85, 0.068  # inches, of a legend


class Curve(NamedTuple):
    """Mean anytime regret of one searcher, percent points at the points of a grid."""

    searcher: str
    mean: np.ndarray
    low: np.ndarray
    """Lower end of the 95 % bootstrap interval of the mean."""
    high: np.ndarray
    """Upper end."""


def save_regrets(
    comparison: Comparison, folder: str | Path, workers: Workers = HERE
) -> Iterator[tuple[str, list[Path]]]:
    """Begin to draw `regret-<dataset>` of every data set; yields it with its PNG, SVG and PDF. Raises BadOutput."""
    looks = looks_of(one.searcher for one in comparison.results)
    datasets = comparison.datasets
    parts = [Comparison(comparison.of(one), {one: comparison.tables[one]}) for one in datasets]
    drawn = workers.each(partial(_save_regret, Path(folder), looks), datasets, parts)
    return ((dataset, paths) for (dataset, _), paths in drawn)


def _save_regret(folder: Path, looks: dict[str, Look], dataset: str, part: Comparison) -> list[Path]:
    return _save(regret_figure(part, dataset, looks), folder, f"regret-{quote(dataset, safe=' ')}")


def save_overview(comparison: Comparison, rows: Sequence[Row], folder: str | Path) -> list[Path]:
    """Draw `overview` as PNG, SVG and PDF; none where no searcher has a rank. Raises BadOutput."""
    figure = overview_figure(comparison, rows)
    return _save(figure, Path(folder), "overview") if figure else []


def _save(figure: Figure, folder: Path, name: str) -> list[Path]:
    paths = [folder / f"{name}.{ending}" for ending in ENDINGS]
    for path, ending in zip(paths, ENDINGS, strict=True):
        write_whole(path, rendered(figure, ending))
    return paths


def plot(comparison: Comparison, path: str | Path | None, dataset: str | None = None) -> tuple[Path, ...]:
    """See `Comparison.plot`."""
    if path is None:
        raise BadSetting(
            "plot: name the file to draw into, as plot('regret.png'); it ends in .png, .svg or .pdf"
        )
    check_kind("path", path, str, Path)
    path = Path(path)
    ending = path.suffix.removeprefix(".").lower()
    if ending not in ENDINGS:
        raise BadSetting(f"{path}: a figure ends in .png, .svg or .pdf")
    if dataset is not None and dataset not in comparison.datasets:
        raise BadSetting(f"no data set {dataset!r} was compared: {', '.join(comparison.datasets)}")
    wanted = comparison.datasets if dataset is None else [dataset]
    written = []
    for one in wanted:
        place = path if len(wanted) == 1 else path.with_name(f"{path.stem}-{one}{path.suffix}")
        write_whole(place, rendered(regret_figure(comparison, one), ending))
        written.append(place)
    return tuple(written)


def regret_figure(comparison: Comparison, dataset: str, looks: dict[str, Look] | None = None) -> Figure:
    """Mean anytime regret with its 95 % bootstrap band, against simulated time and against evaluations.

    Curves begin where every replica has an answer; what lies below the frame is drawn on its lower edge. looks: those
    of a larger figure or comparison.
    """
    from matplotlib.figure import Figure

    truth, results = comparison.tables[dataset], comparison.of(dataset)
    final = {one.searcher: float(np.nanmean(statistics.regret(one, truth))) for one in results}
    order = sorted(results, key=lambda one: final[one.searcher])
    paid = [one for one in order if not one.oracle and one.evaluated_flat.shape[1]]
    legend = HANDLE + LETTER * max(12, *(len(one.searcher) for one in results))
    width = LEFT + 2 * PANEL + 2 * GAP + legend
    looks = looks or looks_of(one.searcher for one in comparison.results)
    with style():
        figure = Figure(figsize=(width, HEIGHT))
        panels: Any = figure.subplots(1, 2, sharey=True)
        right = LEFT + 2 * PANEL + GAP
        figure.subplots_adjust(
            LEFT / width, BOTTOM / HEIGHT, right / width, 1 - 0.1 / HEIGHT, wspace=GAP / PANEL
        )
        drawn = []
        for panel, axis in zip(panels, statistics.AXES, strict=True):
            grid = _grid(paid, truth, axis)
            unit = time_unit(grid) if axis == "simulated_s" else None
            curves = [_curve(one, truth, grid, axis) for one in paid] if len(grid) else []
            panel.set_xlabel(f"Simulated time ({unit.name})" if unit else "Evaluations")
            _draw(panel, grid / (unit.seconds if unit else 1), curves, looks)
            drawn += curves
        panels[0].set_ylabel("Mean regret (percent points)")
        scale_regret(panels[0], np.concatenate([np.ravel(curve.mean) for curve in drawn] or [np.ones(1)]))
        free = [f"{final[one.searcher]:.2f}  {one.searcher}" for one in order if one not in paid]
        labels = {one.searcher: f"{final[one.searcher]:.2f}  {one.searcher}" for one in paid}
        _add_legend(
            figure,
            (right + 0.12) / width,
            "\n".join(filter(None, (dataset, truth.coverage, "final mean regret"))),
            labels,
            looks,
            free,
        )
    return figure


def _curve(result: Result, truth: TableFacts, grid: np.ndarray, axis: str) -> Curve:
    regret = statistics.anytime_regret(result, truth, grid, axis)[result.points > 0]
    return Curve(result.searcher, regret.mean(axis=0), *statistics.mean_interval(regret, RESAMPLES))


def _draw(panel: Axes, grid: np.ndarray, curves: list[Curve], looks: dict[str, Look]) -> None:
    scale_spending(panel, grid)
    every = max(len(grid) // MARKS, 1)
    for place, curve in enumerate(curves):
        look = looks[curve.searcher]
        panel.plot(
            grid,
            curve.mean,
            color=look.color,
            ls=look.line,
            lw=1.3,
            drawstyle="steps-post",
            marker=look.marker,
            ms=3.2,
            markevery=(place * every // max(len(curves), 1), every),
            label=curve.searcher,
        )
        panel.fill_between(grid, curve.low, curve.high, color=look.color, alpha=0.15, lw=0, step="post")


def _add_legend(
    figure: Figure, left: float, title: str, labels: dict[str, str], looks: dict[str, Look], free: list[str]
) -> None:
    """A legend beside the panels, best regret first; below it in gray what was found without paying."""
    from matplotlib.lines import Line2D

    samples = []
    for name, label in labels.items():
        look = looks[name]
        samples.append(
            Line2D([], [], label=label, color=look.color, ls=look.line, lw=1.3, marker=look.marker, ms=3.2)
        )
    where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (left, 0.99), "borderaxespad": 0.0}
    figure.legend(
        handles=samples, title=title, handlelength=2.6, alignment="left", labelspacing=0.35, **where
    )
    if free:
        words = "\n".join(["oracles: free, not ranked", *free])
        figure.text(left, BOTTOM / HEIGHT, words, fontsize=6.5, color=GRAY, va="bottom")


def _grid(curves: list[Result], truth: TableFacts, axis: str) -> np.ndarray:
    """float64 [G]: logarithmic, to the last answer within the budget; empty if nothing was paid."""
    curves = [result for result in curves if result.points.any()]
    if axis == "evaluations":
        last = max((int(result.evaluations.max()) for result in curves), default=0)
        first = min((int(result.queries[result.points > 0, 0].max()) for result in curves), default=1)
        return np.unique(np.geomspace(first, max(last, first), GRID).round()) if last else np.empty(0)
    last = max((float(result.final_clock.max()) for result in curves), default=0.0)
    first = min((float(result.clock[result.points > 0, 0].max()) for result in curves), default=0.0)
    if truth.budget_s and truth.budget_s > first:
        last = min(last, truth.budget_s)
    return np.geomspace(first, last, GRID) if 0 < first < last else np.empty(0)
