"""The supernet evaluator: recorded steps, its contract, learning, resuming."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.errors import BadSetting, LacksCapability, NasReplayError, TrainingFailed
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.shared_accuracy import BATCH
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.search.parts.samplers import softmax_vjp
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.testing import SlopeContract, random_codes, random_mixture
from nasreplay.train.epochs import Batch
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING
from tests.support.made_up import image_folder

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "darts_v2.json").read_text())["darts_v2"]
DARTS = replace(WEIGHT_SHARING, batch=64)


def tiny(channels=2, bn=1, **settings):
    settings = {"fraction": 0.2, "recipe": DARTS, **settings}
    return SupernetEvaluator(load("digits"), CellNetwork(bn=bn, channels=channels, cells=1), **settings)


class TestContract(SlopeContract):
    step = 1e-6  # ReLUs have kinks: a longer step crosses some

    def make(self):
        return tiny(dtype=torch.float64)


# --- recorded steps of second-order DARTS -----------------------------------------------------------


def hashed(count, salt):
    z = (np.arange(count, dtype=np.uint64) + 1 + 1000003 * salt) % 2**32
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        z ^= z >> np.uint64(shift)
        z = z * factor % 2**32
    return z / 2**32


def signed(count, salt):
    return torch.tensor(2 * hashed(count, salt) - 1)


def fill(net):
    """The recorded weights: formulas of the flat index."""
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            weight = module.weight
            scale = math.sqrt(3 / (weight.numel() // len(weight)))
            weight.data = (signed(weight.numel(), 0) * scale).reshape(weight.shape)
            if module.bias is not None:
                module.bias.data = 0.1 * signed(len(module.bias), 1)
        elif isinstance(module, torch.nn.BatchNorm2d) and module.affine:
            module.weight.data = 1 + 0.2 * signed(module.num_features, 0)
            module.bias.data = 0.2 * signed(module.num_features, 1)


def recorded():
    """A supernet with the recorded weights and batches, and the recorded mixture."""
    supernet = tiny(channels=4, dtype=torch.float64, device=None)
    with torch.no_grad():
        fill(supernet.net)
    images = [(2 * signed(4 * 3 * 256, salt)).reshape(4, 3, 16, 16) for salt in (7, 8)]
    supernet.drawn = [Batch(images[0], torch.arange(4)), Batch(images[1], torch.arange(4, 8))]
    soft = softmax(0.5 * signed(30, 4).numpy().reshape(1, 6, 5))
    return supernet, Mixture(soft, soft > 0), soft


def check(slope, soft, loss, gradient):
    assert slope.loss[0] == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(softmax_vjp(soft, 1.0, slope.gradient)[0], gradient, rtol=1e-6, atol=1e-9)


def test_recorded_second_order_slopes_and_weight_step():
    supernet, mixture, soft = recorded()
    first = GOLDEN["old_first_call"]
    check(supernet.slope(mixture, order=2), soft, first["unrolled_val_loss"], first["dalpha"])
    supernet.learn(mixture)
    assert supernet.metrics["train_loss"][-1] == pytest.approx(GOLDEN["old_w_step"]["base_loss"], rel=1e-9)
    size = sum(p.abs().sum().item() for p in supernet.weights)
    assert size == pytest.approx(GOLDEN["old_w_step"]["sum_abs_weights_after"], rel=1e-9)
    second = GOLDEN["old_second_call_with_momentum"]
    check(supernet.slope(mixture, order=2), soft, second["unrolled_val_loss"], second["dalpha"])


def test_recorded_first_order_slope():
    supernet, mixture, soft = recorded()
    slope = supernet.slope(mixture)
    expected = GOLDEN["first_order_dalpha_same_point"]
    np.testing.assert_allclose(softmax_vjp(soft, 1.0, slope.gradient)[0], expected, rtol=1e-6, atol=1e-9)


def test_second_order_leaves_the_weights_where_they_were():
    supernet, mixture, _ = recorded()
    before = [p.detach().clone() for p in supernet.weights]
    supernet.slope(mixture, order=2)
    assert all(torch.equal(p, b) for p, b in zip(supernet.weights, before, strict=True))


# --- behavior ---------------------------------------------------------------------------------------


def test_the_same_weights_give_the_same_number():
    supernet = tiny(bn=0)
    codes = random_codes(TOPOLOGY, 3)
    rows = np.zeros(3, dtype=np.int64)
    first = supernet.evaluate(codes, replica=rows).accuracy
    assert np.array_equal(first, supernet.evaluate(codes, replica=rows).accuracy)
    supernet.begin_step()
    batch = supernet.evaluate(codes, at=BATCH, replica=rows).accuracy
    assert np.array_equal(batch, supernet.evaluate(codes, at=BATCH, replica=rows).accuracy)


def test_evaluating_does_not_move_running_statistics():
    supernet = tiny(bn=1)
    before = [buffer.clone() for buffer in supernet.net.buffers()]
    supernet.evaluate(random_codes(TOPOLOGY, 1), at=BATCH)
    supernet.evaluate(random_codes(TOPOLOGY, 1))
    assert all(torch.equal(a, b) for a, b in zip(before, supernet.net.buffers(), strict=True))


def test_a_cell_axis_is_for_learning_only():
    supernet = tiny()
    mixture = random_mixture(TOPOLOGY, 3)
    per_cell = Mixture(mixture.weights[None], mixture.active[None])
    assert supernet.learn(per_cell) is None
    with pytest.raises(LacksCapability, match="cell axis"):
        supernet.slope(per_cell)


def test_one_replica_only():
    with pytest.raises(LacksCapability, match="one replica"):
        tiny().begin(0, range(2), Budget())


def test_a_loss_that_is_not_finite_is_named():
    supernet = tiny(recipe=replace(DARTS, lr=1e9, clip=0.0))
    with pytest.raises(NasReplayError, match="learning rate"):
        search.run(search.make("darts-v1", preset="published"), supernet, Budget(epochs=5), seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["darts-v1", "darts-v2", "gdas", "snas", "setn", "rsps", "curriculum"])
def test_searchers_run_unchanged_and_repeat_exactly(name):
    few = {"candidates": 3} if name in ("setn", "rsps") else {}

    def outcome():
        searcher = search.make(name, few, preset="live")
        return search.run(searcher, tiny(fraction=0.1), Budget(epochs=1), seed=3)

    one, again = outcome(), outcome()
    assert one.finished
    assert np.array_equal(one.incumbent_flat, again.incumbent_flat)
    assert np.array_equal(one.observed, again.observed, equal_nan=True)


def test_a_state_in_the_middle_of_an_epoch_continues_bit_for_bit():
    whole, halves = [], []
    for steps in (6, 3):
        supernet, searcher = tiny(), search.make("gdas", {"epochs": 4}, preset="live")
        supernet.begin(5, range(1), Budget())
        searcher.begin(TOPOLOGY, supernet.ladder(), 5, range(1))
        live = search.Live(np.array([0]), np.zeros(1), 0, 4)
        supernet.at_epoch(0, 4)
        for _ in range(steps):
            searcher.step(supernet, live)
        if steps == 3:
            resumed, again = tiny(), search.make("gdas", {"epochs": 4}, preset="live")
            resumed.begin(5, range(1), Budget())
            again.begin(TOPOLOGY, resumed.ladder(), 5, range(1))
            resumed.load_state_dict(supernet.state_dict())
            again.load_state_dict(searcher.state_dict())
            for _ in range(3):
                again.step(resumed, live)
            halves = [*resumed.net.state_dict().values(), torch.tensor(again.state.logits)]
        else:
            whole = [*supernet.net.state_dict().values(), torch.tensor(searcher.state.logits)]
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))


def test_validation_images_are_of_every_class_whatever_their_order(tmp_path):
    image_folder(tmp_path / "sorted", {"train": 20, "val": 20}, ("ant", "bee", "cat"), side=8)
    recipe = replace(DARTS, batch=4, test_batch=6)
    evaluator = SupernetEvaluator(
        load(str(tmp_path / "sorted")), CellNetwork(channels=1, cells=1), recipe=recipe
    )
    assert np.bincount(np.asarray(evaluator.valid.labels), minlength=3).min() > 0


def test_architecture_batches_of_their_own_leave_the_training_order_alone():
    one, other = tiny(), tiny()
    for _ in range(3):
        other.begin_step(learns=False)
    for evaluator in (one, other):
        evaluator.begin_step()
    assert torch.equal(one.drawn[0].images, other.drawn[0].images)
    before = [batch.labels for batch in other.drawn]
    other.begin_step(learns=False)
    assert not torch.equal(other.drawn[1].labels, before[1])


def test_weights_that_are_no_numbers_are_not_saved():
    evaluator = tiny()
    with torch.no_grad():
        evaluator.weights[0].fill_(math.inf)
    with pytest.raises(TrainingFailed, match="no longer a number"):
        evaluator.state_dict()


def test_several_samples_need_as_many_micro_batches():
    evaluator = tiny()
    soft = np.full((3, 6, 5), 0.2)
    with pytest.raises(BadSetting, match=r"3 samples a step and 1 micro-batches: .*--micro-batches 3"):
        evaluator.learn(Mixture(soft, soft > 0), need_slope=True)


def test_what_was_counted_before_a_step_is_counted_anew():
    supernet, fresh = tiny(recipe=replace(DARTS, lr=1.0)), tiny()
    codes = random_codes(TOPOLOGY, 8)
    rows = np.zeros(8, dtype=np.int64)
    before = supernet.evaluate(codes, replica=rows).accuracy
    supernet.learn(random_mixture(TOPOLOGY, 1))
    after = supernet.evaluate(codes, replica=rows).accuracy
    fresh.load_state_dict(supernet.state_dict())
    assert np.array_equal(after, fresh.evaluate(codes, replica=rows).accuracy)
    assert not np.array_equal(after, before)
