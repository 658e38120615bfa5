"""The size space's supernet: the three published estimators against recorded numbers, and its manners."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasreplay.errors import BadSetting
from nasreplay.models.module_cost import parameters
from nasreplay.models.nb201.size_supernet import ROWS, WidthSupernet, averaging
from tests.support.formula import fill, golden, images, near, symmetric, uniform

RECORDS = golden("supernet_modes")["size"]
X, Y = images((4, 3, 16, 16)), torch.arange(4)


def architecture():
    return (0.5 * symmetric((5, 8), 50)).requires_grad_()


def noise(draw):
    return torch.from_numpy(-np.log(-np.log(uniform(8, 70 + draw))))


def check(net, weights, active, alphas, record):
    logits = net(X, weights, active)
    loss = F.cross_entropy(logits, Y)
    loss.backward()
    near(logits, record["logits"])
    near(loss, record["loss"])
    near(sum((p.grad**2).sum() for p in net.parameters() if p.grad is not None), record["weight_grad_sq_sum"])
    near(alphas.grad, record["alpha_grads"][0])


def test_masking_with_gumbel_softmax():
    alphas = architecture()
    weights = torch.stack([((alphas[r] + noise(d)) / 5).softmax(0) for d, r in enumerate(ROWS)])
    active = torch.ones(6, 8, dtype=torch.bool)
    check(fill(WidthSupernet(10)).train(), weights, active, alphas, RECORDS["mask_gumbel_tau5"])


def test_channel_wise_interpolation():
    alphas, record = architecture(), RECORDS["tas_tau5"]
    weights, active = torch.zeros(6, 8, dtype=torch.float64), torch.zeros(6, 8, dtype=torch.bool)
    for draw, (row, pair) in enumerate(zip(ROWS, record["pairs"], strict=True)):
        shaped = (alphas[row].log_softmax(0) + noise(draw)) / 5
        weights[draw, pair] = shaped[pair].softmax(0)
        active[draw, pair] = True
    check(fill(WidthSupernet(10, resize=True)).train(), weights, active, alphas, record)


def test_masking_with_sampled_widths():
    record = RECORDS["mask_rl"]
    one_hot = F.one_hot(torch.tensor(record["actions"]), 8)
    with torch.no_grad():
        near(fill(WidthSupernet(10)).train()(X, one_hot.double(), one_hot.bool()), record["logits"])


def test_averaging_channels():
    near(averaging(5, 8)[:8, :5] @ torch.arange(1.0, 6).double(), RECORDS["interp_5_to_8"])
    near(averaging(8, 24)[:24, :8] @ torch.arange(8.0).double(), RECORDS["interp_8_to_24_of_arange"])
    assert torch.equal(averaging(64, 64), torch.eye(64).double())


def test_a_row_a_position_stands_for_stem_and_first_cell():
    net = fill(WidthSupernet(10)).eval()
    weights, active = torch.full((5, 8), 0.125).double(), torch.ones(5, 8, dtype=torch.bool)
    with torch.no_grad():
        near(net(X, weights, active), net(X, weights[list(ROWS)], active[list(ROWS)]), 1e-12)


@pytest.mark.parametrize("affine", [False, True])
def test_published_parameter_total(affine):
    net = WidthSupernet(10, affine=affine)
    assert parameters(net) == (
        713674 if affine else 712522
    )  # the published 712,562 count 40 of the architecture


def test_a_row_without_a_width_is_refused():
    with pytest.raises(BadSetting, match="without an active width"):
        WidthSupernet(10)(X.float(), torch.ones(5, 8), torch.zeros(5, 8, dtype=torch.bool))
