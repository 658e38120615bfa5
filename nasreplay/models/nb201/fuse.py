"""All operations that leave one node, computed together.

One ReLU and one average pooling serve all edges; the convolutions of one kernel size are one convolution with
concatenated output channels; mixture weights are folded into the scale of the batch norm (and in evaluation the
batch norm into the convolution). The operations keep their own parameters: concatenating them costs nothing beside
the activations. What it saves is in the rows of `benchmarks/supernet_step.py`. Shapes: images [B, C, H, W]; n terms,
each with C' output channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.models.nb201.blend import blend
from nasreplay.models.nb201.nb201_ops import MOMENTUM, Pool, ReLUConvBN


class Term(NamedTuple):
    """One summand of a node: weight · operation(source). weight: scalar tensor; None for a plain 1."""

    edge: int
    operation: nn.Module
    weight: Tensor | None = None


def fan_out(x: Tensor, terms: Sequence[Term]) -> Iterator[tuple[int, Tensor]]:
    """The values of the terms, weights included, some of them added up: (edge, image), in no particular order."""
    kernels: dict[int, list[Term]] = {}
    linear: dict[int, list[Term | None]] = {}
    for term in terms:
        if isinstance(term.operation, ReLUConvBN):
            kernels.setdefault(term.operation.conv.kernel_size[0], []).append(term)
        elif term.weight is not None and (place := _linear(term.operation)) is not None:
            linear.setdefault(term.edge, [None, None])[place] = term
        else:
            value = term.operation(x)
            yield term.edge, value if term.weight is None else value * term.weight
    rectified = F.relu(x) if kernels else x
    matching = []
    for group in kernels.values():
        stack, edges = convolve(rectified, group), [term.edge for term in group]
        if edges == list(linear):
            matching.append(stack)
        else:
            yield from zip(edges, stack.chunk(len(group), dim=1), strict=True)
    yield from _blended(x, linear, matching)


def _linear(operation: nn.Module) -> int | None:
    """0 for a skip, 1 for a pooling, None for what `blend` cannot do."""
    if isinstance(operation, nn.Identity):
        return 0
    return 1 if isinstance(operation, Pool) and operation.plain else None


def _blended(
    x: Tensor, linear: dict[int, list[Term | None]], stacks: list[Tensor]
) -> Iterator[tuple[int, Tensor]]:
    if linear:
        cells = [None if term is None else term.weight for pair in linear.values() for term in pair]
        zero = torch.zeros_like(next(weight for weight in cells if weight is not None))
        weights = torch.stack([zero if weight is None else weight for weight in cells]).view(-1, 2)
        used = [[term is not None for term in pair] for pair in linear.values()]
        yield from zip(linear, blend(x, weights, used, stacks), strict=True)


def convolve(x: Tensor, terms: Sequence[Term]) -> Tensor:
    """weight · batch norm(convolution(x)) of terms of one kernel size, side by side; x is rectified already."""
    layers = [cast(ReLUConvBN, term.operation) for term in terms]
    convs, norms = [layer.conv for layer in layers], [layer.norm for layer in layers]
    kernel, bias = _joined([conv.weight for conv in convs]), _perhaps([conv.bias for conv in convs])
    scale, shift = _affine(terms, norms)
    if norms[0].training or not norms[0].track_running_stats:
        y = F.conv2d(x, kernel, padding=convs[0].padding)
        # the batch mean takes a bias away again: it only moves the running mean, and its gradient is zero
        return _batch_norm(y, norms, bias, scale, shift if bias is None else bias * 0.0)
    scale, shift = _frozen(norms, bias, scale, shift)
    return F.conv2d(x, kernel * scale[:, None, None, None], shift, padding=convs[0].padding)


def _affine(terms: Sequence[Term], norms: Sequence[nn.BatchNorm2d]) -> tuple[Tensor | None, Tensor | None]:
    """Scale and shift [n·C'] of the batch norms, times the mixture weights; None for 1 and 0."""
    scale, shift = _perhaps([norm.weight for norm in norms]), _perhaps([norm.bias for norm in norms])
    given = [term.weight for term in terms if term.weight is not None]
    if not given:
        return scale, shift
    weights = torch.stack(given).repeat_interleave(norms[0].num_features)
    return (weights if scale is None else weights * scale), (None if shift is None else weights * shift)


def _batch_norm(
    y: Tensor,
    norms: Sequence[nn.BatchNorm2d],
    bias: Tensor | None,
    scale: Tensor | None,
    shift: Tensor | None,
) -> Tensor:
    """Batch norm with the statistics of the batch; keeps the running ones (those of y + bias)."""
    first = norms[0]
    if not first.track_running_stats:
        return F.batch_norm(y, None, None, scale, shift, True, 0.0, first.eps)
    with torch.no_grad():
        mean, variance = (kept.clone() for kept in _statistics(norms))
        if bias is not None:
            mean -= bias
    y = F.batch_norm(y, mean, variance, scale, shift, True, MOMENTUM, first.eps)
    with torch.no_grad():
        mean = (
            mean if bias is None else mean + bias
        )  # a new tensor: the batch norm's backward holds the old one
        for norm, new_mean, new_variance in zip(
            norms, mean.chunk(len(norms)), variance.chunk(len(norms)), strict=True
        ):
            cast(Tensor, norm.running_mean).copy_(new_mean)
            cast(Tensor, norm.running_var).copy_(new_variance)
            cast(Tensor, norm.num_batches_tracked).add_(1)
    return y


def folded(layer: ReLUConvBN) -> tuple[Tensor, Tensor]:
    """Kernel and bias of one convolution that stands for the layer's own and the running statistics after it."""
    scale, shift = _frozen([layer.norm], layer.conv.bias, layer.norm.weight, layer.norm.bias)
    return layer.conv.weight * scale[:, None, None, None], shift


def _frozen(
    norms: Sequence[nn.BatchNorm2d], bias: Tensor | None, scale: Tensor | None, shift: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Scale of the convolution's weights and shift of its output that stand for the running statistics."""
    mean, variance = _statistics(norms)
    factor = torch.rsqrt(variance + norms[0].eps)
    factor = factor if scale is None else factor * scale
    offset = -mean if bias is None else bias - mean
    return factor, offset * factor if shift is None else offset * factor + shift


def _statistics(norms: Sequence[nn.BatchNorm2d]) -> tuple[Tensor, Tensor]:
    """Running mean and variance [n·C'] of batch norms that keep them."""
    means = _joined([cast(Tensor, norm.running_mean) for norm in norms])
    return means, _joined([cast(Tensor, norm.running_var) for norm in norms])


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _perhaps(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The parameters joined; None if the operations have no such parameter."""
    here = [part for part in parts if part is not None]
    return _joined(here) if here else None
