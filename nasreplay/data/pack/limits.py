"""Which numbers there may be: one rule for archives that are converted and for packs that are checked.

NaN is a missing number and always allowed. The loss of a training that diverged may be infinite, or missing where the
accuracy is not. A latency of 0 is one that the source did not measure: means leave it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_SMALLEST, _LARGEST = float(np.nextafter(0, 1)), float(np.finfo(np.float64).max)


class Limits(NamedTuple):
    """The smallest and the largest number, and what one outside them is."""

    low: float
    high: float
    otherwise: str


_PERCENT = Limits(0, 100, "outside 0 to 100 percent")
_COST = Limits(0, _LARGEST, "negative or infinite")
_SECONDS = Limits(_SMALLEST, _LARGEST, "not positive or infinite")
_LIMITS = {
    "accuracy": _PERCENT,
    "top5": _PERCENT,
    "loss": Limits(0, np.inf, "negative"),
    "params": _COST,
    "flops": _COST,
    "latency": _COST,
    "seconds": _SECONDS,
    "seconds_per_epoch": _SECONDS,
    "eval_seconds": _SECONDS,
}


def limits_of(path: str) -> Limits | None:
    """The limits of the numbers of a path such as `cifar10/200/train/loss`, by its last name."""
    return _LIMITS.get(path.rsplit("/", 1)[-1])


def unfounded(accuracy: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """bool of their shape: a loss without the accuracy that was measured with it."""
    return ~np.isnan(loss) & np.isnan(accuracy)
