"""DSNAS: its gradient is the released one, a table's is that of the score function, and gdas_v1 beside it."""

from typing import Any

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Fidelity, Slope
from nasreplay.search.parts import samplers
from nasreplay.spaces import NASNET, TOPOLOGY
from nasreplay.testing import synthetic_table


def dsnas(space, **changes) -> Any:
    searcher = search.make("snas", {"estimator": "dsnas", "logit_std": 1.0, **changes})
    searcher.begin(space, (), 5, range(2))
    return searcher


def slope_of(gradient):
    return Slope(np.zeros(len(gradient)), gradient, False, Fidelity("made", 1), -1)


@pytest.mark.parametrize("changes", [{}, {"edge_reward_norm": "mean_0"}])
def test_on_a_table_every_edge_is_rewarded_with_the_loss(changes):
    """So that the search is that of the score function; equal rewards have no deviation to be divided by."""

    def found(**settings):
        searcher: Any = search.make("snas", settings)
        search.run(searcher, synthetic_table(), search.Budget(epochs=30), seed=2, replicas=3)
        return searcher.state.logits

    np.testing.assert_allclose(found(estimator="dsnas", **changes), found(estimator="hard"), rtol=1e-12)


class Released:
    """The gradient of one kind of cell as the released code has it, by autograd."""

    def __init__(self, norm, clip, entropy):
        self.norm, self.clip, self.entropy, self.mean, self.deviation = norm, clip, entropy, 0.0, 0.0

    def gradient(self, logits, before, chosen, slope):
        alpha = torch.tensor(logits, requires_grad=True)
        p = (torch.softmax(alpha, -1) * torch.tensor(chosen)).sum(-1)
        ratio = p / (torch.softmax(torch.tensor(before), -1) * torch.tensor(chosen)).sum(-1)
        clipped = torch.log(torch.max(ratio, ratio.clamp(1 - self.clip, 1 + self.clip)))
        loss = clipped.sum() if self.clip else torch.log(p).sum()
        floored = torch.softmax(alpha, -1).clamp(min=1e-4)
        entropy = -(floored * floored.log()).sum()
        together = self.entropy == "released"
        (pull,) = torch.autograd.grad(loss + entropy * together, alpha, retain_graph=True)
        beside = (
            torch.autograd.grad(entropy, alpha)[0] if self.entropy == "added" else torch.zeros_like(alpha)
        )
        reward = torch.tensor(slope * chosen).sum(-1)
        if self.norm != "none":
            self.mean = 0.1 * self.mean + 0.9 * reward.mean()
            self.deviation = 0.1 * self.deviation + 0.9 * reward.std()
            reward = (reward - self.mean * (self.norm == "mean_std")) / self.deviation
        return (pull * reward[:, None] + beside).numpy()


@pytest.mark.parametrize("norm", ["none", "mean_std", "mean_0"])
@pytest.mark.parametrize(("clip", "entropy"), [(0.0, "none"), (0.2, "added"), (0.2, "released")])
def test_the_gradient_is_the_released_one(norm, clip, entropy):
    """Three steps of two replicas; normal and reduction cell are normalized apart."""
    searcher = dsnas(
        NASNET,
        edge_reward_norm=norm,
        proximal=clip,
        entropy_loss=entropy,
        learning_rate=0.5,
        gradient_clip=0.0,
        weight_decay=0.0,
    )
    released = [[Released(norm, clip, entropy) for _ in range(2)] for _ in range(2)]
    rows, noise = np.arange(2), np.random.default_rng(4)
    before = searcher.state.logits.copy()
    for _ in range(3):
        logits = searcher.state.logits.copy()
        sample, slope = searcher.sample(rows, 1.0), noise.normal(size=logits.shape)
        assert (sample.mixture.active.sum(axis=-1) == 1).all()  # nothing else is computed
        kept = {}
        vjp = sample.vjp
        sample = sample._replace(vjp=lambda slope, vjp=vjp, kept=kept: kept.setdefault("it", vjp(slope)))
        searcher.descend(rows, sample, slope_of(slope))
        for row in rows:
            halves = zip(
                *(np.split(each[row], 2) for each in (logits, before, sample.mixture.weights, slope)),
                strict=True,
            )
            wanted = [one.gradient(*half) for one, half in zip(released[row], halves, strict=True)]
            np.testing.assert_allclose(kept["it"][row], np.concatenate(wanted), rtol=1e-9, atol=1e-12)
        before = logits
    facts = searcher.step_facts()
    assert [*facts][::14] == ["reward_normal_edge_0", "reward_reduce_edge_0"]
    assert len(facts) == 28


def test_settings_of_dsnas_are_refused_elsewhere():
    with pytest.raises(BadSetting, match=r"are of snas.estimator=dsnas: leave them out with concrete"):
        search.make("snas", {"proximal": 0.2})
    with pytest.raises(BadSetting, match="edge_reward_norm is 'std': one of none, mean_std, mean_0"):
        search.make("snas", {"estimator": "dsnas", "edge_reward_norm": "std"})


@pytest.mark.parametrize("scalars", [True, False])
def test_gdas_v1_gives_no_gradient_to_what_was_not_drawn(scalars):
    searcher: Any = search.make("gdas", {"scalars": scalars, "logit_std": 1.0})
    searcher.begin(TOPOLOGY, (), 1, range(2))
    sample = searcher.sample(np.arange(2), 2.0)
    gradient = np.random.default_rng(1).normal(size=(2, 6, 5))
    kept = gradient if scalars else gradient * sample.mixture.weights
    searcher.begin(TOPOLOGY, (), 1, range(2))
    whole = samplers.straight_through(searcher.state.logits, searcher.draws(np.arange(2)), 2.0)
    np.testing.assert_allclose(sample.vjp(slope_of(gradient)), whole.vjp(slope_of(kept)), rtol=1e-12)
