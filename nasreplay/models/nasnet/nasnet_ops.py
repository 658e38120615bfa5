"""The operations of NASNet-type networks as modules (docs/sources: weight-sharing.md 10, 11; cnas-sparse.md).

The arguments and the bias rule are those of `nb201_ops`, where those of NAS-Bench-201 are; depthwise
convolutions never have a bias. Modules carry the names of the published state dicts, where releases agree.
Shapes: images [B, C, H, W]; a stride of 2 gives ⌈H/2⌉.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.errors import UnknownName
from nasreplay.models.depthwise import Depthwise
from nasreplay.models.nb201.nb201_ops import REGISTRY, Builder, ReLUConvBN, batch_norm
from nasreplay.spaces.costs.network_plan import HIDDEN


class Chain(nn.Module):
    """Layers one after the other, under the published name `op`."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.op = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H/stride, W/stride]."""
        return self.op(x)


def separable(
    c_in: int, c_out: int, kernel: int, stride=1, dilation=1, affine=True, track=True
) -> list[nn.Module]:
    """ReLU, depthwise convolution with "same" padding, 1×1 convolution, batch norm."""
    depthwise = Depthwise(c_in, kernel, stride, dilation)
    pointwise = nn.Conv2d(c_in, c_out, 1, bias=not affine)
    return [nn.ReLU(), depthwise, pointwise, batch_norm(c_out, affine, track)]


class SepConv(Chain):
    """`sep_conv_k`: two separable convolutions, the first with the stride."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride=1, affine=True, track=True):
        norms = {"affine": affine, "track": track}
        first = separable(c_in, c_in, kernel, stride, **norms)
        super().__init__(*first, *separable(c_in, c_out, kernel, **norms))


class DilConv(Chain):
    """`dil_conv_k`: one separable convolution of dilation 2."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride=1, affine=True, track=True):
        super().__init__(*separable(c_in, c_out, kernel, stride, 2, affine, track))


def long(c_in: int, c_out: int, kernel: int, stride=1, affine=True, track=True, groups=1) -> list[nn.Module]:
    """ReLU, 1×k and k×1 convolutions with "same" padding, each striding along its length, batch norm."""
    pad, bias = kernel // 2, not affine
    across = nn.Conv2d(c_in, c_out, (1, kernel), (1, stride), (0, pad), groups=groups, bias=bias)
    down = nn.Conv2d(c_out, c_out, (kernel, 1), (stride, 1), (pad, 0), groups=groups, bias=bias)
    return [nn.ReLU(), across, down, batch_norm(c_out, affine, track)]


class LongConv(Chain):
    """`conv_kx1_1xk`: see `long`."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride=1, affine=True, track=True):
        super().__init__(*long(c_in, c_out, kernel, stride, affine, track))


class Gate(nn.Module):
    """`cweight_com` (squeeze and excitation): channels scaled by what their means say; at stride 2 a depthwise 3×3.

    The hidden layer has C // 16 channels, at least one (`network_plan.narrow_gate`).
    """

    def __init__(self, channels: int, stride=1, affine=True, track=True):
        super().__init__()
        hidden = max(1, channels // HIDDEN)
        self.squeeze, self.excite = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        down = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.down = None if stride == 1 else nn.Sequential(down, batch_norm(channels, affine, track))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, H/stride, W/stride]."""
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))
        x = x * gate[:, :, None, None]
        return x if self.down is None else self.down(x)


class ShuffleConv(nn.Module):
    """`shuffle_conv_3x3` (ShuffleNet): 1×1, channel shuffle, depthwise 3×3, 1×1, added to the input; then ReLU.

    groups: of the 1×1 convolutions; the published searches have 1, where the shuffle changes nothing.
    """

    def __init__(self, channels: int, stride=1, affine=True, track=True, groups: int = 1):
        super().__init__()
        narrow, self.groups, self.stride = channels // groups, groups, stride
        self.enter = nn.Sequential(
            nn.Conv2d(channels, narrow, 1, groups=groups, bias=False),
            batch_norm(narrow, affine, track),
            nn.ReLU(),
        )
        self.leave = nn.Sequential(
            nn.Conv2d(narrow, narrow, 3, stride, 1, groups=narrow, bias=False),
            batch_norm(narrow, affine, track),
            nn.Conv2d(narrow, channels, 1, groups=groups, bias=False),
            batch_norm(channels, affine, track),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, H/stride, W/stride]; the averages of the shortcut count the padding."""
        main = self.leave(F.channel_shuffle(self.enter(x), self.groups))
        shortcut = x if self.stride == 1 else F.avg_pool2d(x, 3, self.stride, padding=1)
        return F.relu(main + shortcut)


def _sized(name: str, make: Callable[..., nn.Module], *kernels: int) -> dict[str, Builder]:
    """Builders of one operation by kernel size, `make`'s third argument; {k} in `name` stands for it."""

    def builder(k: int) -> Builder:
        return lambda c_in, c_out, *rest: make(c_in, c_out, k, *rest)

    return {name.format(k=k): builder(k) for k in kernels}


LAYERS: dict[str, Builder] = {
    **REGISTRY,
    **_sized("max_pool_{k}x{k}", lambda c_in, c_out, k, stride, *_: nn.MaxPool2d(k, stride, k // 2), 3, 5, 7),
    **_sized("sep_conv_{k}x{k}", SepConv, 3, 5, 7),
    **_sized("dil_conv_{k}x{k}", DilConv, 3, 5),
    **_sized("conv_{k}x1_1x{k}", LongConv, 3, 7),
    **_sized("nor_conv_{k}x{k}", ReLUConvBN, 5, 7),
    "cweight_com": lambda c_in, c_out, *rest: Gate(c_in, *rest),
    "shuffle_conv_3x3": lambda c_in, c_out, *rest: ShuffleConv(c_in, *rest),
}
SHUFFLED = ("shuffle_conv_3x3",)
"""The operations whose 1 × 1 convolutions may have groups."""


def layer(
    name: str, channels: int, stride=1, affine=True, track=True, pool_norm="none", groups=1
) -> nn.Module:
    """The operation of that name, channels kept; pool_norm as in `network_plan.Dialect`. Raises UnknownName.

    groups: `network_plan.Plan.shuffle_groups`.
    """
    if name not in LAYERS:
        raise UnknownName.among(LAYERS, "no operation", name)
    grouped = (groups,) if name in SHUFFLED else ()
    built = LAYERS[name](channels, channels, stride, affine, track, *grouped)
    if "_pool_" not in name or pool_norm == "none":
        return built
    return Chain(built, batch_norm(channels, pool_norm == "affine", track))
