"""REINFORCE's expected gradient by enumeration of all 15,625 outcomes."""

import numpy as np
import pytest

from nasreplay import search
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.search.parts.samplers import softmax_vjp
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.testing import random_mixture, synthetic_table

LOGITS = np.log(random_mixture(TOPOLOGY, 1).weights[0])


def expected_gradient(momentum, earlier_rewards=()):
    """Mean over every possible next sample, after the same earlier rewards."""
    size = TOPOLOGY.size
    searcher = search.Reinforce(momentum=momentum)
    searcher.begin(TOPOLOGY, (), 0, range(1))
    searcher.state.logits = np.broadcast_to(LOGITS, (size, 6, 5)).copy()
    searcher.state.average = np.zeros((size, 2))
    rows = np.arange(size)
    for reward in earlier_rewards:
        searcher.gradient(rows, TOPOLOGY.all_codes, np.full(size, reward))
    table = synthetic_table()
    table.begin(0, range(size), Budget())
    rewards = table.evaluate(TOPOLOGY.all_codes, trial="mean").accuracy
    chance = softmax(LOGITS)[np.arange(6), TOPOLOGY.all_codes].prod(axis=1)
    gradients = searcher.gradient(rows, TOPOLOGY.all_codes, rewards)
    return (chance[:, None, None] * gradients).sum(axis=0)


def exact_gradient():
    """The exact slope pushed through the softmax, in percent (the loss is an error between 0 and 1)."""
    soft = softmax(LOGITS)[None]
    slope = synthetic_table().slope(Mixture(soft, soft > 0))
    return 100 * softmax_vjp(soft, 1.0, slope.gradient)[0]


def test_without_baseline_it_is_the_exact_slope():
    np.testing.assert_allclose(expected_gradient(-1), exact_gradient(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("step", [1, 2, 5, 30])
def test_with_the_published_baseline_it_is_shrunk(step):
    factor = 1 - 0.1 / (1 - 0.9**step)
    earlier = np.linspace(40, 80, step - 1)
    np.testing.assert_allclose(expected_gradient(0.9, earlier), factor * exact_gradient(), rtol=0, atol=1e-10)
    assert step > 1 or abs(factor) < 1e-12
