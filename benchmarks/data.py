"""What loading and augmenting one epoch of CIFAR-10 costs: 25,000 images, paired as in a search, one thread.

    python benchmarks/data.py [--data DIR] [--batch 64] [--step SECONDS]

Without --data made-up images take the place of CIFAR-10 (the cost is the same). --step is the time of one search step
of the same batch, to print the share of the epoch; benchmarks/supernet_step.py measures it.
"""

from __future__ import annotations

import argparse
import time

import torch

from nasreplay.seeds import Stream
from nasreplay.train.batches import Batches, PairedBatches
from nasreplay.train.images.image_sources import NORMAL, ImageSet, load


def made_up(count: int) -> ImageSet:
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=draw)
    return ImageSet(images, torch.arange(count) % 10, 10, *NORMAL["cifar10"], padding=4)


def fastest(batches: Batches | PairedBatches, epochs: int = 3) -> float:
    """CPU seconds of the fastest epoch: others may use this machine too."""
    seconds = []
    for _ in range(epochs):
        started = time.process_time()
        for batch in batches:
            list(batch)  # a pair's batches are made when they are asked for
        seconds.append(time.process_time() - started)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--step", type=float)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.data:
        parts = load("cifar10", chosen.data).search()
        weights, arch = parts.weights, parts.arch
    else:
        weights, arch = made_up(25_000), made_up(25_000)
    for channels_last in (False, True):
        layout = "channels last " if channels_last else "channels first"
        for what, batches in (
            ("training", Batches(weights, chosen.batch, Stream(1, "data"), True, "cpu", channels_last)),
            (
                "pairs",
                PairedBatches(weights, arch, chosen.batch, Stream(1, "data"), True, "cpu", channels_last),
            ),
        ):
            seconds = fastest(batches)
            each = 1000 * seconds / len(batches)
            share = (
                f", {100 * seconds / (chosen.step * len(batches)):.2f} % of the epoch" if chosen.step else ""
            )
            print(
                f"{layout}  {what:<9}{seconds:6.2f} s an epoch, {each:.2f} ms a batch of {chosen.batch}{share}"
            )


if __name__ == "__main__":
    main()
