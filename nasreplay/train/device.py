"""Where and how a network computes: device, precision, memory order, and with which other processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import nn

from nasreplay.errors import BadSetting
from nasreplay.train.distributed import ALONE, Team

PRECISIONS = ("float32", "bf16")
NO_BF16 = "float32 (bf16 asked for: this processor has no bf16 instructions)"


@dataclass(frozen=True)
class Place:
    """Where and how the numbers are computed.

    precision: float32, or bf16 (autocast; weights stay float32). A processor without bf16 instructions takes ten to
    forty times as long for a bf16 convolution, so there bf16 computes in float32; `words` says so. checkpoint_cells:
    compute the cells again in the backward pass instead of keeping their images (`models.recompute`).
    team: the processes that compute together.
    """

    device: str = "cpu"
    precision: str = "float32"
    channels_last: bool = True
    checkpoint_cells: bool = False
    team: Team = ALONE

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise BadSetting(f"precision {self.precision!r}: one of {', '.join(PRECISIONS)}")
        try:
            torch.zeros(1, device=self.device).item()  # `meta` exists, but holds no numbers
        except (RuntimeError, AssertionError):  # what torch raises for a device that is not there
            raise BadSetting(f"device {self.device!r} is not available here; cpu always is") from None

    def move(self, network: nn.Module) -> nn.Module:
        """The network on the device, in this memory order. Raises BadSetting if its cells cannot be recomputed."""
        if self.checkpoint_cells and not hasattr(network, "checkpoint_cells"):
            raise BadSetting("--checkpoint-cells does not apply: this network keeps all that it computes")
        if self.checkpoint_cells:
            network.checkpoint_cells = True  # pyright: ignore[reportArgumentType]
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return network.to(self.device).to(memory_format=order)  # pyright: ignore[reportCallIssue]

    def computing(self) -> torch.autocast:
        """The context of a forward pass."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16" and self._has_bf16)

    @property
    def words(self) -> str:
        """The precision, what it becomes here, and whether cells are recomputed."""
        known = self.precision != "bf16" or self._has_bf16
        told = self.precision if known else NO_BF16
        return told + (", cells recomputed" if self.checkpoint_cells else "")

    @property
    def _has_bf16(self) -> bool:
        if torch.device(self.device).type != "cpu":
            return True
        try:
            return torch.ops.mkldnn._is_mkldnn_bf16_supported()
        except AttributeError:  # a build that cannot say
            return True


def device_named(text: str) -> str:
    """`auto` is CUDA if there is any, else the CPU; `cuda` is the device that torchrun gives this process."""
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    local = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{local}" if text == "cuda" and local else text
