"""The faster gradients of depthwise convolutions are PyTorch's."""

import pytest
import torch
from torch import nn

from nasreplay.models.depthwise import Depthwise


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [8, 7, 3])
def test_values_and_gradients(side, stride, dilation, kernel, layout):
    ours = Depthwise(4, kernel, stride, dilation).double().to(memory_format=layout)
    padding = dilation * (kernel // 2)
    plain = nn.Conv2d(4, 4, kernel, stride, padding, dilation, groups=4, bias=False).double()
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, side, side, dtype=torch.float64).contiguous(memory_format=layout)
    told = []
    for net in (ours, plain):
        image = x.clone().requires_grad_()
        out = net(image)
        (out * torch.arange(out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
        told.append((out, image.grad, net.weight.grad))
    for got, wanted in zip(*told, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("frozen", ["image", "kernel"])
def test_one_of_the_gradients_may_not_be_wanted(frozen):
    net, x = Depthwise(4, 3, dilation=2), torch.randn(2, 4, 6, 6)
    if frozen == "kernel":
        net.weight.requires_grad_(False)
        x.requires_grad_()
    net(x).sum().backward()
    assert (x.grad is None) == (frozen == "image")
    assert (net.weight.grad is None) == (frozen == "kernel")


def test_half_precision_takes_the_usual_way():
    net, x = Depthwise(4, 3, dilation=2), torch.randn(2, 4, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = net(x)
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert net.weight.grad is not None


def test_bfloat16_weights_take_the_usual_way():
    net = Depthwise(4, 5, dilation=2).to(torch.bfloat16)
    net(torch.randn(2, 4, 6, 6, dtype=torch.bfloat16)).sum().backward()
    assert net.weight.grad is not None
