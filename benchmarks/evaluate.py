"""How many architectures a second `TableEvaluator.evaluate` looks up: one call of a million int8 codes, mean trial.

    python benchmarks/evaluate.py

The call is complete: codes checked, numbers gathered, the simulated clock charged. It runs on one core. Beside it,
the bare gathers of accuracies and seconds from indices that are already known, as a lower bound of any look-up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from nasreplay import load_table

ARCHITECTURES = 1_000_000
ROUNDS = 15
TARGET = 40  # million a second


def main() -> None:
    table = load_table("cifar10", trial="mean")
    codes = table.space.from_flat(np.random.default_rng(0).integers(table.space.size, size=ARCHITECTURES))
    assert codes.dtype == np.int8
    one = np.zeros(len(codes), dtype=np.int64)
    several = np.sort(np.random.default_rng(1).integers(500, size=len(codes)))
    flat, level = table.space.flat(codes), table.levels[-1]
    calls = {
        "evaluate, all asked by one replica": lambda: table.evaluate(codes, replica=one),
        "the bare gathers of numbers": lambda: (level.mean_flat.take(flat), level.seconds.take(flat)),
    }
    print(f"{ARCHITECTURES:,} architectures, median of {ROUNDS} rounds")
    speed = {what: ARCHITECTURES / seconds / 1e6 for what, seconds in alternating(calls).items()}
    for what, millions in speed.items():
        print(f"{what:40} {millions:8.1f} million a second")
    ours = speed["evaluate, all asked by one replica"]
    print(f"target ≥ {TARGET} million a second: {'reached' if ours >= TARGET else 'MISSED'}")
    table.begin(0, range(500), table.ledger.budget)
    shared = alternating({"evaluate, asked by 500 replicas": lambda: table.evaluate(codes, replica=several)})
    for what, seconds in shared.items():
        print(f"{what:40} {ARCHITECTURES / seconds / 1e6:8.1f} million a second (no target)")


def alternating(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each call; the calls take turns, so that a busy machine slows all of them."""
    times: dict[str, list[float]] = {what: [] for what in calls}
    for _ in range(ROUNDS + 1):
        for what, call in calls.items():
            start = time.perf_counter()
            call()
            times[what].append(time.perf_counter() - start)
    return {what: statistics.median(measured[1:]) for what, measured in times.items()}


if __name__ == "__main__":
    main()
