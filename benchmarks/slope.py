"""The exact slope of a table: 500 mixtures in one batch beside 500 single ones through torch and autograd.

    python benchmarks/slope.py

The single slopes contract the 5×5×5×5×5×5 tensor with one probability row after the other (torch.tensordot) and
call backward; both sides use float64 and one thread, and their gradients are compared first. Below it, what one
whole step of the gradient searchers takes for 500 replicas (sampler, slope, chain rule, Adam).
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from nasreplay import load_table, search
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture

REPLICAS, ROUNDS, STEPS = 500, 15, 40
TARGET = 50


def main() -> None:
    torch.set_num_threads(1)
    table = load_table("cifar10")
    table.begin(0, range(REPLICAS), Budget())
    raw = np.random.default_rng(0).random((REPLICAS, *table.space.mask.shape))
    weights = raw / raw.sum(axis=-1, keepdims=True)
    mixture = Mixture(weights, np.ones(weights.shape, dtype=bool))
    tensor = torch.tensor(1 - table.final.mean_flat / 100).reshape(table.space.choices.tolist())
    rows = torch.tensor(weights)
    np.testing.assert_allclose(
        table.slope(mixture).gradient, single(tensor, rows).numpy(), rtol=0, atol=1e-12
    )
    alone = table.slope(Mixture(weights[:1], mixture.active[:1]), replica=np.zeros(1, dtype=np.int64))
    np.testing.assert_array_equal(alone.gradient[0], table.slope(mixture).gradient[0])
    pairs = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        table.slope(mixture)
        middle = time.perf_counter()
        single(tensor, rows)
        pairs.append((middle - start, time.perf_counter() - middle))
    ours, theirs = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
    ratio = statistics.median(b / a for a, b in pairs[1:])
    print(f"{REPLICAS} exact slopes of 6×5 mixtures, float64, median of {ROUNDS} rounds")
    print(f"{'nasreplay, one batch':32} {ours * 1e3:9.2f} ms {REPLICAS / ours:12,.0f} slopes a second")
    print(
        f"{'torch.tensordot and autograd':32} {theirs * 1e3:9.2f} ms {REPLICAS / theirs:12,.0f} slopes a second"
    )
    print(f"ratio {ratio:.1f}, target ≥ {TARGET}: {'reached' if ratio >= TARGET else 'MISSED'}")
    for name in ("darts-v1", "gdas", "snas"):
        print(
            f"{f'whole step, {name}':32} {step_seconds(name) * 1e3:9.2f} ms for {REPLICAS} replicas (no target)"
        )


def single(tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Gradients [N, 6, 5], one mixture after the other."""
    gradients = []
    for mixture in rows:
        weights = mixture.clone().requires_grad_()
        value = tensor
        for row in weights:
            value = torch.tensordot(row, value, dims=1)
        value.backward()
        gradients.append(weights.grad)
    return torch.stack(gradients)


def step_seconds(name: str) -> float:
    """Of one step of a searcher: the median over runs of a few steps."""
    table = load_table("cifar10")
    times = []
    for seed in range(6):
        searcher = search.make(name, {"epochs": STEPS})
        start = time.perf_counter()
        search.run(searcher, table, seed=seed, replicas=REPLICAS)
        times.append((time.perf_counter() - start) / STEPS)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
