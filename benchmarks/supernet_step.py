"""One search step (weights and architecture) of our supernet beside xautodl's, in one run.

    python benchmarks/supernet_step.py [--rounds 5] [--threads 2] [--cpu-time]

Batch 64, 32 × 32 images, C = 16, N = 5, running statistics on. Ours is the whole step of the searcher on the supernet
evaluator, drawing and augmenting its batches included; xautodl's is the published step on its networks, on batches
that are ready. Both run in turns; times are the fastest of the rounds, because other processes only ever add to them.
Ratios are against xautodl in float32, its published precision (its bf16 autocast is slower still where the processor
has no bf16 instructions; ours computes in float32 there, and the first line says so). Memory is the peak of a process
that does nothing else. Without xautodl only our own numbers are printed. The last row is what the log and TensorBoard
of a step cost beside the fastest of our steps, with 40 numbers in each step that is drawn.
"""

from __future__ import annotations

import json
import time
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import steps
import torch
from torch import Tensor

from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.tensorboard import EVERY, Board, of_search
from nasreplay.search.searchers.gradient import GDAS, DartsV1, DartsV2
from nasreplay.spaces.topology import OPERATIONS
from nasreplay.train.device import Device

BATCH = 64
TARGETS = {  # (method, precision) → how many times faster than xautodl
    ("darts-v1", "float32"): 2.0,
    ("darts-v1", "bf16"): 2.8,
    ("darts-v2", "float32"): 2.0,
    ("gdas", "float32"): 1.5,
    ("gdas", "bf16"): 2.0,
}
MEMORY_TARGET = 0.7
BOARD_TARGET = 1.0  # percent of a step
SEARCHERS = {"darts-v1": DartsV1, "darts-v2": DartsV2, "gdas": GDAS}
LOGITS = {"gdas": steps.sure(6, 5)}


def main() -> None:
    given = steps.arguments("One search step beside xautodl's.")
    if given.only:
        whose, method = given.only
        return steps.print_peak(ours(method, "float32") if whose == "ours" else theirs(method))
    other = steps.installed()
    steps.header(given.threads)
    mine, _ = steps.peak(__file__, given.threads, "ours", "darts-v1")
    published = steps.peak(__file__, given.threads, "theirs", "darts-v1")[0] if other else None
    steps.memory_row("peak memory darts-v1", mine, published, MEMORY_TARGET)
    fastest = min([compare(method, given.rounds, other, given.cpu_time) for method in SEARCHERS])
    share = 100 * board() / fastest
    missed = "" if share <= BOARD_TARGET else "  MISSED"
    print(f"{'log and TensorBoard of a step':28} {share:>22.3f} % of ours  ≤ {BOARD_TARGET:g} %{missed}")
    return None


def board(turns: int = 500) -> float:
    """Seconds a step for the numbers that are logged and drawn, each of EVERY steps; epochs of 50 steps."""
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        drawn = Board(Path(folder), of_search, print)
        drawn.start([])
        started = time.perf_counter()
        for turn in range(turns):
            numbers = {f"iter_{place}": turn / (place + 1) for place in range(40)}
            event = {"event": "step", "step": turn * EVERY, "scalars": numbers}
            log.write(json.dumps(event) + "\n")
            drawn.add(event)
            if turn % 5 == 0:
                drawn.add({"event": "epoch", "epoch": turn // 5, **numbers})
        drawn.close()
        return (time.perf_counter() - started) / turns / EVERY


def compare(method: str, rounds: int, other: bool, cpu_time: bool) -> float:
    """Print the rows of one method; returns the seconds of our step in float32."""
    turns = {precision: ours(method, precision) for wanted, precision in TARGETS if wanted == method}
    if other:
        turns["xautodl"] = theirs(method)
    best = steps.fastest(turns, rounds, 5 if method == "gdas" else 1, cpu_time)
    for (wanted, precision), target in TARGETS.items():
        if wanted == method:
            steps.row(f"{method} {precision}", best[precision], best.get("xautodl"), target)
    return best["float32"]


def ours(method: str, precision: str) -> steps.Step:
    """A step of the searcher on a supernet evaluator with random images."""
    evaluator = SupernetEvaluator(steps.noise(BATCH), device=Device(precision=precision))
    return steps.our_step(SEARCHERS[method](), evaluator, LOGITS.get(method))


def theirs(method: str) -> steps.Step:
    """The published step on xautodl's network."""
    from easydict import EasyDict
    from xautodl.models import get_cell_based_tiny_net

    config = EasyDict(name=method.upper(), C=16, N=5, max_nodes=4, num_classes=steps.CLASSES)
    config |= {"space": list(OPERATIONS), "affine": False, "track_running_stats": True}
    net: Any = get_cell_based_tiny_net(EasyDict(config)).train()
    if method == "gdas":
        net.set_tau(steps.TAU)
    return steps.their_step(net, BATCH, LOGITS.get(method), unrolled if method == "darts-v2" else None)


def unrolled(net: Any, descend: torch.optim.Optimizer, train: Any, valid: Any) -> Tensor:
    """DARTS-V2's gradient of the logits with a copy of the network, as published."""
    weights, (logits,) = net.get_weights(), net.get_alphas()
    slopes = torch.autograd.grad(steps.loss_of(net, train), weights)
    ahead = deepcopy(net)
    with torch.no_grad():
        for p, q, slope in zip(ahead.get_weights(), weights, slopes, strict=True):
            momentum = descend.state[q].get("momentum_buffer", torch.zeros_like(q))
            p -= steps.RATE * (0.9 * momentum + slope + steps.DECAY * q)
    ahead.zero_grad()
    steps.loss_of(ahead, valid).backward()
    direction = [p.grad for p in ahead.get_weights()]
    radius = 0.01 / torch.cat([d.flatten() for d in direction]).norm().item()
    sides = []
    for move in (radius, -2 * radius):
        with torch.no_grad():
            for p, d in zip(weights, direction, strict=True):
                p += move * d
        sides.append(torch.autograd.grad(steps.loss_of(net, train), logits)[0])
    with torch.no_grad():
        for p, d in zip(weights, direction, strict=True):
            p += radius * d
    return ahead.get_alphas()[0].grad - steps.RATE * (sides[0] - sides[1]) / (2 * radius)


if __name__ == "__main__":
    main()
