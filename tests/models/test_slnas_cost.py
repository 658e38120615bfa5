"""The closed forms of SLNAS's costs are those of built networks."""

import pytest
import torch

from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.slnas.slnas_networks import SLNASNet
from nasreplay.seeds import Stream
from nasreplay.spaces import SLNAS
from nasreplay.spaces.costs.slnas_cost import totals
from nasreplay.spaces.costs.slnas_plan import SLNASPlan


@pytest.mark.parametrize(
    ("channels", "blocks", "stem", "side"),
    [
        (8, (1, 2), "cifar", 32),
        (12, (2, 0), "search", 72),
        (8, (1,), "image", 50),
        (8, (1, 1, 1), "cifar", 36),
    ],
)
def test_parameters_and_multiply_adds(channels, blocks, stem, side):
    plan = SLNASPlan(channels, blocks, 3, stem)
    codes = SLNAS.sample(Stream(1, stem, range(2)).at())
    for row, counted in zip(codes, totals(codes, plan, side), strict=True):
        net = SLNASNet(row.tolist(), plan)
        assert (parameters(net), multiply_adds(net, torch.zeros(1, 3, side, side))) == tuple(counted[:2])
