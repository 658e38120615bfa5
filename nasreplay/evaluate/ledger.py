"""The clock and the budget: simulated seconds, wall seconds and queries of every replica, never mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadSetting, shortened
from nasreplay.seeds import rank_within
from nasreplay.settings import check_kind

MOST = 1e12  # seconds, 30,000 years, or anything else; far below, clocks still tell single seconds


@dataclass(frozen=True)
class Budget:
    """When a replica ends: it continues while it is below every limit that is set."""

    simulated_s: float | None = None
    """Seconds of the simulated clock."""
    wall_s: float | None = None
    """Seconds that were really spent."""
    evaluations: int | None = None
    """Answered questions."""
    epochs: int | None = None
    """Epochs of a search that ends by itself, if these are fewer than its own."""
    overshoot: str = "keep"
    """The evaluation that crosses the limit: "keep" counts it (NATS-Bench), "discard" drops it (NAS-Bench-201)."""

    def __post_init__(self):
        kinds = {"simulated_s": float, "wall_s": float, "evaluations": int, "epochs": int}
        for name, kind in kinds.items():
            limit = getattr(self, name)
            if limit is None:
                continue
            check_kind(f"budget {name}", limit, kind)
            if not 0 < limit <= MOST:
                raise BadSetting(f"budget {name} is {limit}: it must be above 0, and at most {MOST:,.0f}")
        if self.overshoot not in ("keep", "discard"):
            raise BadSetting(
                f"budget overshoot is {shortened(self.overshoot)}: it must be 'keep' or 'discard'"
            )

    def settings(self) -> dict[str, Any]:
        """The limits that are set, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Unit(NamedTuple):
    """A unit of time."""

    name: str
    seconds: float


HOURS = Unit("hours", 3600)


def time_unit(seconds: np.ndarray) -> Unit:
    """The unit in which the largest of these seconds is a short number."""
    longest = float(seconds.max(initial=0.0))
    for most, unit in (
        (180, Unit("seconds", 1)),
        (180 * 60, Unit("minutes", 60)),
        (3.6e6, HOURS),
        (86400e4, Unit("days", 86400)),
    ):
        if longest <= most:
            return unit
    return Unit("years", 365.25 * 86400)


def simulated_time(seconds: float) -> str:
    """Simulated seconds in words, in the unit that fits."""
    unit = time_unit(np.array([seconds])) if seconds else HOURS
    digits = ",.3g" if unit.seconds == 1 else ",.1f"
    return f"{seconds / unit.seconds:{digits}} simulated {unit.name}"


class Ledger:
    """Per-replica counters of one run; arrays of R.

    `listener`, when set, is called with the Evaluations of every call that was charged.
    """

    def __init__(self, replicas: int = 1, budget: Budget | None = None):
        self.budget = budget or Budget()
        self.simulated_s = np.zeros(replicas)
        self.wall_s = np.zeros(replicas)
        self.queries = np.zeros(replicas, dtype=np.int64)
        self.closed = np.zeros(replicas, dtype=bool)  # a question came after the end of the budget
        self.listener: Callable[[Any], None] | None = None

    def __len__(self) -> int:
        return len(self.queries)

    def copy(self) -> Ledger:
        """A copy of counters and budget without the listener, to try charges on."""
        copied = Ledger(len(self), self.budget)
        copied.load_state_dict(self.state_dict())
        return copied

    def rows(self, replica: np.ndarray | None, questions: int) -> np.ndarray:
        """The replica rows of a call's questions. Raises BadSetting if they are unknown."""
        if replica is None:
            if questions != len(self):
                raise BadSetting(
                    f"{questions} questions for {len(self)} replicas: say which replica asks (replica=...)"
                )
            return np.arange(len(self))
        replica = np.asarray(replica)
        if replica.shape != (questions,) or (
            questions and not 0 <= replica.min() <= replica.max() < len(self)
        ):
            raise BadSetting(f"replica must be {questions} numbers from 0 to {len(self) - 1}")
        return replica

    def charge(self, replica: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Charge questions in order; returns (clock after each, answered).

        A replica's questions after the one that crosses its budget are not answered and not charged.
        """
        several = np.any(replica[1:] <= replica[:-1])
        return self._charge_several(replica, seconds) if several else self._charge_each(replica, seconds)

    def _charge_each(self, rows: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One question of each row."""
        before, queries = self.simulated_s[rows], self.queries[rows]
        clock = before + seconds
        limit = self._limit("simulated_s")
        within = clock <= limit if self.budget.overshoot == "discard" else before < limit
        answered = within & (queries < self._limit("evaluations"))
        clock = np.where(answered, clock, before)
        self.simulated_s[rows] = clock
        self.queries[rows] = queries + answered
        self.closed[rows] |= ~answered
        return clock, answered

    def _charge_several(self, replica: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Several questions of a row, in order; the same sums as one by one."""
        asking, place, sizes = np.unique(replica, return_inverse=True, return_counts=True)
        rank, limit = rank_within(place), self._limit("simulated_s")
        clock = np.zeros((len(asking), 1 + sizes.max()))
        clock[:, 0], clock[place, rank + 1] = self.simulated_s[asking], seconds
        np.add.accumulate(clock, axis=1, out=clock)
        within = clock[:, 1:] <= limit if self.budget.overshoot == "discard" else clock[:, :-1] < limit
        left = self._limit("evaluations") - self.queries[asking]
        answers = np.minimum(np.minimum(within.sum(axis=1), sizes), np.maximum(left, 0)).astype(np.int64)
        self.simulated_s[asking] = clock[np.arange(len(asking)), answers]
        self.queries[asking] += answers
        self.closed[asking] |= answers < sizes
        return clock[place, np.minimum(rank + 1, answers[place])], rank < answers[place]

    def _limit(self, name: str) -> float:
        limit = getattr(self.budget, name)
        return np.inf if limit is None else limit

    def spent(self) -> np.ndarray:
        """float64 [R]: the fraction of the tightest limit that each replica has used; 1 and more is the end."""
        used = np.where(self.closed, 1.0, 0.0)
        limits = (
            (self.budget.simulated_s, self.simulated_s),
            (self.budget.wall_s, self.wall_s),
            (self.budget.evaluations, self.queries),
        )
        for limit, counter in limits:
            if limit is not None:
                used = np.maximum(used, counter / limit)
        return used

    def state_dict(self) -> dict[str, np.ndarray]:
        """The counters."""
        return {name: getattr(self, name).copy() for name in ("simulated_s", "wall_s", "queries", "closed")}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from saved counters."""
        for name, values in state.items():
            getattr(self, name)[:] = values
