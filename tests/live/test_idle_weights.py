"""Weights of operations that a step does not use: they decay and move on, as published, or rest."""

from typing import Any

import numpy as np
import pytest
import torch

from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork, CNASNetwork
from nasreplay.search.parts.samplers import vertex
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.train.epochs import Batch
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import Recipe
from tests.models.test_nasnet_supernet import codes_of, published_names
from tests.support.formula import golden
from tests.support.named_fill import as_cnas, by_name

# recorded from the released CNAS network: the cells A, B, B, A by turns, `zero_grad` with and without set_to_none
RECORDED = {
    "rest": (
        [2.229364629293431, 2.622736709084435, 2.163156279087972, 1.9553234655187892],
        -59.364750877203505,
    ),
    "decay": (
        [2.229364629293431, 2.622736709084435, 2.163156279087972, 1.6444533612250196],
        -58.529972150281154,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("idle", RECORDED)
def test_steps_of_cnas_equal_the_recorded_ones(idle):
    space, recipe = NASNET_SPACES["nasnet-cnas"], Recipe("cnas", lr=0.01, decay=3e-4, batch=4, idle=idle)
    supernet = SupernetEvaluator(
        load("digits"),
        CNASNetwork(bn=1, channels=4, cells=1),
        recipe=recipe,
        fraction=0.1,
        dtype=torch.float64,
    )
    supernet.begin(0, range(1), supernet.ledger.budget)
    by_name(supernet.net, published_names(supernet.net, "1."), as_cnas)
    x = torch.sin(0.11 * torch.arange(4 * 3 * 32 * 32).double()).reshape(4, 3, 32, 32)
    supernet.drawn, supernet.images_in_batch = (Batch(x, torch.arange(4)),) * 2, 4
    convolution = space.operations.index("sep_conv_3x3")
    first = codes_of(next(case for case in golden("nasnet_supernets")["cnas"] if case["name"] == "cnas"))
    cells = {"A": first, "B": [0, convolution, 1, convolution] * 8}
    for cell in "ABBA":
        supernet.learn(vertex(space, np.array([cells[cell]], dtype=np.int8)))
    losses, total = RECORDED[idle]
    np.testing.assert_allclose(supernet.metrics["train_loss"], losses, rtol=1e-7)
    assert sum(p.sum().item() for p in supernet.weights) == pytest.approx(total, rel=1e-6)


def begun(idle: str) -> Any:
    """A small supernet before its first step."""
    supernet = SupernetEvaluator(
        load("digits"),
        CellNetwork(channels=2, cells=1),
        recipe=Recipe("small", batch=8, idle=idle),
        fraction=0.1,
    )
    supernet.begin(0, range(1), supernet.ledger.budget)
    supernet.begin_step()
    return supernet


def only(option: int) -> Mixture:
    return vertex(TOPOLOGY, np.full((1, 6), option, dtype=np.int8))


def convolutions(supernet) -> list[torch.Tensor]:
    """The 1×1 convolutions of the searched cells."""
    named = supernet.net.named_parameters()
    return [p.detach().clone() for name, p in named if ".edges." in name and p.shape[2:] == (1, 1)]


@pytest.mark.parametrize(("idle", "moves"), [("decay", True), ("rest", False)])
def test_what_a_step_leaves_out_moves_once_it_was_used(idle, moves):
    supernet = begun(idle)
    before = convolutions(supernet)
    assert before
    supernet.learn(only(3))  # 3×3
    assert all(map(torch.equal, before, convolutions(supernet)))  # never used: no decay
    supernet.learn(only(2))
    used = convolutions(supernet)
    supernet.learn(only(3))
    assert all(map(torch.equal, used, convolutions(supernet))) != moves


def test_a_slope_counts_as_use():
    supernet = begun("decay")
    before = convolutions(supernet)
    supernet.slope(only(2))
    supernet.learn(only(3))
    recipe = supernet.recipe
    kept = 1 - recipe.lr * recipe.decay * (1 + recipe.momentum)  # the first step of a gradient of zero
    for one, other in zip(before, convolutions(supernet), strict=True):
        torch.testing.assert_close(other, kept * one)
