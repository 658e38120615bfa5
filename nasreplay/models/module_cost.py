"""Size and work of any module: parameters, and multiply-accumulates counted by running it once.

The closed forms for whole spaces are `Space.parameters` and `Space.flops`; tests hold the two together. The
published FLOPs are multiply-accumulates plus the additions of biases, which this count leaves out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nasreplay.models.nb201.blend import literal_pooling


def parameters(net: nn.Module) -> int:
    """Trainable numbers."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def multiply_adds(net: nn.Module, *inputs: Any) -> int:
    """Multiply-accumulates of convolutions and linear maps in one evaluation pass over these inputs."""
    training = net.training
    net.eval()
    with torch.no_grad(), literal_pooling(), FlopCounterMode(display=False) as counter:
        net(*inputs)
    net.train(training)
    return counter.get_total_flops() // 2
