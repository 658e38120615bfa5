"""The operations of SLNAS: ShuffleNet-V2 units with Mish and blurred downsampling, pools, 1×1 convolutions.

Units: Ma et al., ShuffleNet V2, ECCV 2018. Mish: Misra, BMVC 2020. Blur: Zhang, Making Convolutional Networks
Shift-Invariant Again, ICML 2019. Put together as in github.com/Yee-Master/SLNAS. No convolution has a bias, every
batch norm has scale and shift. Shapes: images [B, C, H, W].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHUFFLES = {"shuffle_3x3": 3, "shuffle_5x5": 5}
"""Kernels of the operations that are ShuffleNet units."""


class Norms(NamedTuple):
    """Which batch norms keep running statistics; the others use those of each batch, in evaluation too."""

    inside: bool = True
    """Batch norms inside ShuffleNet units."""
    outside: bool = True
    """All others."""


BOOKKEEPING = {"batch": Norms(False, False), "tracked": Norms(), "legacy": Norms(True, False)}
"""Batch norms of a search; `legacy` is the release's mixture."""


def norm(channels: int, track: bool) -> nn.BatchNorm2d:
    """A batch norm with scale and shift."""
    return nn.BatchNorm2d(channels, track_running_stats=track)


def conv(before: int, after: int) -> nn.Conv2d:
    """A 1×1 convolution."""
    return nn.Conv2d(before, after, 1, bias=False)


class Blur(nn.Module):
    """Anti-aliased downsampling: reflected borders, then the outer product of (1, 2, 1)/4 with itself, stride 2."""

    def __init__(self, channels: int):
        super().__init__()
        row = torch.tensor([1, 2, 1])  # whole numbers: a mean over micro-batches must not round it
        self.register_buffer("kernel", (row[:, None] * row).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, ⌈H/2⌉, ⌈W/2⌉], for at least two pixels a side."""
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.kernel.to(x.dtype) / 16, stride=2, groups=x.shape[1])  # pyright: ignore


class Shuffle(nn.Module):
    """A ShuffleNet unit of stride 1, C → C: one half of the channels stays, the other is worked on."""

    def __init__(self, channels: int, kernel: int, track: bool):
        super().__init__()
        half = channels // 2
        self.work = nn.Sequential(*_narrow(half, half, track), *_depthwise(half, kernel, track, False))
        self.work.extend(_narrow(half, half, track))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → the same shape."""
        stays, other = x.chunk(2, dim=1)
        return _shuffled(stays, self.work(other))


class ShuffleDown(nn.Module):
    """A ShuffleNet unit of stride 2, C → 2C: both branches see all channels."""

    def __init__(self, channels: int, kernel: int, track: bool):
        super().__init__()
        pointwise = _narrow(channels, channels, track)
        self.first = nn.Sequential(*_depthwise(channels, kernel, track, True), *pointwise)
        self.second = nn.Sequential(
            *_narrow(channels, channels, track), *_depthwise(channels, kernel, track, True)
        )
        self.second.extend(_narrow(channels, channels, track))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, 2C, ⌈H/2⌉, ⌈W/2⌉], for at least two pixels a side."""
        return _shuffled(self.first(x), self.second(x))


def _narrow(before: int, after: int, track: bool) -> list[nn.Module]:
    return [conv(before, after), norm(after, track), nn.Mish()]


def _depthwise(channels: int, kernel: int, track: bool, down: bool) -> list[nn.Module]:
    layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
    return [layer, *([Blur(channels)] if down else []), norm(channels, track)]


def _shuffled(one: Tensor, other: Tensor) -> Tensor:
    """Both halves of the channels in turns: a channel shuffle with two groups."""
    return F.channel_shuffle(torch.cat((one, other), dim=1), 2)  # which keeps the memory format


def operation(name: str, channels: int, reduces: bool, norms: Norms) -> nn.Module:
    """An operation by its name: C → C of stride 1, or C → 2C of stride 2 where it reduces (conv_1x1: of stride 1)."""
    after, stride = (2 * channels, 2) if reduces else (channels, 1)
    if name in SHUFFLES:
        kind = ShuffleDown if reduces else Shuffle
        return kind(channels, SHUFFLES[name], norms.inside)
    last = norm(after, norms.outside)
    if name == "conv_1x1":
        return nn.Sequential(conv(channels, after), last)
    if name == "max_pool_3x3":
        return nn.Sequential(conv(channels, after), nn.MaxPool2d(3, stride, 1), last)
    # an average and a 1×1 convolution commute: it comes where there are fewer pixels and channels
    return nn.Sequential(nn.AvgPool2d(3, stride, 1), conv(channels, after), last)


class SqueezeExcite(nn.Module):
    """Each channel times a number in (0, 1) that the means of all channels decide (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 16, bias=False)
        self.excite = nn.Linear(channels // 16, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → the same shape."""
        scales = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * scales[:, :, None, None]


def size_of(x: Tensor) -> tuple[int, int]:
    """Height and width of images."""
    return x.shape[2], x.shape[3]


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The images at another size, bilinear without aligned corners; the same where it is theirs."""
    height, width = size
    if x.shape[2:] == (height, width):
        return x
    if x.shape[2:] == (2 * height, 2 * width):
        return F.avg_pool2d(x, 2)  # which that is
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def added(terms: list[Tensor]) -> Tensor:
    """The sum of images [B, C, H, W], the smaller ones enlarged to the largest."""
    size = max(map(size_of, terms), key=lambda each: each[0] * each[1])
    total, *rest = (resized(term, size) for term in terms)
    for term in rest:
        total = total + term
    return total
