"""Paired differences over the epochs as a figure: PNG, SVG or PDF, no display needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.files.atomic import write_whole
from nasreplay.runs.pairs.paired import MEASURES, Against, Measure, PairedRuns
from nasreplay.runs.report.looks import COLORS, GRAY, LINES, ending_of, rendered, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, HIGH, LEGEND = 2.5, 2.3, 0.22  # inches: of a panel, and of a line of the legend


def save_paired(found: PairedRuns, file: Path) -> None:
    """Write a panel for each measure, atomically; the ending of `file` is its kind. Raises BadSetting or BadOutput.

    Lines are mean differences from the first run. With several seeds the dark bands are ± one standard error of the
    pairs and the light ones, ended by dots, that of independent runs. Up to a fork's epoch there is no difference.
    """
    from matplotlib.figure import Figure

    ending = ending_of(file)
    shown = [one for one in MEASURES if any(one in each.measures for each in found.against)]
    size = WIDE * max(len(shown), 1), HIGH + LEGEND * (len(found.against) + 1)
    with style():
        figure = Figure(figsize=size, layout="constrained")
        for place, measure in enumerate(shown):
            axes = figure.add_subplot(1, len(shown), place + 1)
            axes.axhline(0, color=GRAY, lw=0.8)
            for turn, each in enumerate(found.against):
                if measure in each.measures:
                    _draw(axes, each, measure, turn)
            axes.set_xlabel("Epoch")
            axes.set_ylabel(f"Difference in {measure.name} ({measure.unit})")
        handles, labels = figure.axes[0].get_legend_handles_labels() if shown else ([], [])
        figure.legend(handles, labels, loc="outside upper center", title=_title(found), title_fontsize=8)
    write_whole(file, rendered(figure, ending))


def _title(found: PairedRuns) -> str:
    seeds = len(found.seeds)
    if seeds == 1:
        return f"Against {found.first}, seed {found.seeds[0]}"
    return (
        f"Against {found.first}, {seeds} seeds: ± standard error of pairs (dark), of independent runs (dots)"
    )


def _draw(axes: Axes, each: Against, measure: Measure, turn: int) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, each.epochs + 1)
    mean, color = each.difference(measure.name).mean(axis=0), COLORS[turn % len(COLORS)]
    axes.plot(epochs, mean, label=each.name, lw=1.3, ls=LINES[turn // len(COLORS) % len(LINES)], color=color)
    if len(each.folders) > 1:
        paired, unpaired = each.paired_error(measure.name), each.unpaired_error(measure.name)
        axes.fill_between(epochs, mean - paired, mean + paired, alpha=0.3, lw=0, color=color)
        for side in (-unpaired, unpaired):
            axes.plot(epochs, mean + side, lw=0.8, ls=":", color=color)
    if 0 < each.equal_until < each.epochs:
        axes.axvline(each.equal_until, lw=0.8, ls=":", color=GRAY)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
