"""What an operation takes, as SNAS counts it: size, multiply-adds and memory traffic in closed form.

Size is the weights of convolutions, batch norms never. Multiply-adds are those of one image, each layer of an
operation at the operation's output side, as published; poolings have 9 for each number. Traffic is what each layer
reads and writes, and the weights. (Xie et al., SNAS, ICLR 2019, section 2.4, and the code of its release; operations
that SNAS has not are counted by the same rule.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasreplay.errors import UnknownName, shortened
from nasreplay.spaces.costs.network_plan import HIDDEN, half

RESOURCES = ("size", "multiply-adds", "traffic")
"""The three numbers, in the order of arrays [..., 3]."""


class Layer(NamedTuple):
    """One pass over a feature map."""

    weights: int
    """Weights of its convolution."""
    strides: bool = False
    """Whether it is the layer with the operation's stride."""
    channels: tuple[float, float] = (1.0, 1.0)
    """Channels that it reads and writes, as parts of the operation's."""


def resources(name: str, channels: int, stride: int, side: int) -> np.ndarray:
    """float64 [3] of an operation that keeps its channels, at side × side pixels. Raises UnknownName."""
    out = half(side) if stride == 2 else side
    layers = _layers(name, channels, stride)
    size = sum(layer.weights for layer in layers)
    traffic, here = float(size), side
    for layer in layers:
        written = out if layer.strides else here
        reads, writes = layer.channels
        traffic += channels * (reads * here**2 + writes * written**2)
        # the halves of a factorized reduction read the same map
        here = written if writes == 1 else here
    multiplies = 9 * channels if "_pool_" in name else size
    return np.array([size, multiplies * out**2, traffic])


def _layers(name: str, channels: int, stride: int) -> list[Layer]:
    kind, _, kernel = name.rpartition("_")
    square, k = channels**2, int(kernel[0]) if kernel[1:2] == "x" else 0
    separable = [Layer(k * k * channels, True), Layer(square)]
    match kind:
        case "max_pool" | "avg_pool":
            return [Layer(0, True)]
        case "sep_conv":
            return [*separable, Layer(k * k * channels), Layer(square)]
        case "dil_conv":
            return separable
        case "nor_conv":
            return [Layer(k * k * square, True)]
        case "conv_3x1" | "conv_7x1":
            return [Layer(int(kind[-3]) * square), Layer(int(kind[-3]) * square, True)]
        case "shuffle_conv":
            return [Layer(square), Layer(9 * channels, True), Layer(square)]
    match name:
        case "none":
            return []
        case "skip_connect" if stride == 2:
            return 2 * [Layer(square // 2, True, (1.0, 0.5))]
        case "skip_connect":
            return [Layer(0)]
        case "cweight_com":
            gate = [Layer(2 * channels * max(1, channels // HIDDEN))]
            return [*gate, Layer(9 * channels, True)] if stride == 2 else gate
    raise UnknownName(f"no resources are known of the operation {shortened(name)}")
