"""The supernet evaluator in the NASNet spaces: contract, slopes, counts, resuming, rules of derivation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.errors import BadSetting, LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import (
    NETWORKS,
    CNASNetwork,
    DARTSNetwork,
    GDASFRCNetwork,
    GDASNetwork,
    GenotypeNetwork,
)
from nasreplay.spaces import Genotype
from nasreplay.spaces.genotypes.derivation import derive, softmax
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.testing import SlopeContract, random_codes, random_mixture, vertex_mixture
from nasreplay.train.batches import in_order
from nasreplay.train.images.image_sources import ImageSet, load
from nasreplay.train.recipe import WEIGHT_SHARING

pytestmark = pytest.mark.slow

FEW = replace(WEIGHT_SHARING, batch=4, test_batch=16, clip=0.0)
DOUBLE = torch.float64


def tiny(kind: type[GenotypeNetwork] = GDASFRCNetwork, dtype=torch.float32, **network):
    network = kind(**{"channels": 4, "cells": 1, **network})
    return SupernetEvaluator(load("digits"), network, fraction=0.02, recipe=FEW, dtype=dtype)


class TestContract(SlopeContract):
    step = 1e-6  # ReLUs and poolings have kinks: a longer step crosses some

    def make(self):
        return tiny(dtype=DOUBLE)


@pytest.mark.parametrize("kind", [GDASNetwork, DARTSNetwork])
def test_slope_of_both_cells_equals_central_differences(kind):
    supernet = tiny(kind, DOUBLE, channels=2)
    supernet.begin_step()
    mixture = random_mixture(supernet.space, 1)
    slope = supernet.slope(mixture)
    for row, option in ((0, 1), (20, 3)):
        loss = []
        for step in (1e-6, -1e-6):
            weights = mixture.weights.copy()
            weights[0, row, option] += step
            loss.append(supernet.slope(Mixture(weights, mixture.active)).loss[0])
        assert slope.gradient[0, row, option] == pytest.approx((loss[0] - loss[1]) / 2e-6, abs=1e-6)


def test_slope_of_second_order_looks_one_step_ahead():
    """A step of no length changes nothing, a step of some length does."""
    supernet = tiny(dtype=DOUBLE)
    supernet.begin_step()
    mixture = random_mixture(supernet.space, 1)
    one, two = supernet.slope(mixture), supernet.slope(mixture, order=2)
    assert one.loss[0] != two.loss[0]
    supernet.optimizer.param_groups[0]["lr"] = 1e-12
    still = supernet.slope(mixture, order=2)
    assert still.loss[0] == pytest.approx(one.loss[0], rel=1e-9)
    np.testing.assert_allclose(still.gradient, one.gradient, atol=1e-6)


def test_a_genotype_is_evaluated_by_its_counts():
    supernet = tiny(GDASNetwork)
    codes = random_codes(supernet.space, 1)
    codes[0, :4] = (0, 2, 0, 2)  # one edge twice
    counts = vertex_mixture(supernet.space, codes)
    assert counts.weights.max() == 2
    assert counts.weights.sum() == 16
    supernet.learn(counts)
    told = (supernet.evaluate(codes).accuracy[0], supernet.shared_accuracy(codes)[0])
    weights, active = torch.as_tensor(counts.weights[0]).float(), torch.as_tensor(counts.active[0])
    for images, accuracy in zip((supernet.valid, supernet.held), told, strict=True):
        assert isinstance(images, ImageSet)
        (batch,) = in_order(images, len(images))
        with torch.no_grad():
            logits = supernet.net.eval()(batch.images, weights, active)
        assert accuracy == 100 * int((logits.argmax(dim=1) == batch.labels).sum()) / len(images)


@pytest.mark.parametrize("name", ["gdas", "curriculum"])
def test_a_state_in_the_middle_of_an_epoch_continues_bit_for_bit(name):
    def begun():
        supernet = tiny(drop_path=0.2)
        searcher = search.make(name, {"hidden": 4} if name == "curriculum" else {}, preset="live")
        supernet.begin(5, range(1), Budget())
        supernet.at_epoch(0, 2)
        assert supernet.net.drop_path == 0.2
        searcher.begin(supernet.space, supernet.ladder(), 5, range(1))
        return supernet, searcher

    def steps(supernet, searcher, numbers):
        for step in numbers:
            searcher.step(supernet, search.Live(np.array([0]), np.array([step / 4]), step // 2, 2))
        return supernet, searcher

    whole = steps(*begun(), (0, 1, 2, 3))
    half, resumed = steps(*begun(), (0, 1, 2)), begun()
    for continued, stopped in zip(resumed, half, strict=True):
        continued.load_state_dict(stopped.state_dict())
    steps(*resumed, (3,))
    assert np.array_equal(resumed[1].state.logits, whole[1].state.logits)
    weights, wanted = (evaluator.net.state_dict() for evaluator in (resumed[0], whole[0]))
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


def test_every_space_has_its_network_in_its_release():
    sizes = {}
    for name, space in NASNET_SPACES.items():
        network = NETWORKS[name]()
        assert network.space is space
        sizes[name] = sum(p.numel() for p in network.build(10).parameters())
        assert not network.published
    # with the published logits: 1,343,258, 744,682 and twice 1,930,618
    assert sizes["nasnet-gdas"] + 224 == 1_343_258
    assert sizes["nasnet-gdas-frc"] + 112 == 744_682
    assert sizes["nasnet"] == sizes["nasnet-cnas"] == 1_930_618
    assert (CNASNetwork().bn, GDASNetwork().bn) == (0, 1)


@pytest.mark.parametrize("rule", ["top2", "pairs", "none"])
def test_logits_become_genotypes_by_the_chosen_rule(rule):
    space = GDASNetwork(derive=rule).space
    logits = np.random.default_rng(3).normal(size=(1, 28, 8))
    found = space.genotype(space.derive(logits)[0])
    assert isinstance(found, Genotype)
    assert found == derive(softmax(logits[0]), space.operations, rule)


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadSetting, match="derive is 'all-edge': one of top2, none, pairs"):
        GDASNetwork(derive="all-edge")
    with pytest.raises(BadSetting, match="divisible by 4"):
        tiny(channels=6)
    with pytest.raises(BadSetting, match="affine is 2"):
        DARTSNetwork(affine=2)
    supernet = tiny()
    mixture = random_mixture(supernet.space, 3)
    with pytest.raises(LacksCapability, match="cell axis"):
        supernet.learn(Mixture(mixture.weights[None], mixture.active[None]))
