"""For `test_memory`: prints what was forecast and what was used, in bytes: SEARCHER|retrain [again]. Linux only."""

import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from nasreplay import search
from nasreplay.evaluate.ledger import Budget
from nasreplay.live.search_memory import estimate_search
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.shared_networks import GDASNetwork
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import NORMAL, ImageSet, ImageSource
from nasreplay.train.images.recorded_images import SearchData
from nasreplay.train.loop import Trainer
from nasreplay.train.recipe import WEIGHT_SHARING, Recipe
from nasreplay.train.step_memory import estimate_training

torch.set_num_threads(1)


class Noise:
    name, fingerprint, note, classes, side = "noise", "", "", 10, 32

    def __init__(self, batch: int):
        made = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (2 * batch, 3, 32, 32), generator=made, dtype=torch.uint8)
        self.images = ImageSet(pixels, torch.arange(2 * batch) % 10, 10, *NORMAL["cifar10"], padding=4)

    def search(self) -> SearchData:
        return SearchData(self.images, self.images, self.images, None, "")


def highest() -> int:
    """Most resident bytes of this program; `getrusage` counts what was there before it began, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def searched(name: str, device: Device) -> tuple[int, int]:
    """Two steps; a one-hot search has the operation that takes most on every edge."""
    batch, channels = (16, 4) if name == "darts-v1" else (48, 4)
    recipe = replace(WEIGHT_SHARING, batch=batch, test_batch=batch)
    network = GDASNetwork(channels=channels, cells=1)
    supernet = SupernetEvaluator(cast(ImageSource, Noise(batch)), network, recipe=recipe, device=device)
    searcher: Any = search.make(name, preset="live")
    supernet.begin(1, range(1), Budget())
    searcher.begin(supernet.space, supernet.ladder(), 1, range(1))
    forecast = estimate_search(supernet, mixes=name == "darts-v1")
    if name == "gdas":
        searcher.state.logits[..., network.space.operations.index("sep_conv_5x5")] = 100
    before = resident()
    for _ in range(2):
        searcher.step(supernet, search.Live(np.array([0]), np.array([0.5]), 1, 2))
    return forecast, before


def retrained(device: Device) -> tuple[int, int]:
    """Two epochs of one batch each."""
    recipe = Recipe(batch=64, auxiliary=0.4, drop_path=0.2)
    plan = Plan(8, 5, 10, auxiliary=True)
    trainer = Trainer(lambda: NASNet(entry("GDAS_V1").genotype, plan), Noise(32).images, recipe, 1, device)
    forecast = estimate_training(trainer.network, recipe, device, 32, 64)
    before = resident()
    for _ in range(2):
        trainer.epoch({})
    return forecast, before


if __name__ == "__main__":
    what, where = sys.argv[1], Device(checkpoint_cells="again" in sys.argv)
    told, start = retrained(where) if what == "retrain" else searched(what, where)
    print(told, highest() - start)
