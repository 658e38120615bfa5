"""One-hot cells that share what they compute: equal to a forward pass each, and which cells compute the same."""

import numpy as np
import pytest
import torch

from nasreplay.models.cell_networks import CellNetwork
from nasreplay.models.nb201.many_cells import logits_of_cells, value_of
from nasreplay.spaces import TOPOLOGY


def network(**settings):
    torch.manual_seed(1)
    net = CellNetwork(channels=3, **settings).build(10, 8).double()
    soft = torch.full((6, 5), 0.2, dtype=torch.float64)
    for seed in range(3):
        net(images(seed), soft, soft > 0)  # statistics, and weights that differ
    for values in net.parameters():
        values.data += 0.1 * torch.randn(values.shape)
    return net.eval()


def images(seed=9):
    return torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize(
    "settings", [{"cells": 1}, {"cells": 2, "affine": 1}, {"bn": 0}, {"bn": 0, "plain_head": 1}]
)
def test_logits_are_those_of_a_forward_pass_each(settings):
    net = network(**{"cells": 1, **settings})
    flat = [
        *range(7000, 7060),
        *np.random.default_rng(0).permutation(TOPOLOGY.size)[:40],
        0,
        TOPOLOGY.size - 1,
    ]
    codes = TOPOLOGY.from_flat(np.array(flat))
    one_hots = torch.as_tensor(TOPOLOGY.embed(codes))
    alone = torch.stack([net(images(), row, row > 0) for row in one_hots])
    together = torch.stack(list(logits_of_cells(net, images(), codes)))
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-11 * float(alone.abs().max()))


@torch.no_grad()
@pytest.mark.parametrize("bn", [0, 1])
def test_cells_of_one_value_compute_the_same(bn):
    codes = TOPOLOGY.all_codes[3::91]
    first = {}
    for row, logits in zip(
        codes.tolist(), logits_of_cells(network(bn=bn, cells=1), images(), codes), strict=True
    ):
        known = first.setdefault(value_of(tuple(row)), logits)
        np.testing.assert_allclose(logits, known, rtol=1e-8, atol=1e-8)
    assert len(first) < len(codes)


def test_how_many_cells_differ():
    assert len({value_of(tuple(row)) for row in TOPOLOGY.all_codes.tolist()}) == 8720
