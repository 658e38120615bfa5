"""Shared accuracies of all 15,625 cells of a supernet: cells that share what they compute beside a forward pass each.

    python benchmarks/shared_accuracies.py [--rounds 8] [--threads 1] [--cpu-time]

8 channels, one cell a stage, 512 images of 8 × 8 pixels (digits) and 128 of 32 × 32 (noise), batch norms with running
statistics and with those of the batch. Every round times 25 forward passes of cells drawn uniformly, as shared
accuracies were computed one by one, then 125 neighbors among the cells that differ. Equal cells are counted once: a
cell of the whole space costs that times 8,720/15,625. The last columns are the largest difference of logits,
relative to the largest logit, and of how many images the answer differs.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import steps
import torch
from torch import Tensor

from nasreplay.models.cell_networks import CellNetwork
from nasreplay.models.nb201.many_cells import logits_of_cells, value_of
from nasreplay.spaces import TOPOLOGY
from nasreplay.train.images.image_sources import load

SINGLE, TOGETHER, TARGET = 25, 125, 3.0


def main() -> None:
    given = steps.arguments("Shared accuracies, together and one by one.")
    clock = time.process_time if given.cpu_time else time.perf_counter
    first = {value_of(tuple(row)): flat for flat, row in reversed([*enumerate(TOPOLOGY.all_codes.tolist())])}
    distinct = TOPOLOGY.from_flat(np.array(sorted(first.values())))
    share = len(distinct) / TOPOLOGY.size
    print(f"{given.threads} threads, torch {torch.__version__}, {len(distinct):,} cells differ")
    print(f"{'a cell':24} {'one by one':>11} {'nasreplay':>11} {'ratio':>7}  target  logits  answers")
    for name, images in (("digits, 512 × 8 × 8", digits()), ("noise, 128 × 32 × 32", noise())):
        for bn in (1, 0):
            compare(f"{name}, bn {bn}", images, bn, distinct, share, given.rounds, clock)


def compare(name, images, bn, distinct, share, rounds, clock) -> None:
    net = network(images, bn)
    draws, pairs, apart, answers = np.random.default_rng(0), [], 0.0, 0
    for turn in range(rounds + 1):
        rows = TOPOLOGY.from_flat(draws.integers(TOPOLOGY.size, size=SINGLE))
        start = clock()
        plain = one_by_one(net, images, rows)
        middle = clock()
        where = int(draws.integers(len(distinct) - TOGETHER))
        for logits in logits_of_cells(net, images, distinct[where : where + TOGETHER]):
            logits.argmax(dim=1)
        end = clock()
        if turn:  # the first warms up
            pairs.append(((middle - start) / SINGLE, share * (end - middle) / TOGETHER))
        again = torch.stack(list(logits_of_cells(net, images, rows)))
        apart = max(apart, float((plain - again).abs().max() / plain.abs().max()))
        answers += int((plain.argmax(dim=-1) != again.argmax(dim=-1)).sum())
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    missed = "" if ratio >= TARGET else "  MISSED"
    print(
        f"{name:24} {1e3 * theirs:>8.2f} ms {1e3 * ours:>8.2f} ms {ratio:>7.2f}  ≥ {TARGET:g}  {apart:>8.1e} "
        f"{answers:>6}{missed}",
        flush=True,
    )


def one_by_one(net, images: Tensor, codes: np.ndarray) -> Tensor:
    one_hots = torch.as_tensor(TOPOLOGY.embed(codes), dtype=images.dtype)
    return torch.stack([net(images, row, row > 0) for row in one_hots])


def network(images: Tensor, bn: int):
    torch.manual_seed(0)
    net = CellNetwork(channels=8, cells=1, bn=bn).build(10, images.shape[-1])
    soft = torch.full((6, 5), 0.2)
    for _ in range(10):  # running statistics
        net(images, soft, soft > 0)
    return net.eval()


def digits() -> Tensor:
    images = load("digits").search().valid.images[:512].float()
    return (images - images.mean()) / images.std()


def noise() -> Tensor:
    return torch.randn(128, 3, 32, 32, generator=torch.Generator().manual_seed(0))


if __name__ == "__main__":
    with torch.no_grad():
        main()
