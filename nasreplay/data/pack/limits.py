"""Which numbers there may be: one rule for archives and CSV files that are read, and for packs that are checked.

NaN is a missing number and always allowed. The loss of a training that diverged may be infinite, or missing where the
accuracy is not. A latency of 0 is one that the source did not measure: means leave it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasreplay.data.trials import AVERAGED

_LARGEST = 1e15  # of a cost: a billion networks of a million millions
_SHORTEST, _LONGEST = 1e-9, 1e12  # seconds; a clock that hardly moves never comes to the end of its budget


class Limits(NamedTuple):
    """Which numbers a column may hold."""

    low: float
    """Smallest number."""
    high: float
    """Largest number."""
    otherwise: str
    """What a number outside them is, in words."""

    def outside(self, values: np.ndarray) -> np.ndarray:
        """bool of the shape of `values`; a missing number (NaN) is not outside."""
        return (values < self.low) | (values > self.high)


_PERCENT = Limits(0, 100, "outside 0 to 100 percent")
_COST = Limits(0, _LARGEST, "negative or over 1e15")
_SECONDS = Limits(_SHORTEST, _LONGEST, "not 1e-9 to 1e12 seconds")
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
    """The limits of the numbers of a path such as `cifar10/200/train/loss`, by its last name; of a cost its own."""
    name = path.rsplit("/", 1)[-1]
    return _COST if path.count("/") == 1 else _LIMITS.get(name)


def value_problem(path: str, values: np.ndarray) -> str:
    """What is wrong with the numbers of a column [A, …], judged by themselves; "" for a sound one."""
    if limits := limits_of(path):
        bad, rule = limits.outside(values), limits.otherwise
    elif path.endswith("/seeds"):
        repeated = len(set(values.tolist())) < len(values)  # np.unique imports much
        bad, rule = (values < AVERAGED) | repeated, "below -1 or not all different"
    else:
        return ""
    return f"column {path}: {int(bad.sum())} numbers {rule}" if bad.any() else ""


def unfounded(accuracy: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """bool of their shape: a loss without the accuracy that was measured with it."""
    return ~np.isnan(loss) & np.isnan(accuracy)
