"""Two columns of tables as a scatter figure: PNG or SVG, no display needed, the same bytes for the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.files.atomic import write_whole
from nasreplay.runs.report.plots import COLORS, rendered, style

if TYPE_CHECKING:
    from nasreplay.data.agreement import Column

ENDINGS = ("png", "svg")


def save_scatter(first: Column, second: Column, title: str, file: Path) -> None:
    """Write the figure atomically; the ending of `file` is its kind. Raises BadSetting or BadOutput."""
    from matplotlib.figure import Figure

    ending = file.suffix[1:]
    if ending not in ENDINGS:
        raise BadSetting(f"--figure {file}: must end in .{' or .'.join(ENDINGS)}")
    both = np.isfinite(first.values) & np.isfinite(second.values)
    with style():
        figure = Figure(figsize=(3.6, 3.4), layout="constrained")
        panel = figure.subplots()
        x, y = first.values[both], second.values[both]
        size = float(np.clip(3e4 / len(x), 2, 20))
        panel.scatter(
            x, y, s=size, color=COLORS[0], alpha=0.25 if len(x) > 500 else 0.7, lw=0, rasterized=True
        )
        panel.set_xlabel(f"{first.name} ({first.unit})")
        panel.set_ylabel(f"{second.name} ({second.unit})")
        panel.set_title(title, fontsize=8.5)
    write_whole(file, rendered(figure, ending))
