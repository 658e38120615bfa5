"""The learning rate at every moment of a training, in closed form: `SCHEDULES`, and what goes before them.

Nothing remembers an earlier rate, so a training may be stopped, continued and lengthened at any epoch.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from nasreplay import config
from nasreplay.errors import BadSetting
from nasreplay.numerals import MOST_REAL

TAIL = 5  # epochs in which CNAS's linear fall is flat


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes. Raises BadSetting for a number that means nothing."""

    name: str = "12"
    """Name of the recipe: a number of epochs, or that of its file."""
    epochs: int = 12
    """Epochs over which the learning rate falls, without the warm-up."""
    lr: float = 0.1
    """First learning rate, after the warm-up."""
    eta_min: float = 0.0
    """Last learning rate."""
    t_max: int = 0
    """Epochs of half a cosine wave; 0: as many as `epochs`."""
    warmup: int = 0
    """Epochs before the fall in which the learning rate rises linearly from 0, or as `warmup_start` says."""
    schedule: str = "cos"
    """How the learning rate falls: a name of `SCHEDULES`."""
    warmup_start: float = 0.0
    """Rate of the first epoch of a warm-up in which each epoch has the same multiple of the one before, as in SNAS;
    0: the warm-up is linear."""
    first: int = 0
    """Number of the first epoch in the formulas: 0, or 1 as in CNAS, whose last epoch so has the last rate."""
    gamma: float = 0.97
    """Factor of an exponential fall, and of milestones without `gammas`."""
    decay_period: int = 1
    """Epochs between two factors of an exponential fall."""
    milestones: tuple[float, ...] = ()
    """Epochs after the warm-up at which a multistep fall takes the next factor."""
    gammas: tuple[float, ...] = ()
    """Its factors, one for each milestone."""

    def __post_init__(self):
        config.positive(self, "epochs", "lr", "decay_period")
        config.within(self, 0, MOST_REAL, "eta_min", "t_max", "warmup", "warmup_start")
        config.within(self, 0, 1, "first", "gamma")
        config.one_of(self, "schedule", tuple(SCHEDULES))
        for name in ("milestones", "gammas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists
        if list(self.milestones) != sorted(self.milestones) or len(self.gammas) not in (
            0,
            len(self.milestones),
        ):
            raise BadSetting(f"recipe {self.name}: milestones must rise, each with a gamma or none")
        if self.schedule == "linear-released" and self.warmup == TAIL:
            raise BadSetting(f"recipe {self.name}: as released, linear divides by 0 with a warm-up of {TAIL}")

    @property
    def total(self) -> int:
        """Epochs of a whole training, warm-up included."""
        return self.epochs + self.warmup

    def learning_rate(self, epoch: int, done: float = 0.0) -> float:
        """The rate at an epoch counted from 0, of which the fraction `done` is over.

        The fraction matters in a linear warm-up that counts from 0 only, as in AutoDL-Projects.
        """
        count = epoch + self.first
        if count >= self.warmup:
            return self.eta_min + (self.lr - self.eta_min) * SCHEDULES[self.schedule](
                self, count - self.warmup
            )
        if self.warmup_start:
            return self.warmup_start * (self.lr / self.warmup_start) ** (count / self.warmup)
        return (count if self.first else count + done) / self.warmup * self.lr


def _published_cosine(of: Schedule, at: int) -> float:
    """AutoDL-Projects': it ends with epoch `epochs` counted with the warm-up; the last ones stay at the last rate."""
    return 0.0 if at + of.warmup >= of.epochs else _wave(of, at)


def _cosine(of: Schedule, at: int) -> float:
    return 0.0 if at >= of.epochs else _wave(of, at)


def _wave(of: Schedule, at: int) -> float:
    return (1 + math.cos(math.pi * (at / (of.t_max or of.epochs)))) / 2


def _linear(of: Schedule, at: int) -> float:
    return 0.0 if at >= of.epochs else 1 - at / (of.t_max or of.epochs)


def _linear_tail(of: Schedule, at: int) -> float:
    """CNAS's: to 0 at the fifth epoch before the end, but for the last five, which fall from a fifth as much."""
    left, fall = of.total - at - of.warmup, max(of.total - TAIL, 1)
    return (left - TAIL) / fall if left > TAIL else max(left, 0) / TAIL / fall


def _linear_released(of: Schedule, at: int) -> float:
    """CNAS's as released, which has the warm-up where the end is meant, and so rises; to compare only."""
    left, fall = of.total - at - of.warmup, of.warmup - TAIL
    return (of.warmup - TAIL - at - of.warmup) / fall / (1 if left > TAIL else TAIL)


def _exponential(of: Schedule, at: int) -> float:
    return of.gamma ** (at // of.decay_period)


def _multistep(of: Schedule, at: int) -> float:
    passed = bisect_right(of.milestones, at)
    return math.prod(of.gammas[:passed]) if of.gammas else of.gamma**passed


SCHEDULES: dict[str, Callable[[Schedule, int], float]] = {
    "cos": _published_cosine,
    "cosine": _cosine,
    "linear": _linear,
    "linear-tail": _linear_tail,
    "linear-released": _linear_released,
    "exponential": _exponential,
    "multistep": _multistep,
}
"""How the rate falls, by name: the part of lr − eta_min that is left, `at` epochs after the warm-up."""
READS = {"gamma": ("exponential", "multistep"), "decay_period": ("exponential",)}
"""Fields that only some of them read."""
