"""Which share of a search step of SLNAS at 224 pixels is waiting for images: 2 worker processes, one CPU.

    python benchmarks/slnas_loader.py [--data FOLDER] [--workers 2] [--batch 32] [--channels 16] [--steps 30]

Without --data noise of 256 × 256 pixels is written as JPEG files first, as NWPU-RESISC45 has them (`--pixels 600` is
AID). --cache measures decoded pixels from a cache. Printed is each kind of step: of the shared weights, and of the
controller, whose batches are twice as large. The first step of a kind, which starts the workers, is told alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.gradients import ARCH, TRAIN
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import SLNASNetwork
from nasreplay.search import Budget
from nasreplay.search.parts.samplers import vertex
from nasreplay.seeds import Stream
from nasreplay.train.images.streamed import load_files
from nasreplay.train.recipe import recipe_of


def made_up(folder: Path, pixels: int, count: int = 400, classes: int = 4) -> Path:
    """Smooth noise, which takes as long to decode as photographs do."""
    noise = np.random.default_rng(1)
    for part, number in (("train", count), ("val", classes)):
        for row in range(number):
            place = folder / part / f"class{row % classes}"
            place.mkdir(parents=True, exist_ok=True)
            small = noise.integers(0, 256, (pixels // 6, pixels // 6, 3), dtype=np.uint8)
            image = Image.fromarray(small).resize((pixels, pixels), Image.Resampling.BICUBIC)
            image.save(place / f"{row:04d}.jpg", quality=90)
    return folder


def measured(steps: int, begin: Callable[[], object], compute: Callable[[], object]) -> np.ndarray:
    """(seconds of waiting, seconds of computing, CPU seconds of this process) of each step."""
    found = np.zeros((steps, 3))
    for row in found:
        started, spent = time.perf_counter(), time.process_time()
        begin()
        came = time.perf_counter()
        compute()
        row[:] = came - started, time.perf_counter() - came, time.process_time() - spent
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    for name, usual in (("workers", 2), ("batch", 32), ("channels", 16), ("steps", 30), ("pixels", 256)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument(
        "--blocks", default="[1,1]", help="the published [1,1]; the README's command has [2,2]"
    )
    parser.add_argument("--threads", type=int)
    parser.add_argument("--cache", action="store_true")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as scratch:
        data = chosen.data or made_up(Path(scratch) / "noise", chosen.pixels)
        cache = Path(scratch) / "cache" if chosen.cache else None
        source = load_files(str(data.absolute()), None, 224, chosen.workers, cache=cache)
        recipe = replace(recipe_of("SLNAS-SEARCH-IMAGENET"), batch=chosen.batch, arch_batch=2 * chosen.batch)
        network = SLNASNetwork(channels=chosen.channels, blocks=chosen.blocks)
        supernet = SupernetEvaluator(source, network, recipe=recipe)
        supernet.begin(0, range(1), Budget(epochs=1))
        supernet.at_epoch(0, 1)
        draws, space = Stream(1, "benchmark").at(), supernet.space

        def path() -> Mixture:
            return vertex(space, space.sample(draws))

        def begin(learns: bool) -> None:
            supernet.begin_step(learns=learns)
            supernet.batch(TRAIN if learns else ARCH)

        def reward() -> object:
            return supernet.evaluate(space.sample(draws), at=supernet.ladder()[0])

        print(f"{source.about}; {torch.get_num_threads()} threads, {chosen.workers} workers")
        for what, learns, compute in (
            ("weights", True, lambda: supernet.learn(path())),
            ("controller", False, reward),
        ):
            found = measured(chosen.steps + 1, lambda learns=learns: begin(learns), compute)
            wait, work, spent = found[1:].sum(axis=0)
            print(
                f"{what:<11} a step {1000 * (wait + work) / chosen.steps:7.1f} ms ({1000 * spent / chosen.steps:.1f} "
                f"of the CPU), waiting for images {1000 * wait / chosen.steps:6.1f} ms: "
                f"{100 * wait / (wait + work):.1f} %  (the first wait {found[0, 0]:.2f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
