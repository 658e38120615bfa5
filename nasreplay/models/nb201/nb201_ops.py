"""The operations of NAS-Bench-201 as modules, in a registry (docs/sources/weight-sharing.md, 1).

Every operation is built from (c_in, c_out, stride, affine, track): input and output channels, the stride, and
whether its batch norms have scale and shift and keep running statistics. A convolution that a batch norm follows
has a bias exactly when the norm is not affine. Modules carry the names of the published state dicts.
Shapes: images [B, C, H, W].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.errors import UnknownName
from nasreplay.models.nb201.blend import average

EPS, MOMENTUM = 1e-5, 0.1  # of every batch norm


def batch_norm(channels: int, affine: bool = True, track: bool = True) -> nn.BatchNorm2d:
    """Batch norm with the published constants."""
    return nn.BatchNorm2d(channels, eps=EPS, momentum=MOMENTUM, affine=affine, track_running_stats=track)


class ReLUConvBN(nn.Module):
    """ReLU, convolution with "same" padding, batch norm."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride=1, affine=True, track=True):
        super().__init__()
        conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=not affine)
        self.op = nn.Sequential(nn.ReLU(), conv, batch_norm(c_out, affine, track))

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H/stride, W/stride]."""
        return self.op(x)

    @property
    def conv(self) -> nn.Conv2d:
        """The convolution."""
        return self.op[1]  # pyright: ignore[reportReturnType]

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The batch norm."""
        return self.op[2]  # pyright: ignore[reportReturnType]


class Zero(nn.Module):
    """`none`: zero times the input, so a NaN stays a NaN; zeros of other width when the widths differ."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1):
        super().__init__()
        self.c_out, self.stride, self.narrow = c_out, stride, c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """Zeros; with a change of width the stride is ignored, as published."""
        if self.narrow:
            return x[:, :, :: self.stride, :: self.stride] * 0.0
        return x.new_zeros(x.shape[0], self.c_out, *x.shape[2:])


class Shrink(nn.Module):
    """`skip_connect` at stride 2 (FactorizedReduce): two 1×1 convolutions, one of them a pixel further."""

    def __init__(self, c_in: int, c_out: int, affine=True, track=True):
        super().__init__()
        halves = (c_out // 2, c_out - c_out // 2)
        self.convs = nn.ModuleList(nn.Conv2d(c_in, half, 1, bias=not affine) for half in halves)
        self.bn = batch_norm(c_out, affine, track)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, ⌈H/2⌉, ⌈W/2⌉]."""
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        # every second pixel first: PyTorch's strided 1×1 convolution of under 8 channels corrupts memory on a CPU
        halves = [conv(image[:, :, ::2, ::2]) for conv, image in zip(self.convs, (x, shifted), strict=True)]
        return self.bn(torch.cat(halves, dim=1))


class Widen(nn.Module):
    """`skip_connect` at stride 1 between different widths: 1×1 convolution and batch norm, no ReLU."""

    def __init__(self, c_in: int, c_out: int, affine=True, track=True):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=not affine)
        self.bn = batch_norm(c_out, affine, track)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H, W]."""
        return self.bn(self.conv(x))


class Pool(nn.Module):
    """3×3 average pooling that doesn't count its padding; a ReLU-Conv1×1-BN comes first if the width changes."""

    def __init__(self, c_in: int, c_out: int, stride=1, affine=True, track=True):
        super().__init__()
        self.preprocess = ReLUConvBN(c_in, c_out, 1, 1, affine, track) if c_in != c_out else None
        self.stride = stride

    @property
    def plain(self) -> bool:
        """Whether it is nothing but `blend.average`."""
        return self.preprocess is None and self.stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H/stride, W/stride]."""
        x = x if self.preprocess is None else self.preprocess(x)
        if self.stride == 1:
            return average(x)
        return F.avg_pool2d(x, 3, self.stride, padding=1, count_include_pad=False)


class ResidualBlock(nn.Module):
    """The stride-2 block between stages: two ReLU-Conv3×3-BN beside pooling and a bare 1×1 convolution.

    Always affine with running statistics, in supernets too.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride=2)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, stride=2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H/2, W/2]."""
        return self.downsample(x) + self.conv_b(self.conv_a(x))


def _skip(c_in: int, c_out: int, stride: int, affine: bool, track: bool) -> nn.Module:
    if stride == 2:
        return Shrink(c_in, c_out, affine, track)
    return nn.Identity() if c_in == c_out else Widen(c_in, c_out, affine, track)


Builder = Callable[[int, int, int, bool, bool], nn.Module]  # c_in, c_out, stride, affine, track

REGISTRY: dict[str, Builder] = {
    "none": lambda c_in, c_out, stride, affine, track: Zero(c_in, c_out, stride),
    "skip_connect": _skip,
    "nor_conv_1x1": lambda c_in, c_out, *rest: ReLUConvBN(c_in, c_out, 1, *rest),
    "nor_conv_3x3": lambda c_in, c_out, *rest: ReLUConvBN(c_in, c_out, 3, *rest),
    "avg_pool_3x3": Pool,
}


def operation(name: str, c_in: int, c_out: int, stride=1, affine=True, track=True) -> nn.Module:
    """The operation of that name. Raises UnknownName."""
    if name not in REGISTRY:
        raise UnknownName.among(REGISTRY, "no operation", name)
    return REGISTRY[name](c_in, c_out, stride, affine, track)
