"""What the benchmarks of search steps share: our step, xautodl's published step, turns, rows, peak memory."""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.search.base import Live
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import NORMAL, ImageSet, ImageSource
from nasreplay.train.images.recorded_images import SearchData

CLASSES = 10
RATE, DECAY, TAU = 0.025, 5e-4, 5.0  # of the published steps
Step = Callable[[int], None]  # turn → one step
Clock = Callable[[], float]


def arguments(what: str) -> argparse.Namespace:
    """The options of these benchmarks; sets the number of threads."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--rounds", type=int, default=5, help="steps of each, in turns (default 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu-time", action="store_true", help="processor seconds: on a busy machine, with --threads 1"
    )
    parser.add_argument("--only", nargs=2, metavar=("WHOSE", "METHOD"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    return given


def installed() -> bool:
    """Whether xautodl is here."""
    return importlib.util.find_spec("xautodl") is not None


def header(threads: int) -> None:
    """Print the machine, and the head of the table."""
    print(
        f"{threads} threads, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}; "
        f"bf16 is {Device(precision='bf16').words}"
    )
    print(f"{'step':28} {'nasreplay':>11} {'xautodl':>11} {'ratio':>7}  target")


def row(what: str, mine: float, other: float | None, target: float) -> None:
    """Print seconds, how many times faster ours is, and at least how many times it should be."""
    if other is None:
        return print(f"{what:28} {mine:>9.3f} s {'–':>11} {'–':>7}  ≥ {target}")
    ratio = other / mine
    missed = "" if ratio >= target else "  MISSED"
    return print(f"{what:28} {mine:>9.3f} s {other:>9.3f} s {ratio:>7.2f}  ≥ {target}{missed}", flush=True)


def fastest(steps: dict[str, Step], rounds: int, turns: int, cpu_time: bool) -> dict[str, float]:
    """Seconds a step: the fastest of the rounds for each turn, averaged over the turns; one round to warm up."""
    clock = time.process_time if cpu_time else time.perf_counter
    best = {name: [float("inf")] * turns for name in steps}
    for count in range(-turns, rounds * turns):
        for name, step in steps.items():
            start = clock()
            step(count % turns)
            if count >= 0:
                best[name][count % turns] = min(best[name][count % turns], clock() - start)
    return {name: sum(times) / turns for name, times in best.items()}


def ratios(steps: dict[str, Step], rounds: int, turns: int) -> dict[str, tuple[float, float]]:
    """How many times as long as the first step each other takes, and the half width of its 95 % interval.

    The median over neighboring steps, in processor seconds: what disturbs a machine disturbs neighbors alike.
    """
    first, *others = steps
    times: dict[str, list[float]] = {name: [] for name in steps}
    for count in range(-turns, rounds * turns):
        order = list(steps)[count % len(steps) :] + list(steps)[: count % len(steps)]
        for name in order:
            start = time.process_time()
            steps[name](count % turns)
            if count >= 0:
                times[name].append(time.process_time() - start)
    found = {}
    for name in others:
        each = np.divide(times[name], times[first])
        low, middle, high = np.quantile(each, (0.25, 0.5, 0.75))
        found[name] = float(middle), float(1.57 * (high - low) / np.sqrt(len(each)))
    return found


# --- our step --------------------------------------------------------------------------------------


class Noise:
    """What the evaluator reads of a data set: random images, four batches of them."""

    name, fingerprint, note, classes, side = "noise", "", "", CLASSES, 32

    def __init__(self, batch: int):
        made = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (4 * batch, 3, 32, 32), generator=made, dtype=torch.uint8)
        labels = torch.randint(CLASSES, (4 * batch,), generator=made)
        self.images = ImageSet(pixels, labels, CLASSES, *NORMAL["cifar10"], padding=4)

    def search(self) -> SearchData:
        return SearchData(self.images, self.images, self.images, None, "")


def noise(batch: int) -> ImageSource:
    return cast(ImageSource, Noise(batch))


def our_step(searcher: Any, evaluator: Any, logits: Callable[[int], np.ndarray] | None = None) -> Step:
    """The whole step of a searcher in the middle of its epochs; logits: those of each turn."""
    searcher.begin(evaluator.space, evaluator.ladder(), 0, range(1))
    live = Live(np.array([0]), np.array([0.5]), searcher.epochs // 2, searcher.epochs)

    def step(turn: int) -> None:
        if logits:
            searcher.state.logits[0] = logits(turn)
        searcher.step(evaluator, live)

    return step


def sure(edges: int, operations: int) -> Callable[[int], np.ndarray]:
    """Logits that leave GDAS no choice; over as many turns as operations every edge has every operation once."""
    return lambda turn: 100.0 * np.eye(operations)[(np.arange(edges) + turn) % operations]


# --- xautodl's step --------------------------------------------------------------------------------


def their_step(
    net: Any,
    batch: int,
    logits: Callable[[int], np.ndarray] | None = None,
    second_order: Callable[..., Tensor] | None = None,
) -> Step:
    """The published step (docs/sources/weight-sharing.md, 4 and 5) on one of xautodl's networks.

    second_order: gives the gradient of the logits in another way, before the weights learn.
    """
    weights, rows = net.get_weights(), net.get_alphas()
    descend = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=DECAY, nesterov=True)
    tune = torch.optim.Adam(rows, lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    train, valid = batches(batch)

    def learn() -> None:
        descend.zero_grad()
        loss_of(net, train).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        descend.step()

    def step(turn: int) -> None:
        if logits:
            given = torch.from_numpy(logits(turn)).float()
            for part, values in zip(rows, given.chunk(len(rows)), strict=True):
                part.data = values
        if second_order:
            tune.zero_grad()
            rows[0].grad = second_order(net, descend, train, valid)
            tune.step()
            return learn()
        learn()
        tune.zero_grad()
        loss_of(net, valid).backward()
        return tune.step()

    return step


def batches(size: int) -> list[tuple[Tensor, Tensor]]:
    """A training and a validation batch."""
    made = torch.Generator().manual_seed(0)
    return [
        (torch.randn(size, 3, 32, 32, generator=made), torch.randint(CLASSES, (size,), generator=made))
        for _ in range(2)
    ]


def loss_of(net: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Of a batch; xautodl's networks give (features, logits)."""
    return F.cross_entropy(net(batch[0])[1], batch[1])


# --- memory ----------------------------------------------------------------------------------------


def memory_row(what: str, mine: float, other: float | None, target: float) -> None:
    """Print megabytes, and which part of the other's ours should be at most."""
    if other is None:
        return print(f"{what:28} {mine:>8.0f} MB")
    missed = "" if mine <= target * other else "  MISSED"
    return print(
        f"{what:28} {mine:>8.0f} MB {other:>8.0f} MB {mine / other:>7.2f}  ≤ {target}{missed}", flush=True
    )


def peak(script: str, threads: int, *only: str, giving_back: bool = False) -> tuple[float, float]:
    """Peak memory in MB of a process that does nothing else, and what of it came with the steps.

    A process starts with the peak of its parent: measure before the benchmark itself computes. giving_back: with an
    allocator (glibc's) that returns what is free at once, so that tensors are measured and not its heap.
    """
    command = [sys.executable, script, "--threads", str(threads), "--only", *only]
    around = {**os.environ, **({"MALLOC_MMAP_THRESHOLD_": "65536"} if giving_back else {})}
    told = subprocess.run(command, env=around, check=True, capture_output=True, text=True).stdout.split()
    return float(told[-2]), float(told[-1])


def print_peak(step: Step) -> None:
    """Two steps, then this process's peak memory in MB, and what the steps added to it."""
    before = peak_mb()
    step(0)
    step(0)
    print(peak_mb(), peak_mb() - before)


def peak_mb() -> float:
    """This process's peak memory so far."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
