"""bf16 autocast stays close to float32, with and without bf16 units."""

import pytest
import torch
from formula import fill, images
from torch.nn import functional as F

from nasreplay.models import Supernet, convolution

ALL = torch.ones(6, 5, dtype=torch.bool)


@pytest.mark.parametrize("units", [False, True])
def test_bf16_is_close_to_float32(monkeypatch, units):
    monkeypatch.setattr(convolution, "bf16_units", lambda: units)
    x, labels = images((8, 3, 8, 8)).float(), torch.arange(8)
    values, slopes = [], []
    for half in (False, True):
        net = fill(Supernet(10, 4, 1)).float().train()
        weights = torch.full((6, 5), 0.2, requires_grad=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = net(x, weights, ALL)
        loss = F.cross_entropy(logits.float(), labels)
        values.append(loss.item())
        slopes.append(torch.autograd.grad(loss, weights)[0].flatten())
    assert values[1] == pytest.approx(values[0], rel=0.02)
    assert F.cosine_similarity(*slopes, dim=0) > 0.95


def test_a_convolution_without_units_rounds_as_one_with_them(monkeypatch):
    x, weight = images((2, 8, 6, 6)).float().requires_grad_(), images((16, 8, 3, 3)).float().requires_grad_()
    results = []
    for units in (False, True):
        monkeypatch.setattr(convolution, "bf16_units", lambda units=units: units)
        with torch.autocast("cpu", torch.bfloat16):
            y = convolution.conv2d(x, weight, padding=1)
        assert y.dtype == torch.bfloat16
        results.append((y, *torch.autograd.grad(y.float().square().sum(), (x, weight))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(
            ours.float(), theirs.float(), rtol=0.02, atol=0.05 * theirs.abs().max().item()
        )
