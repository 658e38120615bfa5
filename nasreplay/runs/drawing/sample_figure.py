"""What a search sampled, from its dag_all.txt: what the samples were worth, and how often each option was taken."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasreplay.errors import BadArchitecture, BadOutput
from nasreplay.files.text import place, read_text
from nasreplay.runs.drawing.figure import check_width
from nasreplay.runs.report.looks import COLORS, LINES, style
from nasreplay.spaces.base import Space
from nasreplay.spaces.read import read_architecture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAMPLES = "dag_all.txt"
"""A line for each sample: its value with three decimals, the architecture, and what it was sampled for."""
LINE = re.compile(r"(\S+) (.+) (\w+)")
HEIGHT, NARROW = 2.6, 5.0  # inches: of a row of panels; width below which they stand below each other
WINDOW = 50  # samples of a tag that a mean is over, at most; epochs up to which each is marked


class Samples(NamedTuple):
    """N samples in order."""

    space: Space
    """The space of their architectures."""
    values: np.ndarray
    """float64 [N], percent."""
    codes: np.ndarray
    """int8 [N, D]."""
    tags: np.ndarray
    """N words: what each was sampled for."""

    @property
    def epochs(self) -> np.ndarray:
        """int64 [N]: the epoch of each, from 1; one begins where the tag becomes that of the first sample again."""
        first = self.tags == self.tags[0]
        return 1 + np.cumsum(first & ~np.concatenate([[True], first[:-1]]))


def samples_of(named: Path) -> Samples:
    """The samples of a run folder, or of a file as SLNAS writes it. Raises BadOutput."""
    file = named / SAMPLES if named.is_dir() else named
    rows, space = [], None
    for number, line in enumerate(read_text(file, error=BadOutput).splitlines(), 1):
        where, found = f"{place(file)}, line {number:,}", LINE.fullmatch(line)
        try:
            value = float(found[1]) if found else math.nan
        except ValueError:
            value = math.nan
        if not found or not math.isfinite(value):
            raise BadOutput(f"{where}: expected a number, an architecture and a word")
        try:
            space = space or read_architecture(found[2]).space
            rows.append((value, space.parse(found[2]), found[3]))
        except BadArchitecture as problem:
            raise BadOutput(f"{where}: {problem}") from None
    if not rows or space is None:
        raise BadOutput(f"{place(file)}: nothing was sampled yet")
    values, codes, tags = zip(*rows, strict=True)
    return Samples(space, np.array(values), np.array(codes, dtype=np.int8), np.array(tags))


def sample_figure(samples: Samples, width: float) -> Figure:
    """Panels, `width` inches wide in all: values by tag, shares of operations and of inputs over the epochs."""
    from matplotlib.figure import Figure

    check_width(width)
    source = np.array([place.source for place in samples.space.places] or [False] * samples.space.decisions)
    kinds = [("operations", ~source), *([("inputs", source)] if source.any() else [])]
    count = 1 + len(kinds)
    shape = (1, count) if width >= NARROW else (count, 1)
    with style():
        figure = Figure(figsize=(width, HEIGHT * shape[0]), layout="constrained")
        panels = np.atleast_1d(figure.subplots(*shape))
        _draw_values(panels[0], samples)
        for axes, (name, chosen) in zip(panels[1:], kinds, strict=True):
            _draw_shares(axes, samples, np.flatnonzero(chosen))
            axes.set_ylabel(f"Share of {name} (%)")
        for axes in panels:
            axes.legend(fontsize="x-small", loc="best")
    return figure


def _draw_values(axes: Axes, samples: Samples) -> None:
    for turn, tag in enumerate(dict.fromkeys(samples.tags.tolist())):
        at = np.flatnonzero(samples.tags == tag)
        values, window = samples.values[at], min(WINDOW, -(-len(at) // 4))
        mean = np.convolve(values, np.full(window, 1 / window), mode="valid")
        axes.plot(at + 1, values, ".", ms=1.5, alpha=0.25, color=COLORS[turn % len(COLORS)])
        axes.plot(at[window - 1 :] + 1, mean, lw=1.3, color=COLORS[turn % len(COLORS)], label=tag)
    axes.set_xlabel("Sample")
    axes.set_ylabel("Accuracy or reward (%)")


def _draw_shares(axes: Axes, samples: Samples, decisions: Sequence[int] | np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    words = dict.fromkeys(word for decision in decisions for word in samples.space.options[decision])
    epochs = np.arange(1, samples.epochs[-1] + 1)
    for turn, word in enumerate(words):
        taken = np.zeros(len(samples.codes))
        for decision in decisions:
            names = samples.space.options[decision]
            taken += samples.codes[:, decision] == (names.index(word) if word in names else -1)
        shares = [100 * taken[samples.epochs == epoch].mean() / len(decisions) for epoch in epochs]
        line = axes.plot(
            epochs, shares, lw=1.3, marker="o" if len(epochs) <= WINDOW else "", ms=2, label=word
        )[0]
        line.set(color=COLORS[turn % len(COLORS)], ls=LINES[turn // len(COLORS) % len(LINES)])
    axes.set_xlabel("Epoch")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
