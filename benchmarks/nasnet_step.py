"""One search step (weights and architecture) of our NASNet supernet beside xautodl's, in one run.

    python benchmarks/nasnet_step.py [--rounds 5] [--threads 2] [--cpu-time]

Batch 16, 32 × 32 images, the published size (C = 16, N = 2: 6 cells), running statistics on, float32. Ours is the
whole step of the searcher on the supernet evaluator, drawing and augmenting its batches included; xautodl's is the
published step on its networks, on batches that are ready. Both run in turns; times are the fastest of the rounds,
because other processes only ever add to them. Memory is the peak of a process that does nothing else. Its second row
compares ours with --checkpoint-cells to ours without, beyond what the process takes before its first step (libraries
and weights, the same in both), and with glibc's allocator told to give back what is free (the usual one keeps 300 MB
of free heap after recomputing). Without xautodl only our own numbers are printed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import steps

from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import GDASNetwork
from nasreplay.search.searchers.gradient import GDAS, DartsV1
from nasreplay.spaces.genotypes.notation import SEARCHED
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.train.device import Device
from nasreplay.train.recipe import WEIGHT_SHARING

BATCH, SPACE = 16, NASNET_SPACES["nasnet-gdas"]
TARGETS = {"gdas": 1.3, "darts-v1": 1.5}  # how many times faster than xautodl
MEMORY_TARGET, AGAIN_TARGET = 0.8, 0.5
SEARCHERS = {"darts-v1": DartsV1, "gdas": GDAS}
LOGITS = {"gdas": steps.sure(SPACE.edges, len(SPACE.operations))}


def main() -> None:
    given = steps.arguments("One search step in the NASNet space beside xautodl's.")
    if given.only:
        whose, method = given.only
        return steps.print_peak(theirs(method) if whose == "theirs" else ours(method, whose == "again"))
    other = steps.installed()
    steps.header(given.threads)
    mine, _ = steps.peak(__file__, given.threads, "ours", "darts-v1")
    published = steps.peak(__file__, given.threads, "theirs", "darts-v1")[0] if other else None
    steps.memory_row("peak memory darts-v1", mine, published, MEMORY_TARGET)
    added, again = (
        steps.peak(__file__, given.threads, whose, "darts-v1", giving_back=True)[1]
        for whose in ("ours", "again")
    )
    steps.memory_row("  --checkpoint-cells, added", again, added, AGAIN_TARGET)
    for method, target in TARGETS.items():
        turns = {"ours": ours(method)} | ({"xautodl": theirs(method)} if other else {})
        best = steps.fastest(turns, given.rounds, 8 if method == "gdas" else 1, given.cpu_time)
        steps.row(f"{method} float32", best["ours"], best.get("xautodl"), target)
    return None


def ours(method: str, again: bool = False) -> steps.Step:
    """A step of the searcher on a supernet evaluator with random images."""
    recipe = replace(WEIGHT_SHARING, batch=BATCH)
    evaluator = SupernetEvaluator(
        steps.noise(BATCH), GDASNetwork(), recipe=recipe, device=Device(checkpoint_cells=again)
    )
    return steps.our_step(SEARCHERS[method](), evaluator, LOGITS.get(method))


def theirs(method: str) -> steps.Step:
    """The published step on xautodl's network."""
    from xautodl.models.cell_searchs import nasnet_super_nets

    operations = [SEARCHED[name] for name in SPACE.operations]
    kind: Any = nasnet_super_nets["GDAS" if method == "gdas" else "DARTS"]
    net = kind(16, 2, 4, 4, 3, steps.CLASSES, operations, False, True).train()
    if method == "gdas":
        net.set_tau(steps.TAU)
    return steps.their_step(net, BATCH, LOGITS.get(method))


if __name__ == "__main__":
    main()
