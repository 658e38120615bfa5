"""One figure over all data sets: how the final regrets of the replicas lie, and the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.runs.report import statistics
from nasreplay.runs.report.looks import Look, looks_of, style
from nasreplay.runs.report.rows import Row, average_ranks
from nasreplay.runs.report.ticks import LEAST_REGRET, short
from nasreplay.runs.result import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = (5, 25, 50, 75, 95)  # percent of the replicas: ends of the thin line, ends of the bar, the gap in it
PANEL, ROW, LETTER = 1.7, 0.21, 0.064  # inches: width of a panel, height of a row, a letter
FAR = 8  # times the middle one's reach: beyond it the axis is logarithmic


def overview_figure(comparison: Comparison, rows: Sequence[Row]) -> Figure | None:
    """Regret distributions of the ranked searchers on every data set, and their ranks; None where none has a rank.

    Of each searcher a thin line spans 90 % of the replicas, a bar the middle half with a gap at the median, and a
    marker is the mean. In the last panel the marker is the mean rank, and the thin line spans the data sets.
    """
    from matplotlib.figure import Figure

    ranked = [row for row in rows if row.rank is not None]
    datasets = [dataset for dataset in comparison.datasets if any(row.dataset == dataset for row in ranked)]
    if not datasets:
        return None
    known = average_ranks(ranked)
    names = [*known, *dict.fromkeys(row.searcher for row in ranked if row.searcher not in known)]
    shared = looks_of(one.searcher for one in comparison.results)
    looks = {name: shared[name] for name in names}
    left, gap = 0.15 + LETTER * max(map(len, names)), 0.14
    width = left + (PANEL + gap) * (len(datasets) + 1)
    height = ROW * len(names) + 0.75
    with style():
        figure = Figure(figsize=(width, height))
        panels: Any = figure.subplots(1, len(datasets) + 1, sharey=True, squeeze=False)[0]
        figure.subplots_adjust(
            left / width, 0.45 / height, 1 - 0.12 / width, 1 - 0.27 / height, wspace=gap / PANEL
        )
        for panel, dataset in zip(panels, datasets, strict=False):
            _draw_regrets(panel, comparison, dataset, looks)
        _draw_ranks(panels[-1], ranked, looks)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        panels[0].set_yticks(range(len(names)), names)
        for label, name in zip(panels[0].get_yticklabels(), names, strict=True):
            label.set_color(looks[name].color)
    return figure


def _draw_regrets(panel: Axes, comparison: Comparison, dataset: str, looks: dict[str, Look]) -> None:
    names = list(looks)
    truth, highs = comparison.tables[dataset], [0.0]
    for result in comparison.of(dataset):
        score = statistics.score(result, truth, truth.budget_s, comparison.score)
        regret = truth.optimum - score[np.isfinite(score)]
        if result.searcher in names and len(regret):
            place, look = names.index(result.searcher), looks[result.searcher]
            low, quarter, middle, three, high = np.percentile(regret, PARTS)
            panel.hlines(place, low, high, color=look.color, lw=0.9)
            panel.hlines(place, quarter, three, color=look.color, lw=6, alpha=0.35)
            panel.plot([middle], [place], marker="|", ms=6, mew=1.1, color="white")
            panel.plot([regret.mean()], [place], marker=look.marker, ms=4, color=look.color)
            highs.append(max(float(high), float(regret.mean())))
    farthest, middling = max(highs), max(float(np.median(highs[1:] or highs)), LEAST_REGRET)
    if farthest > FAR * middling:  # one far off would squeeze the others
        panel.set_xscale("symlog", linthresh=middling)
        panel.set_xticks([0, middling, farthest])
        panel.set_xticks([], minor=True)
        panel.set_xlim(0, farthest * 1.7)
    else:
        panel.xaxis.set_major_locator(_few())
        panel.set_xlim(0, farthest * 1.04 or 1)
    panel.xaxis.set_major_formatter(lambda value, place: short(float(f"{value:.2g}")))
    panel.set_xlabel("Regret (percent points)")
    _finish(panel, "\n".join(filter(None, (dataset, truth.coverage))))


def _draw_ranks(panel: Axes, ranked: list[Row], looks: dict[str, Look]) -> None:
    for place, (name, look) in enumerate(looks.items()):
        own = [row.rank or np.nan for row in ranked if row.searcher == name]
        if len(own) > 1:
            panel.hlines(place, min(own), max(own), color=look.color, lw=0.9)
        panel.plot([np.mean(own)], [place], marker=look.marker, ms=4.5, color=look.color)
    panel.set_xlim(0.8, max(len(looks), 2) + 0.2)
    panel.xaxis.set_major_locator(_few(integer=True))
    panel.set_xlabel("Rank (1 is best)")
    _finish(panel, "rank" if len({row.dataset for row in ranked}) == 1 else "mean rank")


def _few(integer: bool = False) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, integer=integer)


def _finish(panel: Axes, title: str) -> None:
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="y", visible=False)
    panel.spines["left"].set_visible(False)
    panel.set_title(title, fontsize=8.5)
