"""The same searcher objects under the same contract on shared weights and on training from scratch.

The assertions are those of the shipped suite, `nasreplay.testing.LiveSearcherContract`.
"""

from copy import copy
from dataclasses import replace
from functools import cache

import pytest
import torch

from nasreplay.evaluate.ledger import Budget
from nasreplay.live.scratch import ScratchEvaluator
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork, WidthNetwork
from nasreplay.search import SEARCHERS, make
from nasreplay.spaces import space_named
from nasreplay.testing import LiveSearcherContract
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING, Recipe

pytestmark = pytest.mark.slow

FEW = {
    "rsps": {"candidates": 2},
    "setn": {"candidates": 2},
    "enas": {"updates": 1, "samples": 2, "candidates": 1, "final_candidates": 2, "hidden": 4},
    "rea": {"population": 2, "tournament": 2},
    "slnas": {"hidden": 4, "controller_steps": 2, "valid_samples": 2, "final_samples": 3, "final_images": 20},
    "slnas-ga": {"population": 3, "elite": 2, "generations": 2, "valid_samples": 2, "final_samples": 4},
    "curriculum": {"hidden": 4, "derive_samples": 2},
    "curriculum-fixed": {"hidden": 4, "derive_samples": 2},
}
NETWORKS = {"topology": CellNetwork(bn=0, channels=1, cells=1), "size": WidthNetwork()}
RECIPE = replace(WEIGHT_SHARING, batch=4, test_batch=16)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """One thread, and a cache of the module's own: a child is trained once."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(tmp_path_factory.mktemp("home")))
        yield
    torch.set_num_threads(before)


@cache
def shared_weights(space):
    return SupernetEvaluator(load("digits"), NETWORKS[space], recipe=RECIPE, fraction=0.011)


@cache
def scratch(space):
    settings = {"ladder": (1,), "channels": 1, "cells": 1, "fraction": 0.02}
    return ScratchEvaluator(space_named(space), load("digits"), recipe=Recipe(batch=16), **settings)


class Contract(LiveSearcherContract):
    name: str

    def make(self):
        return make(self.name, FEW.get(self.name), preset="live")


class OnSharedWeights(Contract):
    """Two steps of four digits each."""

    budget = Budget(evaluations=4, epochs=1)

    def evaluator(self):
        return copy(shared_weights(SEARCHERS[self.name].home))  # `begin` makes all that changes anew


class OnScratch(Contract):
    """Three children, each trained on a few digits for an epoch."""

    budget = Budget(evaluations=3, epochs=2)

    def evaluator(self):
        return copy(scratch(SEARCHERS[self.name].home))


ON_SCRATCH = [name for name, kind in SEARCHERS.items() if kind.needs == {"evaluate"}]


def suite(base, searcher):
    return type(f"Test{base.__name__}_{searcher}", (base,), {"name": searcher})


globals().update({f"TestOnSharedWeights_{name}": suite(OnSharedWeights, name) for name in SEARCHERS})
globals().update({f"TestOnScratch_{name}": suite(OnScratch, name) for name in ON_SCRATCH})
