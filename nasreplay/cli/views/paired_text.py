"""What `nasreplay compare` prints: a table of differences for each run, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nasreplay.files.columns import aligned
from nasreplay.runs.pairs.paired import Against, Measure, PairedRuns

MOST = 24
"""Epochs that are shown of each; of more, as many at even distances, the last one among them."""
DIGITS = {"nats": 4, "points": 2}
"""Decimals by the unit of a measure."""


def paired_text(found: PairedRuns) -> list[str]:
    """The tables of all runs against the first."""
    lines = []
    if found.left_out:
        lines.append(f"seeds that not all have are left out: {', '.join(map(str, found.left_out))}")
    for each in found.against:
        lines += [*([""] if lines else []), *_against(found, each)]
    return lines


def _against(found: PairedRuns, each: Against) -> Iterator[str]:
    seeds = found.seeds
    told = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    yield f"{each.name} minus {found.first}, {told}"
    changed = [f"{name} {was} → {now}" for name, (was, now) in each.changed.items()]
    yield f"changed: {', '.join(changed) or 'nothing'}"
    if each.equal_until >= each.epochs:
        yield f"equal in all {each.epochs:,} epochs"
        return
    if each.equal_until:
        yield f"equal until epoch {each.equal_until:,}"
    if not each.measures:
        yield "the logs have no numbers to compare"
        return
    epochs = np.arange(each.equal_until, each.epochs)
    every = -(-len(epochs) // MOST)
    rows = [["epoch", *_heads(each)]]
    rows += [[str(epoch + 1), *_cells(each, epoch)] for epoch in epochs[(len(epochs) - 1) % every :: every]]
    yield from aligned(rows, "r" * len(rows[0]))
    yield f"units: {', '.join(f'{one.name} {one.unit}' for one in each.measures)}"
    if every > 1:
        yield f"one epoch of {every} is shown; --json has all"
    if len(seeds) > 1:
        yield "± standard error of the pairs (of independent runs)"
        gains = [(one.name, each.gain(one.name)) for one in each.measures]
        told = ", ".join(f"{name} {gain:.1f}" for name, gain in gains if np.isfinite(gain))
        yield f"the first is smaller by a factor of: {told or 'no epoch tells'}"


def _heads(each: Against) -> Iterator[str]:
    for one in each.measures:
        yield from (one.name, f"Δ {one.name}") if len(each.folders) == 1 else (f"Δ {one.name}",)


def _cells(each: Against, epoch: int) -> Iterator[str]:
    for one in each.measures:
        mean = float(each.difference(one.name)[:, epoch].mean())
        if len(each.folders) == 1:
            yield _number(float(each.first[one.name][0, epoch]), one)
            yield _number(mean, one, "+")
            continue
        errors = (error(one.name)[epoch] for error in (each.paired_error, each.unpaired_error))
        paired, unpaired = (_number(float(error), one) for error in errors)
        yield f"{_number(mean, one, '+')} ± {paired} ({unpaired})"


def _number(value: float, measure: Measure, sign: str = "") -> str:
    return "–" if not np.isfinite(value) else f"{value:{sign}.{DIGITS[measure.unit]}f}"
