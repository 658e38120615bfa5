"""The supernet evaluator in the size space: contract, slopes, searches, resuming, what a table of it knows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.data.pack import Pack
from nasreplay.errors import BadSetting, LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.live.shared_accuracy import BATCH
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork, WidthNetwork
from nasreplay.spaces import SIZE, TOPOLOGY
from nasreplay.testing import SlopeContract, random_codes, random_mixture, vertex_mixture
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING

pytestmark = pytest.mark.slow

FEW = replace(WEIGHT_SHARING, batch=8, test_batch=16, clip=0.0)


def tiny(network=None, **settings):
    settings = {"fraction": 0.03, "recipe": FEW, **settings}
    return SupernetEvaluator(load("digits"), network or WidthNetwork(), **settings)


class TestContract(SlopeContract):
    step = 1e-6  # ReLUs have kinks: a longer step crosses some

    def make(self):
        return tiny(dtype=torch.float64)


def test_slope_of_two_resized_widths_equals_central_differences():
    supernet = tiny(WidthNetwork(resize=True), dtype=torch.float64)
    pair = np.isin(np.arange(8), (2, 5))[None, None].repeat(5, 1)
    weights = np.where(pair, random_mixture(SIZE, 1).weights, 0.0)
    slope = supernet.slope(Mixture(weights, pair))
    assert (slope.gradient[~pair] == 0).all()
    for row, width in ((2, 5), (3, 2), (4, 2)):  # images with many equal pixels meet a kink together in row 0
        loss = []
        for step in (1e-6, -1e-6):
            moved = weights.copy()
            moved[0, row, width] += step
            loss.append(supernet.slope(Mixture(moved, pair)).loss[0])
        assert slope.gradient[0, row, width] == pytest.approx((loss[0] - loss[1]) / 2e-6, abs=1e-6)


def test_inactive_masks_have_their_true_gradient():
    supernet = tiny(dtype=torch.float64)
    vertex = vertex_mixture(SIZE, random_codes(SIZE, 1))
    everything = Mixture(vertex.weights, np.ones_like(vertex.active))
    one, other = supernet.slope(vertex), supernet.slope(everything)
    assert one.loss[0] == pytest.approx(other.loss[0], rel=1e-12)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-9, atol=1e-12)
    assert (np.abs(one.gradient) > 0).sum() > 30
    louder = vertex.weights + 0.5 * ~vertex.active  # whatever their weight, inactive widths count as zero
    assert supernet.slope(Mixture(louder, vertex.active)).loss[0] == one.loss[0]


def test_flags_and_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadSetting, match="affine is 2"):
        WidthNetwork(affine=2)
    with pytest.raises(BadSetting, match="channels"):
        CellNetwork(channels=0)
    mixture = random_mixture(SIZE, 3)
    with pytest.raises(LacksCapability, match="cell axis"):
        tiny().learn(Mixture(mixture.weights[None], mixture.active[None]))


@pytest.mark.parametrize("name", ["tas", "mask-gumbel", "mask-rl", "rsps"])
def test_searchers_run_unchanged_and_repeat_exactly(name):
    few = {"candidates": 2} if name == "rsps" else {}

    def outcome():
        searcher = search.make(name, few, preset="live")
        return search.run(searcher, tiny(WidthNetwork(resize=name == "tas")), Budget(epochs=1), seed=3)

    one, again = outcome(), outcome()
    assert one.finished
    assert one.found_flat[0] < SIZE.size
    assert np.array_equal(one.incumbent_flat, again.incumbent_flat)
    assert np.array_equal(one.observed, again.observed, equal_nan=True)


def test_mask_rl_is_rewarded_with_the_current_mini_batch():
    supernet, told = tiny(), []
    supernet.begin(0, range(1), Budget())
    supernet.ledger.listener = told.append
    searcher = search.make("mask-rl", preset="live")
    searcher.begin(SIZE, supernet.ladder(), 0, range(1))
    searcher.step(supernet, search.Live(np.array([0]), np.zeros(1), 0, 1))
    assert [answers.at for answers in told] == [BATCH]
    assert searcher.state.average[0, 0] == pytest.approx(0.05 * told[0].accuracy[0])
    assert supernet.epoch_metrics()["arch_accuracy"] == told[0].accuracy[0]


@pytest.mark.parametrize("name", ["tas", "mask-rl"])
def test_a_state_in_the_middle_of_an_epoch_continues_bit_for_bit(name):
    def begun():
        supernet = tiny(WidthNetwork(bn=1, resize=name == "tas"))
        searcher = search.make(name, {"epochs": 4, "warmup": 0.3}, preset="live")
        supernet.begin(5, range(1), Budget())
        searcher.begin(SIZE, supernet.ladder(), 5, range(1))
        return supernet, searcher

    def steps(supernet, searcher, epochs):
        for epoch in epochs:
            searcher.step(supernet, search.Live(np.array([0]), np.zeros(1), epoch, 4))
        return supernet, searcher

    whole = steps(*begun(), (0, 1, 2, 3))
    half, resumed = steps(*begun(), (0, 1, 2)), begun()
    for continued, stopped in zip(resumed, half, strict=True):
        continued.load_state_dict(stopped.state_dict())
    steps(*resumed, (3,))
    assert np.array_equal(resumed[1].state.logits, whole[1].state.logits)
    weights, wanted = (evaluator.net.state_dict() for evaluator in (resumed[0], whole[0]))
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    ("network", "facts"),
    [
        (WidthNetwork(), (10, 8, 22)),
        (CellNetwork(), (10, 8, 22)),
        (CellNetwork(channels=2, cells=1), None),
    ],
)
def test_a_table_of_it_knows_its_data_set(tmp_path, network, facts):
    """Parameters and FLOPs follow where the children are the benchmark's networks."""
    supernet = tiny(network)
    space = supernet.space
    pack = tabulate(supernet, random_codes(space, 1), tmp_path / "some.h5")
    assert pack.custom["digits"].facts == facts
    assert "fixed validation images" in (pack.custom["digits"].sets["x-valid"].sentence or "")
    assert Pack.open(tmp_path / "some.h5").space is (SIZE if isinstance(network, WidthNetwork) else TOPOLOGY)
