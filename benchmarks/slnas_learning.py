"""Whether SLNAS's controller learns: its mean reward at the end of a search beside that of uniform architectures.

    python benchmarks/slnas_learning.py                          # digits scaled to 32 x 32 pixels, 10 seeds
    python benchmarks/slnas_learning.py --data FOLDER --fraction 0.04   # a slice of an image folder

In the last tenth of the epochs a uniform architecture is tried beside each sample of the controller, with the same
shared weights, on the same mini-batch; nothing learns from it. Rewards are percent of right answers. A few hundred
updates stand in for the published 22,500, so the controller's learning rate is far above the published one.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import SLNASNetwork
from nasreplay.search import Budget, run
from nasreplay.search.base import on_batch
from nasreplay.search.searchers.slnas import SLNAS
from nasreplay.seeds import Stream
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import recipe_of


@dataclass
class Compared(SLNAS):
    """The search itself, which in the last tenth of its epochs also tries uniform architectures."""

    name: ClassVar[str] = "slnas-compared"

    def begin(self, space, ladder, seed, replicas):
        super().begin(space, ladder, seed, replicas)
        self.pairs = []
        self.uniform = Stream(seed, "uniform", replicas)

    def _answers(self, evaluator, live):
        answers = super()._answers(evaluator, live)
        if live.epoch >= live.epochs - max(live.epochs // 10, 1):
            other = evaluator.evaluate(self.space.sample(self.uniform.at()), at=on_batch(self.ladder))
            self.pairs.append((answers.accuracy[0], other.accuracy[0]))
        return answers


def digits(side: int):
    """The digits, each pixel a square."""
    source, times = load("digits"), side // 8
    for name in ("train", "all_test"):
        part = getattr(source, name)
        pixels = part.images.repeat_interleave(times, 2).repeat_interleave(times, 3)
        setattr(source, name, replace(part, images=pixels, padding=part.padding * times))
    return source


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="an image folder in place of the digits")
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=30, help="controller updates an epoch")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--blocks", default="[1]")
    parser.add_argument("--lr", type=float, default=0.1, help="of the weights")
    parser.add_argument("--controller-lr", type=float, default=1e-3)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--distinct-inputs", action="store_true")
    told = parser.parse_args()
    source = load(told.data) if told.data else digits(32)
    recipe = replace(recipe_of("SLNAS-SEARCH"), batch=told.batch, lr=told.lr, clip=5.0, idle="rest")
    better = 0
    for seed in range(told.first, told.first + told.seeds):
        network = SLNASNetwork(channels=told.channels, blocks=told.blocks, drop_path=0.0)
        evaluator = SupernetEvaluator(source, network, recipe=recipe, fraction=told.fraction)
        searcher = Compared(
            epochs=told.epochs,
            controller_steps=told.steps,
            controller_lr=told.controller_lr,
            valid_samples=1,
            final_samples=1,
            hidden=told.hidden,
            distinct_inputs=told.distinct_inputs,
        )
        started = time.perf_counter()
        if not run(searcher, evaluator, Budget(epochs=told.epochs), seed=seed).finished:
            sys.exit("interrupted")
        ours, uniform = np.array(searcher.pairs).T
        error = (ours - uniform).std(ddof=1) / len(ours) ** 0.5
        better += ours.mean() > uniform.mean()
        print(
            f"seed {seed}: controller {ours.mean():.2f} %, uniform {uniform.mean():.2f} %, difference "
            f"{(ours - uniform).mean():+.2f} ± {error:.2f} over {len(ours)}, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    print(f"the controller is better in {better} of {told.seeds} seeds ({torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
