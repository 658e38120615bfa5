"""Cells that are computed again in the backward pass: the same bits, less kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from nasreplay.errors import BadSetting
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nb201.size_supernet import WidthSupernet
from nasreplay.models.shared_networks import (
    CellNetwork,
    DARTSNetwork,
    GDASFRCNetwork,
    GDASNetwork,
    SharedNetwork,
)
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.testing import random_codes, random_mixture, vertex_mixture
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import load

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"channels": 4, "cells": 1}


def passed(network: Any, run: Callable[[Any], Any], again: bool) -> tuple[list[Any], int]:
    """Outputs, gradients, statistics and state of the noise after two passes; bytes kept for the backward pass."""
    network.checkpoint_cells = again
    network.generator = torch.Generator().manual_seed(3)
    kept: dict[int, int] = {}

    def keep(values: torch.Tensor) -> torch.Tensor:
        kept[values.untyped_storage().data_ptr()] = values.untyped_storage().nbytes()
        return values

    found: list[Any] = []
    for _ in range(2):
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
            outputs, given = run(network)
        wanted = [p for p in [*network.parameters(), *given] if p.requires_grad]
        loss = sum(
            (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum() for output in outputs
        )
        assert isinstance(loss, torch.Tensor)
        found += [*outputs, *torch.autograd.grad(loss, wanted, allow_unused=True)]
    return [*found, *network.buffers(), network.generator.get_state()], sum(kept.values())


def mixed(mixture: Mixture) -> Callable[[Any], Any]:
    def run(network: Any) -> Any:
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        weights = torch.tensor(mixture.weights[0], dtype=torch.float32).requires_grad_()
        return (network(images, weights, torch.as_tensor(mixture.active[0])),), (weights,)

    return run


def genotype_pass(network: Any) -> Any:
    return network(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))), ()


def shared(kind: type[SharedNetwork], one_hot: bool, **network: Any) -> tuple[Callable[[], Any], Any]:
    made = kind(**SMALL, **network)
    mixture = random_mixture(made.space, 1)
    if one_hot:
        mixture = vertex_mixture(made.space, random_codes(made.space, 1))

    def build() -> Any:
        net = made.build(10)
        net.drop_path = 0.3  # pyright: ignore[reportArgumentType]
        return net

    return build, mixed(mixture)


def of_genotype() -> tuple[Callable[[], Any], Any]:
    def build() -> Any:
        network: Any = NASNet(entry("GDAS_F1").genotype, Plan(8, 5, 10, auxiliary=True))
        network.drop_path = 0.3
        return network

    return build, genotype_pass


CASES = {
    "darts": shared(GDASNetwork, False),
    "gdas": shared(GDASNetwork, True),
    "fixed reduction": shared(GDASFRCNetwork, False, affine=1),
    "2018": shared(DARTSNetwork, False, bn=0),
    "topology": shared(CellNetwork, False),
    "genotype": of_genotype(),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_with_less_memory(case):
    build, run = CASES[case]
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        found.append(passed(build(), run, again))
    (usual, much), (values, little) = found
    assert len(values) == len(usual)
    for value, wanted in zip(values, usual, strict=True):
        assert (wanted is None) if value is None else torch.equal(value, wanted)
    assert little < much / 2


@pytest.mark.parametrize("order", [1, 2])
def test_slopes_and_steps_of_a_search(order):
    found = []
    for again in (False, True):
        supernet = SupernetEvaluator(
            load("digits"),
            GDASNetwork(**SMALL, drop_path=0.2),
            fraction=0.05,
            device=Device(checkpoint_cells=again),
        )
        supernet.begin(4, range(1), Budget())
        supernet.at_epoch(0, 2)
        mixture = random_mixture(supernet.space, 1)
        slopes = []
        for _ in range(2):
            supernet.begin_step()
            slopes.append(supernet.slope(mixture, order=order))
            supernet.learn(mixture)
        found.append((slopes, supernet.net.state_dict(), supernet.noise.get_state()))
    (slopes, weights, noise), (others, again, drawn) = found
    for slope, other in zip(slopes, others, strict=True):
        assert np.array_equal(slope.loss, other.loss)
        assert np.array_equal(slope.gradient, other.gradient)
    assert all(torch.equal(values, again[name]) for name, values in weights.items())
    assert torch.equal(noise, drawn)


def test_a_network_that_cannot_is_refused():
    with pytest.raises(BadSetting, match="--checkpoint-cells does not apply"):
        Device(checkpoint_cells=True).move(WidthSupernet(10))
