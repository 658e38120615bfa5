"""Standard errors of a difference between searches, from pairs of a fork and its parent and from independent runs.

    OMP_NUM_THREADS=1 python benchmarks/fork_pairs.py [FOLDER]

Ten GDAS searches on digits (8 channels, 1 cell, 12 epochs) are each forked after epoch 9, once with another learning
rate of the weights and once with another one of the logits. Printed is what `nasreplay compare` says. What stands in
FOLDER (default: output/fork-pairs) is not searched again.
"""

import sys
from pathlib import Path

from nasreplay.cli.views.paired_text import paired_text
from nasreplay.jobs.forks import fork
from nasreplay.jobs.forks.compare_runs import compare_runs
from nasreplay.jobs.searches import search

SEEDS, EPOCHS, AT = 10, 12, 9
SMALL = {"dataset": "digits", "channels": 8, "cells": 1, "epochs": EPOCHS, "keep": AT, "threads": 1}
CHANGES = {"weights": "recipe.LR=0.02", "logits": "gdas.learning_rate=0.003"}
LEAST = 3.0  # times smaller the errors of pairs must be
# the accuracy after a step on the logits is often that of another cell: that is told, and nothing is expected of it
EXPECTED = {("weights", "loss"), ("weights", "accuracy"), ("logits", "loss")}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "output/fork-pairs")
    for seed in range(SEEDS):
        parent = folder / "parents" / f"seed-{seed}"
        if not (parent / "results.h5").exists():
            search("gdas", "supernet", **SMALL, seed=seed, out=parent, resume=(parent / "run.json").exists())
        for name, change in CHANGES.items():
            place = folder / name / f"seed-{seed}"
            if not (place / "results.h5").exists():
                begun = (place / "run.json").exists()
                fork(f"{parent}@{AT}", sets=[change], out=place, threads=1, resume=begun)
        print(f"seed {seed}", file=sys.stderr)
    found = compare_runs(
        folder / "parents", *(folder / name for name in CHANGES), figure=folder / "pairs.png"
    )
    print("\n".join(paired_text(found)))
    gains = {(each.name, one.name): each.gain(one.name) for each in found.against for one in each.measures}
    sys.exit(any(gains[expected] < LEAST for expected in EXPECTED))


if __name__ == "__main__":
    main()
