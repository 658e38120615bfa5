"""TAS, masking + Gumbel-softmax and masking + sampling: their samplers, warm-up and updates."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.errors import BadSetting, LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Evaluations, Fidelity, Slope
from nasreplay.search import Live
from nasreplay.search.parts.samplers import gumbel_like, two_of
from nasreplay.seeds import Draws, Stream
from nasreplay.spaces import SIZE, TOPOLOGY
from nasreplay.testing import random_codes, synthetic_table

NAMES = ("tas", "mask-gumbel", "mask-rl")


def logits_of(count):
    return Stream(3, "logits", range(count)).at().normal(40).reshape(count, 5, 8)


def begun(name, replicas=1, **changes) -> Any:
    searcher = search.make(name, changes, preset="live")
    searcher.begin(SIZE, (), 1, range(replicas))
    return searcher


# --- samplers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [10.0, 1.0, 0.1])
def test_tas_pulls_back_what_autograd_does(temperature):
    """Against the published chain: log-softmax, noise, temperature, softmax of the two drawn."""
    logits, gradient = logits_of(4), Stream(4, "slope", range(4)).at().normal(40).reshape(4, 5, 8)
    sample = two_of(logits, Stream(5, "noise", range(4)).at(), temperature)
    noise = gumbel_like(logits, Stream(5, "noise", range(4)).at())  # the first numbers that it drew
    assert (sample.mixture.active.sum(-1) == 2).all()
    alphas = torch.tensor(logits, requires_grad=True)
    shaped = (alphas.log_softmax(-1) + torch.tensor(noise)) / temperature
    pairs = torch.tensor(np.argwhere(sample.mixture.active)[:, 2].reshape(4, 5, 2))
    q = shaped.gather(-1, pairs).softmax(-1)
    np.testing.assert_allclose(
        np.take_along_axis(sample.mixture.weights, pairs.numpy(), -1), q.detach(), atol=1e-12
    )
    (q * torch.tensor(gradient).gather(-1, pairs)).sum().backward()
    gradients = sample.vjp(Slope(np.zeros(4), gradient, False, Fidelity("x", 1), MEAN))
    np.testing.assert_allclose(gradients, np.asarray(alphas.grad), rtol=1e-9, atol=1e-12)


class Quiet(Draws):
    """Random numbers without Gumbel noise."""

    def gumbel(self, count):
        return np.zeros((len(self), count))


def test_tas_draws_two_without_replacement():
    count = 20_000
    logits = np.tile(logits_of(1)[:, :1], (count, 1, 1))
    stream = Stream(6, "pairs", range(count))
    sample = two_of(logits, Quiet(stream, np.arange(count)), 0.5)
    p = np.exp(logits[0, 0] / 0.5) / np.exp(logits[0, 0] / 0.5).sum() + 1e-7
    p /= p.sum()
    found = 0.0
    for i, j in itertools.combinations(range(8), 2):
        chance = p[i] * p[j] * (1 / (1 - p[i]) + 1 / (1 - p[j]))
        share = sample.mixture.active[:, 0, [i, j]].all(axis=1).mean()
        assert abs(share - chance) < 5 * np.sqrt(chance * (1 - chance) / count) + 1e-9
        found += share
    assert found == pytest.approx(1)


# --- warm-up ---------------------------------------------------------------------------------------


class Learner:
    """Shared weights that only listen."""

    abilities = frozenset({"weights", "slope", "evaluate"})

    def begin_step(self, *, learns=True):
        self.learned = np.zeros((0, 5, 8))

    def learn(self, mixture, *, need_slope=False, replica=None):
        self.learned = mixture.active


@pytest.mark.parametrize("name", NAMES)
def test_warm_up_trains_the_widest_ever_less_often(name):
    count = 4000
    searcher, listener = begun(name, count, warmup=0.5, epochs=10), Learner()
    before = searcher.state.logits.copy()
    for epoch in range(5):
        searcher.step(listener, Live(np.arange(count), np.zeros(count), epoch, 10))
        assert (listener.learned.sum(-1) == 1).all()
        share = listener.learned.mean(axis=(0, 1))
        uniform = epoch / 10 / 0.5 / 8
        wanted = np.full(8, uniform) + np.eye(8)[7] * (1 - 8 * uniform)
        np.testing.assert_allclose(share, wanted, atol=5 * np.sqrt(0.25 / (5 * count)))
    assert np.array_equal(searcher.state.logits, before)
    assert (searcher.state.steps == 0).all()
    assert searcher.warmed_up(Live(np.arange(count), np.zeros(count), 5, 10)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_warm_up_waits_on_a_table(name):
    table = synthetic_table(SIZE)
    changes = {"warmup": 0.5, "epochs": 8, "learning_rate": 0.1}
    result = search.run(search.make(name, changes), table, Budget(evaluations=50), seed=1, replicas=2)
    assert result.finished
    still = result.incumbent_flat[:, :4]
    assert (still == still[:, :1]).all()


def test_settings_out_of_range():
    with pytest.raises(BadSetting, match="warmup"):
        search.make("tas", {"warmup": 1.0})
    with pytest.raises(BadSetting, match="epochs"):
        search.make("mask-rl", {"epochs": 0})
    with pytest.raises(BadSetting, match="tau_min"):
        search.make("mask-gumbel", {"tau_min": 0.0})
    with pytest.raises(LacksCapability, match="widest"):
        search.make("tas", {"warmup": 0.2}).begin(TOPOLOGY, (), 0, range(1))


def test_published_values():
    tas = search.make("tas", preset="live").settings()
    gdas = search.make("gdas", preset="live").settings()
    assert tas | {"scalars": True} == gdas | {"epochs": 100, "warmup": 0.0}
    assert search.make("mask-gumbel", preset="live").settings() == tas
    assert search.make("mask-rl", preset="live").settings() == {
        "learning_rate": 3e-4,
        "momentum": 0.95,
        "warmup": 0.0,
        "epochs": 100,
        "betas": (0.5, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
    }


# --- masking + sampling ----------------------------------------------------------------------------


def test_mask_rl_updates_as_written_plainly():
    """−(reward − moving average) · Σ log-probabilities, the average updated first, then torch's Adam with decay."""
    searcher = begun("mask-rl", 2, learning_rate=0.02, weight_decay=1e-2)
    alphas = [torch.tensor(searcher.state.logits[row], requires_grad=True) for row in range(2)]
    adams = [torch.optim.Adam([a], 0.02, betas=(0.5, 0.999), eps=1e-8, weight_decay=1e-2) for a in alphas]
    rewards = np.array([[10.0, 40.0], [35.0, 20.0], [30.0, 90.0], [55.0, 1.0]])
    top, bottom = np.zeros(2), np.zeros(2)
    for step, reward in enumerate(rewards):
        codes, flat = random_codes(SIZE, 2, step), np.zeros(2)
        told = Evaluations(np.arange(2), codes, reward, flat, flat, flat, flat == 0, Fidelity("batch", 1))
        searcher.tell(told, Live(np.arange(2), flat, 0, 1))
        top, bottom = 0.95 * top + 0.05 * reward, 0.95 * bottom + 0.05
        advantage = reward - top / bottom
        for row, (a, adam) in enumerate(zip(alphas, adams, strict=True)):
            log_p = a.log_softmax(-1)[torch.arange(5), torch.tensor(codes[row]).long()].sum()
            adam.zero_grad()
            (-advantage[row] * log_p).backward()
            adam.step()
            np.testing.assert_allclose(searcher.state.logits[row], a.detach(), rtol=1e-9, atol=1e-12)
    assert searcher.incumbent().tolist() == searcher.state.logits.argmax(-1).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_on_a_table_they_find_good_sizes(name):
    """With the table's settings and 400 steps, the median of 6 runs is among the best hundred of 32,768."""
    table = synthetic_table(SIZE)
    result = search.run(search.make(name), table, Budget(epochs=400), seed=1, replicas=6)
    assert result.oracle == (name != "mask-rl")
    ranks = [
        (table.final.mean_flat > accuracy).sum() for accuracy in table.final.mean_flat[result.found_flat]
    ]
    assert np.median(ranks) < 100
