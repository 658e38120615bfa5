"""Trainings and searches in float64, for several processes or for one that accumulates micro-batches."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from nasreplay import search
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.child_networks import child
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.shared_networks import CellNetwork, GDASNetwork
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train import distributed
from nasreplay.train.checkpoint import save_checkpoint
from nasreplay.train.device import Device
from nasreplay.train.distributed import process_group
from nasreplay.train.images.image_sources import load
from nasreplay.train.loop import Trainer
from nasreplay.train.recipe import WEIGHT_SHARING, Recipe

# the convolutions of two nodes are not read
UNREAD = TOPOLOGY.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|")
PARTS = 2
HARD = Recipe(
    epochs=2,
    batch=16,
    warmup=1,
    schedule="cosine",
    smooth=0.1,
    clip=5.0,
    no_bias_decay=True,
    drop_path=0.3,
    auxiliary=0.4,
    ema=0.9,
    micro_batches=PARTS,
)
LINEAR = Recipe(epochs=3, batch=16, warmup=1, schedule="linear", micro_batches=PARTS)


class Double(nn.Module):
    """A network in float64."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner: Any = inner.double()

    @property
    def drop_path(self) -> float:
        return self.inner.drop_path

    @drop_path.setter
    def drop_path(self, rate: float) -> None:
        self.inner.drop_path = rate

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("generator", "drop_path"):
            setattr(self.inner, name, value)
        else:
            super().__setattr__(name, value)

    def forward(self, images):
        return self.inner(images.double())


def nasnet() -> nn.Module:
    return Double(NASNet(entry("GDAS_V1").genotype, Plan(4, 3, 10, auxiliary=True)))


def unread() -> nn.Module:
    return Double(child(TOPOLOGY, UNREAD, 10, 4, 1))


def trained(build, recipe: Recipe, test: float = 1.0) -> dict[str, Any]:
    """Two epochs on 25 digits, whose last batch has 9."""
    images = load("digits").train.take(np.arange(25))
    trainer = Trainer(build, images, recipe, 3, Device(group=process_group()))
    epochs = [trainer.epoch({"test": load("digits").all_test.fraction(test)}) for _ in range(2)]
    scores = [
        [*epoch.train[:3], *(part for set_ in epoch.sets.values() for part in set_[:3])] for epoch in epochs
    ]
    state = trainer.state_dict()
    return {
        **{part: state[part] for part in ("network", "average", "optimizer")},
        "scores": torch.tensor(scores),
    }


def searched(name: str, network: Any = None, epochs: int = 2, **settings: Any) -> dict[str, Any]:
    """Epochs of three steps; the batch of the last has 4 images."""
    recipe = replace(WEIGHT_SHARING, batch=16, test_batch=32, clip=5.0, micro_batches=PARTS)
    supernet = SupernetEvaluator(
        load("digits"),
        network or CellNetwork(channels=2, cells=1, drop_path=0.2),
        recipe=recipe,
        fraction=0.05,
        valid_batches=2,
        device=Device(group=process_group()),
        dtype=torch.float64,
    )
    searcher = search.make(name, settings, preset="live")
    result = search.run(searcher, supernet, search.Budget(epochs=epochs), seed=5)
    state = supernet.state_dict()
    return {
        **{part: state[part] for part in ("net", "optimizer", "metrics")},
        "searcher": {key: torch.as_tensor(value) for key, value in searcher.state_dict()["state"].items()},
        "found": result.found_flat,
    }


JOBS = {
    "retrain": lambda: trained(nasnet, HARD, 0.1),
    "retrain, weights unread": lambda: trained(unread, LINEAR),
    "gdas": lambda: searched("gdas"),
    "gdas, NASNet": lambda: searched("gdas", GDASNetwork(channels=4, cells=1), epochs=1),
    "darts-v1": lambda: searched("darts-v1"),
    "darts-v2": lambda: searched("darts-v2"),
    "snas": lambda: searched("snas"),
    "snas, a sample each": lambda: searched("snas", samples=PARTS),
    "snas, one architecture each": lambda: searched("snas", samples=PARTS, estimator="hard"),
    "rsps": lambda: searched("rsps", candidates=3),
    "curriculum": lambda: searched("curriculum", start_ops=5),
}


def all_jobs(path: Any) -> None:
    """Every process does all jobs and saves what came of them."""
    torch.set_num_threads(1)
    distributed.init_process_group()
    group = process_group()
    save_checkpoint(path / f"{group.rank}.pt", {name: job() for name, job in JOBS.items()})
    distributed.destroy_process_group()
