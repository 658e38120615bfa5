"""An explanation as a waterfall: each part a bar that begins where the last one ended, the whole at the bottom."""

from __future__ import annotations

import textwrap
from pathlib import Path

from nasreplay.files.atomic import write_whole
from nasreplay.runs.attribution.attribution import Attribution
from nasreplay.runs.report.looks import COLORS, GRAY, ending_of, rendered, style

WIDE, HIGH, ROW = 6.4, 0.9, 0.36  # inches: of the figure, of its axis, and of a bar
COSTS, HELPS = COLORS[1], COLORS[2]
LETTERS = 34  # of a line of a name


def save_waterfall(found: Attribution, file: Path, title: str) -> None:
    """Write the waterfall, atomically; the ending of `file` is its kind. Raises BadSetting or BadOutput.

    Lines are intervals of the parts, around the ends of their bars.
    """
    from matplotlib.figure import Figure

    ending, parts = ending_of(file), found.parts
    names = [textwrap.fill(part.name, LETTERS) for part in parts]
    lines = sum(name.count("\n") + 1 for name in names)
    with style():
        figure = Figure(figsize=(WIDE, HIGH + ROW * (len(parts) / 2 + lines / 2 + 1)), layout="constrained")
        axes, start, reach = figure.add_subplot(), 0.0, [0.0]
        for row, part in enumerate(parts):
            end = start + part.points
            axes.barh(row, part.points, left=start, height=0.6, color=COSTS if part.points > 0 else HELPS)
            axes.plot([end, end], [row - 0.3, row + 1.3], color=GRAY, lw=0.7)
            low, high = (start + each for each in part.interval or (part.points, part.points))
            axes.plot([low, high], [row, row], color="black", lw=1.0)
            axes.annotate(
                f"{part.points:+.2f}",
                (max(start, end, high), row),
                (4, 0),
                textcoords="offset points",
                va="center",
            )
            reach += [end, low, high]
            start = end
        axes.barh(len(parts), found.whole, height=0.6, color=COLORS[0])
        axes.annotate(
            f"{found.whole:.2f}", (found.whole, len(parts)), (4, 0), textcoords="offset points", va="center"
        )
        axes.axvline(0, color=GRAY, lw=0.8)
        axes.set_yticks(range(len(parts) + 1), [*names, "whole"])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        span = max(reach) - min(reach) or 1.0
        axes.set_xlim(min(reach) - 0.04 * span, max(reach) + 0.14 * span)
        axes.set_xlabel("Regret (percent points of final accuracy)")
        figure.suptitle(title, fontsize=9)
    write_whole(file, rendered(figure, ending))
