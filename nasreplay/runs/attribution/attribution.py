"""The arithmetic of an explanation: rungs of a ladder, their differences, and how certain these are.

Two neighboring rungs are the same search but for one ingredient, so the difference of their mean regrets is what the
ingredient costs, given those that were exchanged before it. The parts telescope: their sum is the last rung's regret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from nasreplay.settings import Json

LEVEL = 0.95


@dataclass(frozen=True)
class Rung:
    """A search of the ladder."""

    name: str
    """What it adds to the rung below, in a word or two."""
    exchanged: str
    """What was exchanged against the rung below, a sentence."""
    regrets: np.ndarray | None = None
    """float64 [n], percent points, of n replicas or seeds; None where it could not be climbed."""
    known: bool = False
    """Whether the regrets are a finished search's own: a number, and no sample of what such a search finds."""
    reason: str = ""
    """Why it could not be climbed."""
    facts: Json = field(default_factory=dict)
    """Further numbers of it, by name."""
    remark: str = ""
    """A sentence of them."""

    @property
    def mean(self) -> float:
        """Mean regret, percent points; NaN where it could not be climbed."""
        return np.nan if self.regrets is None else float(self.regrets.mean())

    def plain(self) -> Json:
        """Everything as JSON values."""
        told = {"name": self.name, "exchanged": self.exchanged}
        if self.regrets is None:
            return {**told, "reason": self.reason}
        told |= {"regret": self.mean, "regrets": self.regrets.tolist(), "known": self.known}
        return {**told, **({"facts": self.facts} if self.facts else {})}


@dataclass(frozen=True)
class Part:
    """What one ingredient costs, or several where rungs between them could not be climbed."""

    name: str
    """Names of its rungs, joined."""
    exchanged: tuple[str, ...]
    """What was exchanged, a sentence of each rung."""
    points: float
    """Percent points of regret; below 0 where it helps."""
    interval: tuple[float, float] | None
    """Its confidence interval; None with a single seed of a rung that is a sample."""
    joined: tuple[str, ...] = ()
    """Why it is one part, a sentence of each rung that could not be climbed."""
    remarks: tuple[str, ...] = ()
    """Remarks of its rungs."""

    def plain(self) -> Json:
        """Everything as JSON values."""
        told = {"name": self.name, "points": self.points, "interval": self.interval and list(self.interval)}
        return {**told, "exchanged": list(self.exchanged), "joined": list(self.joined)}


@dataclass(frozen=True)
class Attribution:
    """A ladder from the search on the table to the search itself."""

    rungs: tuple[Rung, ...]
    """All rungs, from the table on; the last one is the search that is explained, and was climbed."""
    level: float = LEVEL
    """Confidence of the intervals."""

    @property
    def whole(self) -> float:
        """The regret that is explained, percent points: the sum of the parts."""
        return self.rungs[-1].mean

    @property
    def parts(self) -> tuple[Part, ...]:
        """The differences of neighboring rungs; one that could not be climbed is joined with the next ones."""
        ends = [place for place, rung in enumerate(self.rungs) if rung.regrets is not None]
        found = []
        for below, here in pairwise([-1, *ends]):
            together, rung = self.rungs[below + 1 : here + 1], self.rungs[here]
            before = self.rungs[below] if below >= 0 else None
            found.append(
                Part(
                    " + ".join(one.name for one in together),
                    tuple(one.exchanged for one in together),
                    rung.mean - (before.mean if before else 0.0),
                    difference_interval(before, rung, self.level),
                    tuple(f"{one.name}: {one.reason}" for one in together[:-1]),
                    tuple(one.remark for one in together if one.remark),
                )
            )
        return tuple(found)

    def plain(self) -> Json:
        """Everything as JSON values."""
        return {
            "regret": self.whole,
            "level": self.level,
            "parts": [part.plain() for part in self.parts],
            "rungs": [rung.plain() for rung in self.rungs],
        }


def difference_interval(below: Rung | None, rung: Rung, level: float) -> tuple[float, float] | None:
    """The interval of the difference of mean regrets of two climbed rungs; without `below` that of the mean itself.

    Samples of one size are of the same replicas, with the same noise: their differences have Student's interval.
    Other samples are independent: Welch's interval (Biometrika 34, 1947). A known regret adds nothing to it. None for
    a sample of one.
    """
    every = [_sample(one) for one in (below, rung) if one is not None]
    if len(every) == 2 and 1 < len(every[0]) == len(every[1]):
        every = [every[1] - every[0]]
    if any(len(one) == 1 for one in every):
        return None
    middle = rung.mean - (below.mean if below else 0.0)
    half = _half_width([one for one in every if len(one)], level)
    return middle - half, middle + half


def _sample(rung: Rung) -> np.ndarray:
    assert rung.regrets is not None
    return rung.regrets[:0] if rung.known else rung.regrets


def _half_width(samples: Sequence[np.ndarray], level: float) -> float:
    errors = [float(one.var(ddof=1)) / len(one) for one in samples]
    if not sum(errors):
        return 0.0
    from scipy.stats import t

    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(one) - 1) for error, one in zip(errors, samples, strict=True)
    )
    return float(t.ppf((1 + level) / 2, freedom)) * float(np.sqrt(sum(errors)))
