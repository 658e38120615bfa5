"""Depthwise convolutions with a backward pass that is fast on processors.

Where they are dilated or strided, PyTorch's own gradients take up to thirty times as long as the forward pass. Here
the gradient of the input is a convolution with the kernel turned round, and that of the kernel one matrix product for
each of its rows, whose diagonals are added up. What it saves is in the row darts-v1 of `benchmarks/nasnet_step.py`.
Shapes: images [B, C, H, W]; kernels [C, 1, K, K].
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Depthwise(nn.Conv2d):
    """A depthwise convolution with "same" padding and no bias; the values of `torch.nn.Conv2d`, faster gradients."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1):
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, ⌈H/stride⌉, ⌈W/stride⌉]."""
        if self.dilation[0] * self.stride[0] > 1 and _slow(input):
            return cast(Tensor, _Depthwise.apply(input, self.weight, self.stride[0], self.dilation[0]))
        return super().forward(input)


def _slow(x: Tensor) -> bool:
    """Whether PyTorch's gradients would be the slow ones."""
    if x.device.type != "cpu" or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")


def _convolved(x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    padding = dilation * (kernel.shape[-1] // 2)
    return F.conv2d(x, kernel, None, stride, padding, dilation, groups=len(kernel))


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
        ctx.save_for_backward(x, kernel)
        ctx.steps = stride, dilation
        return _convolved(x, kernel, stride, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x, kernel), steps = ctx.saved_tensors, ctx.steps
        wanted = ctx.needs_input_grad
        return (
            _of_input(gradient, x, kernel, *steps) if wanted[0] else None,
            _of_kernel(gradient, x, kernel.shape[-1], *steps) if wanted[1] else None,
            None,
            None,
        )


def _of_input(gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    if stride > 1:
        spread = torch.zeros_like(x)
        spread[:, :, ::stride, ::stride] = gradient
        gradient = spread
    return _convolved(gradient, kernel.flip(2, 3), 1, dilation)


def _of_kernel(gradient: Tensor, x: Tensor, size: int, stride: int, dilation: int) -> Tensor:
    """Entry (r, s) of a channel is the sum of gradient[h, w] · x[h·stride + r·dilation, w·stride + s·dilation]."""
    batch, channels, height, width = gradient.shape
    pad = dilation * (size // 2)
    # rows outermost, so that the rows that one kernel row meets lie together
    padded = F.pad(x.permute(1, 2, 0, 3), (pad, pad, 0, 0, pad, pad)).contiguous()
    columns = padded.shape[-1]
    rows = gradient.permute(1, 2, 0, 3).reshape(channels, height * batch, width)
    meetings = []
    for row in range(size):
        first = row * dilation
        met = padded[:, first : first + stride * (height - 1) + 1 : stride]
        meetings.append(torch.bmm(met.reshape(channels, -1, columns).transpose(1, 2), rows))
    products = torch.stack(meetings, dim=1)  # [C, K, columns of x, columns of the gradient]
    outer = products.stride()[:2]
    diagonals = products.as_strided(
        (channels, size, size, width), (*outer, dilation * width, stride * width + 1)
    )
    return diagonals.sum(dim=-1)[:, None]
