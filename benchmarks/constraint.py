"""What the constraint costs a step, and what it does: three measurements, one run each.

    python benchmarks/constraint.py                          step time with and without, SNAS and GDAS
    python benchmarks/constraint.py --effect digits          none and four weights × three methods × seeds
    python benchmarks/constraint.py --effect cifar10 --data DIR --seeds 1 --fraction 0.05
    python benchmarks/constraint.py --front [--table PACK --cost NAME]    seeds that end on the exact Pareto front

Step times are medians of ratios of neighboring steps within one process, on small networks, where a constraint
weighs most: of NAS-Bench-201 (SNAS and GDAS, 8 channels, 2 cells a stage, 32 × 32 random images) and of the NASNet
space (SNAS, 5 cells). The effect is on the expected size and multiply-adds of the searched cells under the softmax
of the last logits, and on those of the found cell.
"""

from __future__ import annotations

import argparse
from functools import cache, partial
from pathlib import Path

import numpy as np
import steps

from nasreplay import load_table, search
from nasreplay.evaluate.ledger import Budget
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork, DARTSNetwork, SharedNetwork
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.train.images.image_sources import ImageSource, load

TARGET = 1.03
BATCH = 16
WEIGHTS = {"topology": (1e-3, 3e-3, 1e-2, 3e-2), "nasnet": (1e-2, 3e-2, 1e-1, 3e-1)}
METHODS: dict[str, dict[str, bool]] = {
    "reparametrization": {},
    "discrete": {},
    # without a baseline the noise of the score is larger than what it tells, and Adam takes steps of one length
    "policy-gradient": {"resource_baseline": True},
}
QUANTILES = (0.25, 0.5, 0.75)
SEARCHERS = ("darts-v1", "gdas", "snas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--effect", metavar="DATASET")
    parser.add_argument("--front", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--space", default="", help="the effect in this space alone")
    parser.add_argument("--method", default="", help="the effect of this method alone", choices=METHODS)
    parser.add_argument("--weights", type=float, nargs="+", help="default: those of WEIGHTS")
    parser.add_argument("--table")
    parser.add_argument("--cost", default="latency")
    given = parser.parse_args()
    if given.effect:
        return effect(given)
    return front(given) if given.front else step_times(given.rounds)


def step_times(rounds: int) -> None:
    """Print the ratio of steps with the constraint to steps without it."""
    for name, network, turns in (
        ("snas", CellNetwork(channels=8, cells=2), 5),
        ("gdas", CellNetwork(channels=8, cells=2), 5),
        ("snas", DARTSNetwork(channels=4, cells=1), 2),
    ):
        logits = steps.sure(*network.space.mask.shape) if name == "gdas" else None
        sides = {
            side: steps.our_step(
                search.make(name, settings), SupernetEvaluator(steps.noise(BATCH), network), logits
            )
            for side, settings in (
                ("without", {}),
                ("penalty", {"resource_weight": 1e-2}),
                ("bound", {"cost": "size", "bound": 1e5}),
            )
        }
        for side, (ratio, about) in steps.ratios(sides, rounds, turns).items():
            told = "reached" if ratio <= TARGET else "MISSED"
            print(
                f"{name} {network.space.name:9} {side:8} ratio {ratio:.3f} ± {about:.3f}, "
                f"target ≤ {TARGET}: {told}",
                flush=True,
            )


def effect(given: argparse.Namespace) -> None:
    """Print what no weight and four weights lead to, and whether each leads to less than the one before.

    The found cell may stay the same: one without any convolution cannot become smaller.
    """
    print("space method weight | expected size, multiply-adds | of the found cell | both fall", flush=True)
    source = load(given.effect, given.data) if given.data else load(given.effect)
    small: tuple[SharedNetwork, ...] = (
        CellNetwork(channels=4, cells=1),
        DARTSNetwork(channels=4, cells=1),
    )
    for network in (one for one in small if one.space.name.startswith(given.space)):
        mean_of = cache(partial(mean_outcome, given, source, network))
        for method in [given.method] if given.method else METHODS:
            before = np.full(4, np.inf)
            for weight in (0.0, *(given.weights or WEIGHTS[network.space.name])):
                means = mean_of(method if weight else "reparametrization", weight)  # weight 0: all the same
                falls = [bool((means[:2] < before[:2]).all()), bool((means[2:] <= before[2:]).all())]
                before = means
                print(
                    f"{network.space.name:9} {method:18} {weight:5g} | {means[0]:9.0f} {means[1]:9.0f} | "
                    f"{means[2]:9.0f} {means[3]:9.0f} | {falls[0]}, {falls[1]}",
                    flush=True,
                )


def mean_outcome(
    given: argparse.Namespace, source: ImageSource, network: SharedNetwork, method: str, weight: float
) -> np.ndarray:
    """What `outcome` gives, float64 [4], in the mean over the seeds."""
    every = [outcome(given, source, network, method, weight, seed) for seed in range(given.seeds)]
    return np.mean(every, axis=0)


def outcome(
    given: argparse.Namespace,
    source: ImageSource,
    network: SharedNetwork,
    method: str,
    weight: float,
    seed: int,
) -> list[float]:
    """Expected size and multiply-adds after a search, and those of the found cell."""
    evaluator = SupernetEvaluator(source, network, fraction=given.fraction)
    settings = {"resource_weight": weight, "resource_method": method, "learning_rate": 0.1}
    searcher = search.make("snas", {**settings, **METHODS[method]})
    result = search.run(searcher, evaluator, Budget(epochs=given.epochs), seed=seed)
    named = [evaluator.costs().cost(name) for name in ("size", "multiply-adds")]
    if not result.finished:
        raise SystemExit("constraint: interrupted")
    p, codes = softmax(searcher.state.logits), result.from_flat(result.found_flat)
    return [cost.expected(p)[0][0] for cost in named] + [float(cost.of(codes)[0]) for cost in named]


def front(given: argparse.Namespace) -> None:
    """Print how many seeds end on the front of validation accuracy against the cost, by brute force."""
    reached, runs = 0, 0
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        table = load_table(dataset, table=given.table, trial="mean")
        if given.cost not in table.costs().named:
            continue
        cost = table.costs().cost(given.cost)
        every, accuracy = cost.of(table.space.all_codes), table.final.mean_flat
        for quantile in QUANTILES:
            bound = float(np.quantile(every, quantile))
            for name in SEARCHERS:
                searcher = search.make(name, {"cost": given.cost, "bound": bound})
                found = np.asarray(search.run(searcher, table, seed=0, replicas=given.seeds).found_flat)
                on = sum(not dominated(flat, every, accuracy) for flat in found)
                kept = int((every[found] <= bound * (1 + 1e-12)).sum())
                reached, runs = reached + (on >= 0.9 * given.seeds), runs + 1
                print(
                    f"{dataset:15} {given.cost} ≤ {bound:8.4g} {name:9} {on}/{given.seeds} on the front, "
                    f"{kept}/{given.seeds} within",
                    flush=True,
                )
    print(f"{reached} of {runs} with at least 9 of 10 seeds on the front")


def dominated(flat: int, cost: np.ndarray, accuracy: np.ndarray) -> bool:
    """Whether another architecture is no dearer and better, or cheaper and no worse."""
    no_worse = (cost <= cost[flat]) & (accuracy >= accuracy[flat])
    return bool((no_worse & ((cost < cost[flat]) | (accuracy > accuracy[flat]))).any())


if __name__ == "__main__":
    main()
