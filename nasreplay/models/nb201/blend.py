"""Skips and poolings of one node, weighted and added to its convolutions, with few passes over the images.

Skip and average pooling are linear in the image, so a whole edge is values + s·x + p·pool(x), computed in place on
one new image; the backward pass adds up one gradient of x the same way, and products for the weights' gradients are
formed only when asked for. What it saves is in the rows darts-v1 and darts-v2 of `benchmarks/supernet_step.py`.
Shapes: images [B, C, H, W]; n edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def blend(
    x: Tensor, weights: Tensor, used: Sequence[Sequence[bool]], stacks: Sequence[Tensor]
) -> Sequence[Tensor]:
    """One image an edge: Σ stacks[·, e] + weights[e, 0]·x + weights[e, 1]·average(x), for the terms that are used.

    weights: [n, 2]; used: [n][2]; stacks: each the images of all edges side by side, [B, n·C, H, W].
    """
    return cast(Sequence[Tensor], _Blend.apply(x, weights, used, *stacks))


def average(x: Tensor) -> Tensor:
    """3 × 3 average at stride 1 that doesn't count the padding: [B, C, H, W] → the same shape."""
    return cast(Tensor, _Average.apply(x)) if _fast(x) else _averaged(x)


def nudged(x: Tensor, zero: Tensor) -> Tensor:
    """x + zero for a scalar whose value is zero: costs nothing, and zero's gradient is the sum of x's."""
    return cast(Tensor, _Nudge.apply(x, zero))


_literal = ContextVar("literal", default=False)


@contextmanager
def literal_pooling() -> Iterator[None]:
    """A context in which pooling is not done by a convolution, so that convolutions can be counted."""
    token = _literal.set(True)
    try:
        yield
    finally:
        _literal.reset(token)


def _fast(x: Tensor) -> bool:
    # PyTorch's own pooling takes up to four times as long as a depthwise convolution on processors
    # (benchmarks/supernet_step.py, rows darts-v1 and darts-v2)
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16) and not _literal.get()


@cache
def _counts(height: int, width: int) -> Tensor:
    """1 / number of pixels under the window, float32 [1, 1, H, W]."""
    ones = torch.ones(1, 1, height, width)
    return 1 / F.conv2d(ones, torch.ones(1, 1, 3, 3), padding=1)


def _box(x: Tensor) -> Tensor:
    """Sum over 3 × 3 windows, in float32."""
    window = torch.ones(x.shape[1], 1, 3, 3).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", enabled=False):
        return F.conv2d(x.float(), window, padding=1, groups=x.shape[1])


def _averaged(x: Tensor) -> Tensor:
    if _fast(x):
        return _box(x).mul_(_counts(*x.shape[2:])).to(x.dtype)
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _average_back(gradient: Tensor) -> Tensor:
    """The transpose of the average."""
    if _fast(gradient):
        return _box(gradient * _counts(*gradient.shape[2:])).to(gradient.dtype)
    return torch.ops.aten.avg_pool2d_backward(gradient, gradient, [3, 3], [1, 1], [1, 1], False, False, None)


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _averaged(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _average_back(gradient)


class _Sum:
    """A weighted sum of images that is built in place."""

    def __init__(self):
        self.total: Tensor | None = None
        self.own = False  # whether total is a new image that may be written to

    def add(self, image: Tensor, factor: float = 1.0) -> None:
        if self.total is None:
            self.total, self.own = (image, False) if factor == 1 else (image * factor, True)
        elif self.own:
            self.total.add_(image, alpha=factor)
        else:
            self.total, self.own = torch.add(self.total, image, alpha=factor), True

    def image(self) -> Tensor:
        assert self.total is not None
        return self.total if self.own else self.total.clone()


class _Blend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, used: Any, *stacks: Tensor) -> Any:
        ctx.used, ctx.stacks, ctx.factors = used, len(stacks), weights.tolist()
        pooled = _averaged(x) if any(pool for _, pool in used) else None
        ctx.save_for_backward(weights, *((x, pooled) if weights.requires_grad else ()))
        total = _Sum()
        for stack in stacks:
            total.add(stack)
        parts = total.total.chunk(len(used), dim=1) if total.total is not None else ()
        images = []
        for place, ((skip, pool), (straight, spread)) in enumerate(zip(used, ctx.factors, strict=True)):
            edge = _Sum()
            if skip:
                edge.add(x, straight)
            if pool and pooled is not None:
                edge.add(pooled, spread)
            if stacks:  # last: a slice of a stack is slow to walk over, once is enough
                edge.add(parts[place])
            images.append(edge.image())
        return tuple(images)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        weights, *sources = ctx.saved_tensors
        straight, spread = _Sum(), _Sum()
        for g, (skip, pool), factors in zip(gradients, ctx.used, ctx.factors, strict=True):
            if skip:
                straight.add(g, factors[0])
            if pool:
                spread.add(g, factors[1])
        if spread.total is not None:
            straight.add(_average_back(spread.total))
        slopes = None
        if ctx.needs_input_grad[1]:
            slopes = weights.new_zeros(weights.shape)
            for row, g, chosen in zip(slopes, gradients, ctx.used, strict=True):
                for column, (source, wanted) in enumerate(zip(sources, chosen, strict=True)):
                    if wanted:
                        row[column] = _product(g, source)
        back = [torch.cat(gradients, dim=1)] * ctx.stacks if ctx.stacks else []
        return straight.image(), slopes, None, *back


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Sum of all entries of a·b, in float32 at least."""
    return (a * b).sum(dtype=torch.promote_types(a.dtype, torch.float32))


class _Nudge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, zero: Tensor) -> Tensor:
        ctx.dtype = zero.dtype
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient, gradient.sum(dtype=ctx.dtype)
