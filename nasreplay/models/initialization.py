"""How a network's weights begin, where a release does not leave that to PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


def initialized(network: N, init: str) -> N:
    """The network, whose weights are drawn anew from torch's generator where `init` wants it: torch or fan-out."""
    INITIALIZATIONS[init](network)
    return network


@torch.no_grad()
def _fan_out(network: nn.Module) -> None:
    """Convolutions N(0, 2/(kh·kw·C_out)), linear layers N(0, 2/fan-in), shifts 0 and scales 1, as in SNAS."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            module.weight.normal_(0, (2 / (height * width * module.out_channels)) ** 0.5)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)


INITIALIZATIONS: dict[str, Callable[[nn.Module], None]] = {
    "torch": lambda network: None,
    "fan-out": _fan_out,
}
