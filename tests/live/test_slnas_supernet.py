"""SLNAS on shared weights: the evaluator's contract, what a step computes and moves, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nasreplay.errors import BadSetting
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.gradients import mean_loss
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import SLNASNetwork
from nasreplay.search import SEARCHERS
from nasreplay.search.driver import run
from nasreplay.spaces.slnas import SLNAS
from nasreplay.testing import EvaluatorContract
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import Recipe, recipe_of
from tests.support.slnas_golden import GOLDEN, LISTS

FEW = replace(recipe_of("SLNAS-SEARCH"), batch=4, test_batch=16)


def tiny(dtype=torch.float32, **network):
    about = {"channels": 4, "blocks": "[0,0]", "stem": "cifar", **network}
    return SupernetEvaluator(load("digits"), SLNASNetwork(**about), fraction=0.02, recipe=FEW, dtype=dtype)


def one_hot(name):
    weights = SLNAS.embed(np.array([LISTS[name]], dtype=np.int8))
    return Mixture(weights, weights > 0)


@pytest.mark.slow
class TestContract(EvaluatorContract):
    def make(self):
        return tiny(torch.float64, blocks="[1]", drop_path=0.0)


def test_a_step_moves_one_path_and_what_moved_before_decays():
    supernet = tiny()
    supernet.begin(1, range(1), Budget())
    supernet.at_epoch(0, 2)

    def moved(name):
        before = {key: values.clone() for key, values in supernet.net.state_dict().items()}
        supernet.begin_step()
        supernet.learn(one_hot(name))
        now = supernet.net.state_dict()
        return {
            key.split(".")[4] for key in now if "branches" in key and not torch.equal(now[key], before[key])
        }

    assert moved("warmstart") == {"1"}  # shuffle_5x5 everywhere
    assert moved("default_prob") == {"0", "1", "3", "4"}
    assert moved("warmstart") == {"0", "1", "3", "4"}


def test_the_rate_of_drop_path_rises_from_zero():
    known = {"0": 0.0, "1": 0.0023333333, "75": 0.175, "149": 0.34766667}
    assert {key: SLNASNetwork().drop_path_at(int(key), 150) for key in known} == pytest.approx(known)


def test_auxiliary_losses_are_weighed_as_published():
    for name, count in (("two_stages", 1), ("three_stages", 2), ("four_stages", 3)):
        logits, labels = (
            torch.randn(count + 1, 6, 5, generator=torch.Generator().manual_seed(1)),
            torch.arange(6) % 5,
        )
        main, *heads = (torch.nn.functional.cross_entropy(each, labels) for each in logits)
        rising = main + 0.4 * sum(
            w * each for w, each in zip(GOLDEN["aux_loss_weights"][name], heads, strict=True)
        )
        output = logits[0], logits[1:]
        assert mean_loss(output, labels, 0.4, torch.float32, "rising") == pytest.approx(rising)
        assert Recipe(auxiliary=0.4, heads="rising").loss(*output[:1], labels, output[1]) == pytest.approx(
            rising
        )
        assert Recipe(auxiliary=0.4).loss(*output[:1], labels, output[1]) == pytest.approx(
            main + 0.4 * sum(heads)
        )
        first = mean_loss(output, labels, 0.4, torch.float32, "first")
        assert first == pytest.approx(main + 0.4 * heads[0])


def test_label_smoothing_is_the_original_one():
    logits = torch.sin(torch.arange(300.0)).reshape(10, 30)
    known = GOLDEN["label_smoothing_check"]
    assert Recipe(smooth=0.1).loss(logits, torch.tensor(known["targets"])) == pytest.approx(
        known["loss"], rel=1e-6
    )


def test_images_that_get_too_small_are_refused_before_the_network_is_built():
    supernet = tiny(blocks="[1,1,1]")
    with pytest.raises(
        BadSetting, match=r"block 6 \(the reduction, stage 3\) gets 2 × 2 pixels of images of 8 × 8"
    ):
        supernet.begin(1, range(1), Budget())


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"channels": 7}, "channels is 7"),
        ({"blocks": "[2;2]"}, "--blocks"),
        ({"bn": 1}, "--search-bn"),
        ({"affine": 1}, "--search-bn"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"auxiliary": -1.0}, "auxiliary"),
    ],
)
def test_settings_that_mean_nothing_are_refused(about, words):
    with pytest.raises(BadSetting, match=words):
        SLNASNetwork(**about)


def test_a_single_stage_has_no_auxiliary_head():
    supernet = tiny(blocks="[1]")
    supernet.begin(1, range(1), Budget())
    supernet.learn(one_hot("warmstart"))
    assert not len(supernet.net.auxiliary_head)


def test_the_slope_of_a_mixture_is_that_of_its_loss():
    supernet = tiny(torch.float64, blocks="[0]", drop_path=0.0)
    supernet.begin(1, range(1), Budget())
    weights, active = one_hot("sport_searched")
    more = SLNAS.mask & (np.arange(6) == np.minimum(3, SLNAS.choices[:, None] - 1))
    weights, active = weights + 0.3 * more, active | more
    found = supernet.slope(Mixture(weights, active)).gradient[0]
    assert np.array_equal(found != 0, active[0] & (found != 0))
    for row, option in np.argwhere(active[0])[::9]:
        sides = []
        for step in (1e-6, -1e-6):
            beside = weights.copy()
            beside[0, row, option] += step
            sides.append(supernet.slope(Mixture(beside, active)).loss[0])
        assert found[row, option] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rsps", "enas", "gdas", "darts-v1", "snas", "setn"])
def test_searches_run_on_it(name):
    enas = {"updates": 2, "candidates": 2, "final_candidates": 2}
    few = {"enas": enas, "setn": {"candidates": 2}, "rsps": {"candidates": 2}}
    outcome = run(SEARCHERS.named(name)(epochs=1, **few.get(name, {})), tiny(blocks="[0]"), Budget(), seed=1)
    assert outcome.finished
