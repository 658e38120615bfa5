"""Convolutions that keep bf16 autocast fast on processors without bf16 instructions.

There, a bf16 convolution is ten to forty times slower than a float32 one (measured on AVX2). So it is computed in
float32 from the bf16-rounded input and kernel, and its result rounded: what bf16 units with float32 accumulators
do. What is kept for the backward pass is bf16.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F

HALF = torch.bfloat16


@cache
def bf16_units() -> bool:
    """Whether this processor's bf16 convolutions are worth calling; True where PyTorch cannot say."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except AttributeError:
        return True


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0
) -> Tensor:
    """`torch.nn.functional.conv2d` [B, C, H, W] → [B, C', H', W'], for square strides and zero padding."""
    if (
        x.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == HALF
        and not bf16_units()
    ):
        return _rounded(x.to(HALF), weight.to(HALF), bias, stride, padding)
    return F.conv2d(x, weight, bias, stride, padding)


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d` by our `conv2d`; no groups, no dilation."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C', H', W']."""
        return conv2d(input, self.weight, self.bias, self.stride, self.padding)


def _rounded(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any) -> Tensor:
    full = x.float()
    place, kept = full.data_ptr(), x.detach()

    def pack(saved: Tensor) -> Tensor:
        return kept if saved.data_ptr() == place else saved.to(HALF)

    with torch.autocast("cpu", enabled=False), saved_tensors_hooks(pack, Tensor.float):
        return F.conv2d(full, weight.float(), bias, stride, padding).to(HALF)
