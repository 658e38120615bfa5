"""bf16 autocast stays close to float32; processors that would only lose by it compute in float32."""

import pytest
import torch
from torch.nn import functional as F

from nasreplay.models.nb201.topology_supernet import Supernet
from nasreplay.train.device import Device
from tests.support.formula import fill, images

ALL = torch.ones(6, 5, dtype=torch.bool)


def test_bf16_is_close_to_float32():
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


@pytest.mark.parametrize("instructions", [False, True])
def test_a_processor_without_bf16_instructions_computes_in_float32(monkeypatch, instructions):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: instructions)
    device = Device(precision="bf16")
    with device.autocast():
        assert torch.is_autocast_enabled("cpu") == instructions
    assert device.words == ("bf16" if instructions else device.words)
    assert ("no bf16 instructions" in device.words) != instructions
