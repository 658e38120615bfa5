"""Drop path: parts of a network are left out for single samples of a batch in training.

Larsson et al., FractalNet, ICLR 2017, in the form that the NASNet releases share: one draw per sample, the kept ones
scaled up. Shapes: images [B, C, H, W].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def drop_path(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Zeros for each sample with probability `rate`, else the sample over 1 − rate; at rate 0 nothing is drawn."""
    if not rate:
        return x
    keep = 1 - rate
    draws = torch.rand(x.shape[0], 1, 1, 1, generator=generator, device=x.device)
    return x * ((draws < keep).to(x.dtype) / keep)


class DropPath(nn.Module):
    """A network whose parts are dropped in training."""

    def __init__(self):
        super().__init__()
        self.drop_path = 0.0
        """Probability with which a part's output is dropped for a sample; set it before each epoch."""
        self.generator: torch.Generator | None = None
        """Source of the draws; None is PyTorch's global generator."""
        self.checkpoint_cells = False
        """Whether cells are recomputed in the backward pass (`recompute`)."""

    def dropped(self, x: Tensor) -> Tensor:
        """The images after drop path; in evaluation they stay the same."""
        return drop_path(x, self.drop_path if self.training else 0.0, self.generator)
