"""Searches of genotypes: the searchers' contract on shared weights, the curriculum, results without indices."""

from copy import copy
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nasreplay.errors import LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.jobs.searches import health
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import GDASFRCNetwork
from nasreplay.runs.result import Numbering
from nasreplay.runs.store import load_result, save_result
from nasreplay.search import Live, make, run
from nasreplay.search.parts.policies import Vocabulary
from nasreplay.spaces import NASNET, TOPOLOGY
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.testing import LiveSearcherContract, random_codes
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING

pytestmark = pytest.mark.slow

FRC = NASNET_SPACES["nasnet-gdas-frc"]
FEW = {"rsps": {"candidates": 2}, "curriculum": {"hidden": 4, "derive_samples": 2, "start_ops": 3}}
RECIPE = replace(WEIGHT_SHARING, batch=4, test_batch=16)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def shared_weights():
    network = GDASFRCNetwork(bn=0, channels=4, cells=1)
    return SupernetEvaluator(load("digits"), network, recipe=RECIPE, fraction=0.011)


class Contract(LiveSearcherContract):
    """Two steps of four digits each."""

    name: str
    budget = Budget(epochs=1)

    def make(self):
        return make(self.name, FEW.get(self.name), preset="live")

    def evaluator(self):
        return copy(shared_weights())


def suite(searcher):
    return type(f"Test_{searcher}", (Contract,), {"name": searcher})


globals().update({f"Test_{name}": suite(name) for name in ("gdas", "snas", "rsps", "curriculum")})


@pytest.mark.parametrize("name", ["enas", "setn", "reinforce", "mask-rl"])
def test_searchers_that_choose_no_edges_are_refused(name):
    with pytest.raises(LacksCapability, match=f"{name} decides on an operation for each edge"):
        run(make(name, preset="live"), copy(shared_weights()), Budget(evaluations=1), seed=0)


# --- the curriculum --------------------------------------------------------------------------------


def test_words_are_the_options_of_all_decisions():
    words = Vocabulary(NASNET)
    assert words.operations == NASNET.operations
    assert words.mask.shape == (32, 13)
    for decision, names in enumerate(NASNET.options):
        assert words.mask[decision].sum() == len(names)
    codes = random_codes(NASNET, 20)
    assert words.mask[np.arange(32), words.words(codes)].all()
    assert np.array_equal(words.codes(words.words(codes)), codes)
    assert Vocabulary(TOPOLOGY).mask.all()


@pytest.mark.parametrize("policy", ["lstm", "logits"])
def test_the_curriculum_opens_operations_and_learns_inputs(policy):
    """The reward is the share of nodes that read state 0 twice: the policy comes to prefer state 0."""
    count, changes = 16, {"policy": policy, "hidden": 8, "warmup": 0.0, "learning_rate": 0.02, "gamma": 0.8}
    searcher: Any = make("curriculum", changes, preset="live")
    searcher.begin(FRC, (), 3, range(count))
    rows, shares = np.arange(count), []
    for step in range(150):
        live = Live(rows, np.full(count, step / 1200), 0, 0)  # all in the first of eight stages
        codes = searcher.ask(live).codes
        assert (FRC.check_codes(codes)[:, 1::2] == FRC.operations.index("sep_conv_3x3")).all()
        share = (codes[:, ::2] == 0).mean(axis=1)
        flat = np.zeros(count)
        answers = SimpleNamespace(replica=rows, codes=codes, accuracy=100 * share, seconds=flat)
        searcher.tell(answers, live)
        shares.append(share.mean())
    assert np.mean(shares[-20:]) > np.mean(shares[:20]) + 0.15
    last = searcher.ask(Live(rows, np.full(count, 0.99), 0, 0)).codes
    assert len(np.unique(last[:, 1::2])) > 4


# --- without flat indices --------------------------------------------------------------------------


def test_numbers_stand_for_rows_of_the_listed_architectures():
    number, codes = Numbering(FRC), random_codes(FRC, 5)
    told = number.of(codes[[0, 1, 0, 2, 4]])
    assert told.tolist() == [0, 1, 0, 2, 3]
    again = Numbering(FRC).of_texts([FRC.format(row) for row in codes[[0, 1, 0, 2, 4]]])
    assert np.array_equal(told, again)
    assert number.listed is not None
    assert np.array_equal(number.listed[told], codes[[0, 1, 0, 2, 4]])
    assert Numbering(TOPOLOGY).listed is None


def test_a_result_keeps_its_architectures_on_disk(tmp_path):
    result = run(make("rea"), copy(shared_weights()), Budget(evaluations=4), seed=2)
    save_result(tmp_path / "it.h5", result)
    read = load_result(tmp_path / "it.h5")
    assert np.array_equal(read.from_flat(read.evaluated_flat[0]), result.from_flat(result.evaluated_flat[0]))
    best = result.observed[0].argmax()
    assert np.array_equal(
        read.from_flat(read.found_flat)[0], result.from_flat(result.evaluated_flat[0])[best]
    )


def test_skips_of_the_normal_cell_are_a_collapse():
    skip, conv = NASNET.operations.index("skip_connect"), NASNET.operations.index("sep_conv_3x3")
    codes = np.zeros((1, 32), dtype=np.int8)
    codes[0, 1::2] = [skip] * 5 + [conv] * 3 + [conv] * 8
    searcher: Any = SimpleNamespace(answer=lambda: codes, state=SimpleNamespace(), epoch_facts=lambda *_: {})
    evaluator: Any = SimpleNamespace(space=NASNET, epoch_metrics=dict, shared_accuracy=lambda _: None)
    facts = health.epoch_facts(searcher, evaluator, None)
    assert facts.skip_share == 5 / 8
    assert "62% skip connections" in facts.warning
    codes[0, 1::2] = [conv] * 8 + [skip] * 8
    facts = health.epoch_facts(searcher, evaluator, None)
    assert not facts.warning
