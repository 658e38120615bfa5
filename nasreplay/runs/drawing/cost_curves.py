"""Curves of what cells of a search cost, epoch by epoch: size, multiply-adds and traffic by kind, and the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nasreplay.errors import BadOutput, LacksCapability
from nasreplay.runs.drawing.figure import check_width
from nasreplay.runs.record import read_events
from nasreplay.runs.report.looks import COLORS, LINES, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {
    "size": "Weights of a cell",
    "flops": "Multiply-adds of a cell",
    "mac": "Memory traffic of a cell",
    "penalty": "Penalty",
    "expected_cost": "Expected cost",
}
"""Last part of a recorded name → what its panel shows."""
HEIGHT, NARROW = 2.2, 5.0  # inches: of a row of panels; width below which they stand below each other


def recorded_costs(folder: Path) -> dict[str, list[float]]:
    """Name → numbers of all epochs, of a run folder. Raises BadOutput, and LacksCapability for a run without any."""
    epochs = [event for event in read_events(folder) if event["event"] == "epoch"]
    names = [name for name in (epochs[0] if epochs else {}) if _panel(name)]
    try:
        found = {name: [float(event[name]) for event in epochs if name in event] for name in names}
    except (TypeError, ValueError, OverflowError):
        raise BadOutput(f"{folder}: damaged: the log has a cost that is no number") from None
    if not found:
        raise LacksCapability(
            f"{folder}: no costs are recorded: gradient searches on shared weights do, and on tables those with a "
            "weight or a bound (--set NAME.resource_weight=0, --cost)"
        )
    return found


def cost_curves(recorded: Mapping[str, Sequence[float]], width: float) -> Figure:
    """A panel for each cost over the epochs, `width` inches wide. Raises BadSetting for a bad width."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    check_width(width)
    shown = [part for part in PANELS if any(_panel(name) == part for name in recorded)]
    columns = 2 if width >= NARROW and len(shown) > 1 else 1
    rows = -(-len(shown) // columns)
    with style():
        figure = Figure(figsize=(width, HEIGHT * rows), layout="constrained")
        for place, part in enumerate(shown):
            axes = figure.add_subplot(rows, columns, place + 1)
            axes.set_xlabel("Epoch")
            axes.set_ylabel(PANELS[part])
            names = [name for name in recorded if _panel(name) == part]
            for turn, name in enumerate(names):
                kind = name.removesuffix(f"_{part}")
                epochs = range(1, len(recorded[name]) + 1)
                axes.plot(epochs, recorded[name], label=kind, color=COLORS[turn], ls=LINES[turn], lw=1.3)
            if len(names) > 1:
                axes.legend()
            axes.ticklabel_format(useOffset=False)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _panel(name: str) -> str:
    """The panel of a recorded name; "" for none."""
    return next((part for part in PANELS if name == part or name.endswith(f"_{part}")), "")
