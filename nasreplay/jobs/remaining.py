"""The time that a run of epochs will still take, in words."""

from __future__ import annotations

UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))
LEAST = 5
"""The smallest number of a unit that is told."""


def remaining(seconds: float, epochs: int) -> str:
    """An estimate from the seconds that an epoch took and the number of epochs that are left."""
    total = seconds * epochs
    left = f"{epochs:,} epochs that are" if epochs > 1 else "epoch that is"
    return f"about {in_words(total)} for the {left} left"


def in_words(seconds: float) -> str:
    """A time in the largest unit of which there are several."""
    unit, size = next(((name, size) for name, size in UNITS if seconds >= LEAST * size), ("seconds", 1))
    return f"{seconds / size:,.0f} {unit}"
