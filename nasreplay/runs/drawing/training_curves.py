"""Curves of a training from its epoch log: loss and accuracy of the training images and of every evaluation set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadOutput
from nasreplay.files.text import place, read_text
from nasreplay.files.typed import parse_json
from nasreplay.runs.drawing.figure import INCH, check_width, text_width
from nasreplay.runs.folder import EPOCHS
from nasreplay.runs.report.looks import COLORS, LINES, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT, NARROW = 2.6, 5.0  # inches: of a row of panels; width below which they stand below each other
# of a legend: its letters beside those of `text_width`, points of a line with its gaps
LETTERS, HANDLE = 1.25, 40.0
FEW = 30  # epochs up to which each is marked


class Score(NamedTuple):
    """Loss and accuracy of a pass over images, as the log has them."""

    loss: float
    """Mean cross-entropy."""
    top1: float
    """Accuracy, percent."""


class LoggedEpoch(NamedTuple):
    """A line of the log."""

    epoch: int
    """Its number, from 1."""
    train: Score
    """The training images."""
    sets: dict[str, Score]
    """Evaluation set → score."""


def logged_epochs(folder: Path) -> list[LoggedEpoch]:
    """The epochs of a training's folder. Raises BadOutput where there are none, or they are damaged."""
    file = folder / EPOCHS
    lines = read_text(file, error=BadOutput).splitlines()
    found = [
        parse_json(line, LoggedEpoch, f"{place(file)}, line {number}", error=BadOutput)
        for number, line in enumerate(lines, 1)
    ]
    if not found:
        raise BadOutput(f"{place(file)}: no epoch of this training is over yet")
    return found


def curves(epochs: Sequence[LoggedEpoch], width: float) -> Figure:
    """Two panels over the epochs, loss and accuracy, `width` inches wide. Raises BadSetting for a bad width."""
    from matplotlib.figure import Figure

    check_width(width)
    names = ["train", *dict.fromkeys(name for epoch in epochs for name in epoch.sets)]
    shape = (1, 2) if width >= NARROW else (2, 1)
    with style():
        figure = Figure(figsize=(width, HEIGHT * shape[0]), layout="constrained")
        loss, accuracy = figure.subplots(*shape)
        for axes, what, label in ((loss, "loss", "Cross-entropy"), (accuracy, "top1", "Accuracy (%)")):
            axes.set_xlabel("Epoch")
            axes.set_ylabel(label)
            for turn, name in enumerate(names):
                _draw(axes, epochs, name, what, turn)
        handles, labels = loss.get_legend_handles_labels()
        columns = int(width * INCH // (max(map(text_width, names)) * LETTERS + HANDLE))
        figure.legend(handles, labels, loc="outside upper center", ncols=min(max(columns, 1), len(names)))
    return figure


def _draw(axes: Axes, epochs: Sequence[LoggedEpoch], name: str, what: str, turn: int) -> None:
    from matplotlib.ticker import MaxNLocator

    scores = {epoch.epoch: epoch.train if name == "train" else epoch.sets.get(name) for epoch in epochs}
    known = {number: getattr(score, what) for number, score in scores.items() if score}
    look = {"color": COLORS[turn % len(COLORS)], "ls": LINES[turn // len(COLORS) % len(LINES)], "lw": 1.3}
    mark = "o" if len(epochs) <= FEW else ""
    axes.plot(list(known), list(known.values()), label=name, marker=mark, ms=2.5, **look)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
