"""Anytime regret as figures for a paper: PNG and SVG, no display needed, the same bytes for the same results.

Shapes: R replicas, G points of a grid. Regret is in percent points of final validation accuracy.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from nasreplay.files.atomic import write_whole
from nasreplay.runs.report import statistics
from nasreplay.runs.result import Comparison, Result, TableFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito, "Color Universal Design" (2008): its yellow, too pale on white, is replaced by wine and olive
# of Paul Tol's "muted" scheme. Oracles have dark tones of that scheme.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933")
ORACLE_COLORS = ("#332288", "#AA4499", "#117733", "#777777", "#882255")
LINES = ("-", "-.", ":")  # the line changes when the colors are used up
DASH = 3.0  # points
GRID = 160  # points of a curve
RESAMPLES = 1_000
FLOORS = (0.01, 1.0)  # bounds of the lower end of the regret axis, percent points
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "nasreplay",
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
}
UNDATED: dict[str, dict[str, Any]] = {  # without date and version: the same results give the same file
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
PANELS = {  # axis of `statistics`: label, unit
    "simulated_s": ("Simulated time (hours)", 3600.0),
    "evaluations": ("Evaluations", 1.0),
}


def save_figures(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Write `regret-<dataset>.png` and `.svg` of every data set, atomically. Raises BadOutput."""
    folder, paths = Path(folder), []
    for dataset in comparison.datasets:
        figure = regret_figure(comparison, dataset)
        for ending in ("png", "svg"):
            paths.append(folder / f"regret-{quote(dataset, safe=chr(32))}.{ending}")
            write_whole(paths[-1], rendered(figure, ending))
            figure.set_layout_engine("none")  # the places found for the first file serve the second
    return paths


def regret_figure(comparison: Comparison, dataset: str) -> Figure:
    """Mean anytime regret with its 95 % bootstrap band, against simulated hours and against evaluations.

    Results that ask and pay nothing (oracles) are dashed horizontal lines at their final regret. Curves begin
    where every replica has an answer; what lies below the floor of the axis is drawn on it.
    """
    from matplotlib.figure import Figure

    truth, results = comparison.tables[dataset], comparison.of(dataset)
    final = {r.searcher: float(np.nanmean(statistics.regret(r, truth))) for r in results}
    floor, looks = _floor(list(final.values())), _looks(comparison, final)
    with style():
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        panels: Any = figure.subplots(1, 2, sharey=True)
        for panel, axis in zip(panels, PANELS, strict=True):
            _draw(panel, results, truth, axis, looks, floor)
        panels[0].set_ylabel("Mean regret (percent points)")
        _label_regret(panels[0], floor, clipped=min(final.values()) < floor)
        fuller = max(panels, key=lambda panel: len(panel.get_lines()))
        _add_legend(figure, fuller, f"{dataset}\nfinal mean regret")
    return figure


def rendered(figure: Figure, ending: str) -> bytes:
    """The figure as a file of that kind (png, svg, pdf)."""
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format=ending, dpi=200, metadata=UNDATED[ending])
    return stream.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """Our look whatever the user's matplotlibrc says; afterwards everything is as it was."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


# --- panels ----------------------------------------------------------------------------------------


def _draw(
    panel: Axes, results: list[Result], truth: TableFacts, axis: str, looks: dict[str, Any], floor: float
) -> None:
    label, unit = PANELS[axis]
    grid = _grid([result for result in results if not _horizontal(result)], truth, axis)
    for result in results:
        look = looks[result.searcher]
        if _horizontal(result):
            level = float(np.nanmean(statistics.regret(result, truth)))
            panel.axhline(max(level, floor), **look)
        elif len(grid):
            regret = statistics.anytime_regret(result, truth, grid, axis)[result.points > 0]
            low, high = statistics.mean_interval(regret, RESAMPLES)
            panel.plot(grid / unit, np.maximum(regret.mean(axis=0), floor), **look)
            low, high = np.maximum(low, floor), np.maximum(high, floor)
            panel.fill_between(grid / unit, low, high, color=look["color"], alpha=0.18, lw=0)
    panel.set_xlabel(label)
    _scale_spending(panel, grid / unit)


def _scale_spending(panel: Axes, grid: np.ndarray) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    if not len(grid):
        panel.set_xticks([])
        panel.text(0.5, 0.5, "nothing charged", transform=panel.transAxes, ha="center", color="#777777")
        return
    panel.set_xscale("log")
    panel.set_xlim(grid[0], grid[-1])
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if grid[-1] < 300 * grid[0] else (1,)))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _label_regret(panel: Axes, floor: float, clipped: bool) -> None:
    panel.set_yscale("log")
    panel.set_ylim(bottom=floor * 0.9)
    mark = "≤" if clipped else ""
    panel.yaxis.set_major_formatter(lambda value, _: f"{mark * bool(value <= floor)}{value:g}")


def _add_legend(figure: Figure, panel: Axes, title: str) -> None:
    """One legend beside the panels, ordered by the final regrets that its texts begin with."""
    from matplotlib.lines import Line2D

    samples = []
    for line in sorted(panel.get_lines(), key=lambda line: float(str(line.get_label()).split()[0])):
        # the plain name of its style: beside its text an oracle's line takes no turns
        look: dict[str, Any] = {"color": line.get_color(), "ls": line.get_linestyle(), "lw": 1.3}
        samples.append(Line2D([], [], label=line.get_label(), **look))
    where: dict[str, Any] = {"loc": "outside right upper", "alignment": "left", "borderaxespad": 0.2}
    figure.legend(handles=samples, title=title, handlelength=2.2, **where)


def _grid(curves: list[Result], truth: TableFacts, axis: str) -> np.ndarray:
    """float64 [G]: logarithmic, to the budget or the last answer; empty if nothing was paid."""
    curves = [result for result in curves if result.points.any()]
    if axis == "evaluations":
        last = max((int(result.evaluations.max()) for result in curves), default=0)
        return np.unique(np.geomspace(1, last, GRID).round()) if last else np.empty(0)
    last = truth.budget_s or max((float(result.final_clock.max()) for result in curves), default=0.0)
    first = min((float(result.clock[result.points > 0, 0].max()) for result in curves), default=0.0)
    return np.geomspace(first, last, GRID) if 0 < first < last else np.empty(0)


def _floor(regrets: list[float]) -> float:
    """The power of ten below the smallest regret above 0, within FLOORS."""
    smallest = min((regret for regret in regrets if regret > 0), default=0.1)
    return float(np.clip(10 ** np.floor(np.log10(smallest)), *FLOORS))


# --- looks -----------------------------------------------------------------------------------------


def _horizontal(result: Result) -> bool:
    return result.oracle or not result.evaluated_flat.shape[1]


def _looks(comparison: Comparison, final: dict[str, float]) -> dict[str, Any]:
    """Color, line and legend text of every searcher; color and line are the same on all data sets."""
    flat = list(dict.fromkeys(r.searcher for r in comparison.results if _horizontal(r)))
    curved = list(dict.fromkeys(r.searcher for r in comparison.results if r.searcher not in flat))
    oracles = {r.searcher for r in comparison.results if r.oracle}
    looks: dict[str, Any] = {}
    for k, name in enumerate(curved):
        line = LINES[k // len(COLORS) % len(LINES)]
        looks[name] = {"color": COLORS[k % len(COLORS)], "ls": line, "lw": 1.3}
    for k, name in enumerate(flat):
        # each has its own turn in the pattern, so that lines at one height show side by side
        dashes = (-k * DASH, (DASH, DASH * max(len(flat) - 1, 1)))
        looks[name] = {"color": ORACLE_COLORS[k % len(ORACLE_COLORS)], "ls": dashes, "lw": 1.3}
    for name, look in looks.items():
        look["label"] = f"{final.get(name, np.nan):.2f}  {name}{' (oracle)' * (name in oracles)}"
    return looks
