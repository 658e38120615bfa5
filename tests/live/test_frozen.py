"""Evaluators on the weights of a run: slopes of weights that stay, over all images or in batches, and their table."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from nasreplay import search
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.jobs import searches
from nasreplay.jobs.searches.live_search import LiveFound
from nasreplay.live.frozen import FrozenBatches, FrozenSplit
from nasreplay.live.shared_table import shared_table
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.live.trained import trained
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import SlopeContract, random_codes, random_mixture
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING
from tests.support.made_up import image_folder

RECIPE = replace(WEIGHT_SHARING, batch=48)
NETWORK = CellNetwork(channels=2, cells=1)
RUN = {"dataset": "digits", "channels": 2, "cells": 1, "fraction": 0.1, "threads": 1, "epochs": 4, "seed": 3}


def made(kind: type[SupernetEvaluator], **settings):
    settings = {"fraction": 0.2, "recipe": RECIPE, **settings}
    return kind(load("digits"), NETWORK, **settings)


FEW = {"fraction": 0.05, "recipe": replace(RECIPE, batch=16), "dtype": torch.float64}
"""Three parts of the images that the architecture learns from."""


class TestSplitContract(SlopeContract):
    step = 1e-6  # ReLUs have kinks: a longer step crosses some

    def make(self):
        return made(FrozenSplit, **FEW)


class TestBatchesContract(SlopeContract):
    step = 1e-6

    def make(self):
        return made(FrozenBatches, **FEW)


@pytest.mark.parametrize("kind", [FrozenSplit, FrozenBatches])
def test_nothing_moves_the_weights(kind):
    frozen = made(kind)
    before = {name: values.clone() for name, values in frozen.net.state_dict().items()}
    mixture = random_mixture(TOPOLOGY, 1)
    frozen.begin_step()
    frozen.learn(mixture)
    frozen.watch(mixture)
    frozen.slope(mixture, order=2)
    assert frozen.learn(mixture, need_slope=True) is not None
    assert all(torch.equal(values, before[name]) for name, values in frozen.net.state_dict().items())
    assert "weights" not in frozen.abilities


def test_mini_batches_are_those_of_the_search_in_its_order():
    supernet, frozen = made(SupernetEvaluator), made(FrozenBatches)
    mixture = random_mixture(TOPOLOGY, 1)
    for _ in range(supernet.steps_per_epoch + 2):
        for evaluator in (supernet, frozen):
            evaluator.begin_step()
        one, other = supernet.slope(mixture), frozen.slope(mixture)
        assert np.array_equal(one.gradient, other.gradient)
        assert one.loss == other.loss


def test_the_whole_split_is_the_mean_over_all_its_images():
    frozen = made(FrozenSplit, dtype=torch.float64)
    mixture = random_mixture(TOPOLOGY, 2)  # two samples: each of them on all images
    slope = frozen.slope(mixture)
    images, total, wanted = frozen.images[1], 0, np.zeros(2)
    parts = -(-len(images) // RECIPE.batch)
    frozen.set_mode(train=True)
    for first in range(parts):
        ((batch, labels),) = frozen._in_order(images.take(np.arange(first, len(images), parts)))
        for row, weights in enumerate(torch.as_tensor(mixture.weights)):
            logits = frozen.net(batch, weights, torch.as_tensor(mixture.active[row]))
            wanted[row] += cross_entropy(logits, labels, reduction="sum").item()
        total += len(labels)
    assert total == len(images) > RECIPE.batch
    np.testing.assert_allclose(slope.loss, wanted / total, rtol=1e-12)
    alone = frozen.slope(Mixture(mixture.weights[1:], mixture.active[1:]))
    np.testing.assert_allclose(slope.gradient[1], alone.gradient[0], rtol=1e-9, atol=1e-14)
    assert np.array_equal(frozen.slope(mixture).loss, slope.loss)  # no step draws others


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short search with kept epochs."""
    folder = tmp_path_factory.mktemp("frozen") / "gdas"
    searches.search("gdas", "supernet", **RUN, keep_every=2, out=folder)
    return folder


@pytest.mark.slow
def test_a_search_on_frozen_weights_has_the_settings_of_their_run(run, tmp_path):
    for slopes in ("split", "batches"):
        out = tmp_path / slopes
        found = searches.search("gdas", "frozen", weights=f"{run}@2", slopes=slopes, seed=3, out=out)
        assert isinstance(found, LiveFound)
        assert found.points == 4 * trained(run)[0].steps_per_epoch
        assert "gdas with seed 3 after 2 epochs" in found.accuracy_meaning
    again = searches.search("gdas", "frozen", weights=str(run), seed=3, out=tmp_path / "last")
    assert isinstance(again, LiveFound)
    assert "gdas with seed 3 after 4 epochs" in again.accuracy_meaning


def test_frozen_weights_see_the_images_that_trained_them(tmp_path):
    images = image_folder(tmp_path / "cifar10", {"train": 2, "val": 1}, [f"c{i}" for i in range(10)], 32)
    own = {"dataset": "cifar10", "data": str(images), "channels": 2, "cells": 1, "batch": 10, "epochs": 1}
    searches.search("gdas", "supernet", **own, threads=1, seed=3, out=tmp_path / "run")
    found = searches.search(
        "gdas", "frozen", weights=str(tmp_path / "run"), threads=1, out=tmp_path / "frozen"
    )
    assert isinstance(found, LiveFound)
    assert "images of cifar10" in found.accuracy_meaning


@pytest.mark.slow
def test_a_shared_table_answers_what_its_supernet_does(run):
    codes = random_codes(TOPOLOGY, 12)
    table = shared_table(run, 2, codes=codes)
    supernet, _ = trained(run, at=2)
    told = supernet.evaluate(codes, replica=np.zeros(len(codes), dtype=int))
    assert np.array_equal(table.accuracies(codes), told.accuracy)
    assert table.ladder() == (told.at,)
    assert told.at.epoch == 2
    meaning = table.report(codes).meaning["valid"]
    for words in ("shared weights of gdas with seed 3", "images of digits", "running statistics", "epoch 2"):
        assert words in meaning
    all_images = shared_table(run, 2, codes=codes, all_images=True)
    assert f"{len(supernet.held)} fixed" in all_images.report(codes).meaning["valid"]
    result = search.run("random", table, Budget(evaluations=20), seed=1)
    assert result.finished
