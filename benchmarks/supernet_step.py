"""One search step (weights and architecture) of our supernet beside xautodl's, in one run.

    python benchmarks/supernet_step.py [--rounds 5] [--threads 2] [--cpu-time]

Batch 64, 32 × 32 images, C = 16, N = 5, running statistics on. Ours is the whole step of the searcher on the supernet
evaluator, drawing and augmenting its batches included; xautodl's is the published step on its networks, on batches
that are ready. Both run in turns; times are the fastest of the rounds, because other processes only ever add to them.
Ratios are against xautodl in float32, its published precision (its bf16 autocast is slower still where the processor
has no bf16 instructions; ours computes in float32 there, and the first line says so). Memory is the peak of a process
that does nothing else. Without xautodl only our own numbers are printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.evaluate.supernet import SupernetEvaluator
from nasreplay.search.base import Live
from nasreplay.search.gradient import GDAS, DartsV1, DartsV2
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import OPERATIONS
from nasreplay.train.data import NORMAL, ImageSet, SearchData, Source
from nasreplay.train.loop import Place

BATCH, CLASSES = 64, 10
TARGETS = {  # (method, precision) → how many times faster than xautodl
    ("darts-v1", "float32"): 2.0,
    ("darts-v1", "bf16"): 2.8,
    ("darts-v2", "float32"): 2.0,
    ("gdas", "float32"): 1.5,
    ("gdas", "bf16"): 2.0,
}
MEMORY_TARGET = 0.7
RATE, DECAY, TAU = 0.025, 5e-4, 5.0
SEARCHERS = {"darts-v1": DartsV1, "darts-v2": DartsV2, "gdas": GDAS}
Step = Callable[[int], None]  # turn → one step
Clock = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description="One search step beside xautodl's.")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each, in turns (default 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu-time", action="store_true", help="processor seconds: on a busy machine, with --threads 1"
    )
    parser.add_argument("--only", nargs=2, metavar=("WHOSE", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.only:
        return print_peak(*arguments.only)
    other = importlib.util.find_spec("xautodl") is not None
    print(
        f"{arguments.threads} threads, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}; "
        f"bf16 is {Place(precision='bf16').words}"
    )
    print(f"{'step':22} {'nasreplay':>11} {'xautodl':>11} {'ratio':>7}  target")
    memory("darts-v1", arguments.threads, other)  # first: a process starts with the peak of its parent
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    for method in SEARCHERS:
        compare(method, arguments.rounds, other, clock)
    return None


def compare(method: str, rounds: int, other: bool, clock: Clock) -> None:
    """Print the rows of one method."""
    steps = {precision: ours(method, precision) for wanted, precision in TARGETS if wanted == method}
    if other:
        steps["xautodl"] = theirs(method)
    best = fastest(steps, rounds, 5 if method == "gdas" else 1, clock)
    for (wanted, precision), target in TARGETS.items():
        if wanted == method:
            row(f"{method} {precision}", best[precision], best.get("xautodl"), target)


def row(what: str, mine: float, other: float | None, target: float) -> None:
    if other is None:
        return print(f"{what:22} {mine:>9.3f} s {'–':>11} {'–':>7}  ≥ {target}")
    ratio = other / mine
    missed = "" if ratio >= target else "  MISSED"
    return print(f"{what:22} {mine:>9.3f} s {other:>9.3f} s {ratio:>7.2f}  ≥ {target}{missed}", flush=True)


def fastest(steps: dict[str, Step], rounds: int, turns: int, clock: Clock) -> dict[str, float]:
    """Seconds a step: the fastest of the rounds for each turn, averaged over the turns; one round to warm up."""
    best = {name: [float("inf")] * turns for name in steps}
    for count in range(-turns, rounds * turns):
        for name, step in steps.items():
            start = clock()
            step(count % turns)
            if count >= 0:
                best[name][count % turns] = min(best[name][count % turns], clock() - start)
    return {name: sum(times) / turns for name, times in best.items()}


# --- our step --------------------------------------------------------------------------------------


class Noise:
    """What the evaluator reads of a data set."""

    name, fingerprint, note, classes = "noise", "", "", CLASSES

    def __init__(self, images: ImageSet):
        self.images = images

    def search(self) -> SearchData:
        return SearchData(self.images, self.images, self.images, None, "")


def ours(method: str, precision: str) -> Step:
    """A step of the searcher on a supernet evaluator with random images."""
    made = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (4 * BATCH, 3, 32, 32), generator=made, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (4 * BATCH,), generator=made)
    images = ImageSet(pixels, labels, CLASSES, *NORMAL["cifar10"], padding=4)
    evaluator = SupernetEvaluator(cast(Source, Noise(images)), place=Place(precision=precision))
    searcher = SEARCHERS[method]()
    searcher.begin(TOPOLOGY, evaluator.ladder(), 0, range(1))
    live = Live(np.array([0]), np.array([0.5]), searcher.epochs // 2, searcher.epochs)

    def step(turn: int) -> None:
        if method == "gdas":
            searcher.state.logits[0] = sure(turn)
        searcher.step(evaluator, live)

    return step


def sure(turn: int) -> np.ndarray:
    """Logits that leave GDAS no choice; over five turns every edge has every operation once."""
    return 100.0 * np.eye(5)[(np.arange(6) + turn) % 5]


# --- xautodl's step --------------------------------------------------------------------------------


def theirs(method: str) -> Step:
    """The published step (spec: weight sharing, sections 4.2 and 5) on xautodl's network."""
    from xautodl.models import get_cell_based_tiny_net

    flags = {"space": list(OPERATIONS), "affine": False, "track_running_stats": True}
    net: Any = get_cell_based_tiny_net(
        {"name": method.upper(), "C": 16, "N": 5, "max_nodes": 4, "num_classes": CLASSES, **flags}
    ).train()
    if method == "gdas":
        net.set_tau(TAU)
    weights, logits = net.get_weights(), net.get_alphas()[0]
    descend = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=DECAY, nesterov=True)
    tune = torch.optim.Adam([logits], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    train, valid = batches()

    def learn() -> None:
        descend.zero_grad()
        loss_of(net, train).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        descend.step()

    def step(turn: int) -> None:
        if method == "gdas":
            logits.data = torch.from_numpy(sure(turn)).float()
        if method == "darts-v2":
            tune.zero_grad()
            logits.grad = unrolled(net, descend, train, valid)
            tune.step()
            return learn()
        learn()
        tune.zero_grad()
        loss_of(net, valid).backward()
        return tune.step()

    return step


def batches() -> list[tuple[Tensor, Tensor]]:
    """A training and a validation batch."""
    made = torch.Generator().manual_seed(0)
    return [
        (torch.randn(BATCH, 3, 32, 32, generator=made), torch.randint(CLASSES, (BATCH,), generator=made))
        for _ in range(2)
    ]


def loss_of(net: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
    return F.cross_entropy(net(batch[0])[1], batch[1])


def unrolled(net: Any, descend: torch.optim.Optimizer, train: Any, valid: Any) -> Tensor:
    """DARTS-V2's gradient of the logits with a copy of the network, as published."""
    weights, (logits,) = net.get_weights(), net.get_alphas()
    slopes = torch.autograd.grad(loss_of(net, train), weights)
    ahead = deepcopy(net)
    with torch.no_grad():
        for p, q, slope in zip(ahead.get_weights(), weights, slopes, strict=True):
            momentum = descend.state[q].get("momentum_buffer", torch.zeros_like(q))
            p -= RATE * (0.9 * momentum + slope + DECAY * q)
    ahead.zero_grad()
    loss_of(ahead, valid).backward()
    direction = [p.grad for p in ahead.get_weights()]
    radius = 0.01 / torch.cat([d.flatten() for d in direction]).norm().item()
    sides = []
    for move in (radius, -2 * radius):
        with torch.no_grad():
            for p, d in zip(weights, direction, strict=True):
                p += move * d
        sides.append(torch.autograd.grad(loss_of(net, train), logits)[0])
    with torch.no_grad():
        for p, d in zip(weights, direction, strict=True):
            p += radius * d
    return ahead.get_alphas()[0].grad - RATE * (sides[0] - sides[1]) / (2 * radius)


# --- memory ----------------------------------------------------------------------------------------


def memory(method: str, threads: int, other: bool) -> None:
    """Print peak memory, each measured in its own process."""
    mine = peak("ours", method, threads)
    if not other:
        return print(f"{'peak memory ' + method:22} {mine:>8.0f} MB")
    theirs = peak("theirs", method, threads)
    missed = "" if mine <= MEMORY_TARGET * theirs else "  MISSED"
    return print(
        f"{'peak memory ' + method:22} {mine:>8.0f} MB {theirs:>8.0f} MB {mine / theirs:>7.2f}  "
        f"≤ {MEMORY_TARGET}{missed}"
    )


def peak(whose: str, method: str, threads: int) -> float:
    command = [sys.executable, __file__, "--threads", str(threads), "--only", whose, method]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def print_peak(whose: str, method: str) -> None:
    """Two steps, then this process's peak memory in MB."""
    step = ours(method, "float32") if whose == "ours" else theirs(method)
    step(0)
    step(0)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


if __name__ == "__main__":
    main()
