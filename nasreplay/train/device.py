"""What a network computes on: device, precision, memory format and process group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from nasreplay.errors import BadSetting, shortened
from nasreplay.train.distributed import SINGLE_PROCESS, ProcessGroup

PRECISIONS = ("float32", "bf16")
NO_BF16 = "float32 (bf16 asked for: this processor has no bf16 instructions)"


@dataclass(frozen=True)
class Device:
    """Device, precision, memory format and process group of a computation. Raises BadSetting for what is not here."""

    name: str = "cpu"
    """PyTorch's name of the device: cpu, cuda, cuda:1, …"""
    precision: str = "float32"
    """float32, or bf16 (autocast; weights stay float32). A processor without bf16 instructions takes ten to forty
    times as long for a bf16 convolution, so there bf16 computes in float32; `words` says so."""
    channels_last: bool = True
    """Memory format of images and weights: channels last, or contiguous."""
    checkpoint_cells: bool = False
    """Whether cells are computed again in the backward pass instead of keeping their activations
    (`models.recompute`)."""
    group: ProcessGroup = SINGLE_PROCESS
    """The processes that compute together."""
    why: str = ""
    """Reason for this device, in words; "" where it was named."""

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise BadSetting(f"precision {shortened(self.precision)}: one of {', '.join(PRECISIONS)}")
        try:
            torch.zeros(1, device=self.name).item()  # `meta` exists, but holds no numbers
        except (RuntimeError, AssertionError):  # what torch raises for a device that is not there
            raise BadSetting(f"device {shortened(self.name)} is not available here; cpu always is") from None

    def move(self, network: nn.Module) -> nn.Module:
        """The network on the device, in this memory format. Raises BadSetting if its cells cannot be recomputed."""
        if self.checkpoint_cells and not hasattr(network, "checkpoint_cells"):
            raise BadSetting("--checkpoint-cells does not apply: this network keeps all that it computes")
        if self.checkpoint_cells:
            network.checkpoint_cells = True  # pyright: ignore[reportArgumentType]
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return network.to(self.name).to(memory_format=order)  # pyright: ignore[reportCallIssue]

    def autocast(self) -> torch.autocast:
        """The autocast context of a forward pass."""
        kind = torch.device(self.name).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16" and self._has_bf16)

    @property
    def title(self) -> str:
        """Its name, and why it was chosen."""
        return f"{self.name} ({self.why})" if self.why else self.name

    @property
    def words(self) -> str:
        """The precision, what it becomes here, and whether cells are recomputed."""
        known = self.precision != "bf16" or self._has_bf16
        told = self.precision if known else NO_BF16
        return told + (", cells recomputed" if self.checkpoint_cells else "")

    @property
    def _has_bf16(self) -> bool:
        if torch.device(self.name).type != "cpu":
            return True
        try:
            return torch.ops.mkldnn._is_mkldnn_bf16_supported()
        except AttributeError:  # a build that cannot say
            return True


class ChosenDevice(NamedTuple):
    """A device, and why it is this one."""

    name: str
    """PyTorch's name of it."""
    why: str = ""
    """Reason in words; "" where it was named."""


def chosen_device(text: str) -> ChosenDevice:
    """What `--device` means: a name as in `device_named`, or `free`, the visible GPU with most free memory.

    Without a GPU `free` is the CPU; a process of torchrun's takes the one that it is given.
    """
    if text != "free":
        return ChosenDevice(device_named(text))
    if os.environ.get("LOCAL_RANK"):
        return ChosenDevice(device_named("auto"), "torchrun gives each process its own")
    free = free_memory()
    if not free:
        return ChosenDevice("cpu", "no GPU is visible")
    table = ", ".join(f"cuda:{place} {memory / 2**20:,.0f}" for place, memory in enumerate(free))
    return ChosenDevice(f"cuda:{freest(free)}", f"MiB free: {table}")


def freest(free: Sequence[int]) -> int:
    """The place of the largest number of free bytes, the lowest one on ties."""
    return max(range(len(free)), key=lambda place: (free[place], -place))


def free_memory() -> list[int]:
    """Free bytes of each visible GPU, by CUDA's numbers; 0 of one that cannot be used."""
    if not torch.cuda.is_available():
        return []
    found = []
    for place in range(torch.cuda.device_count()):
        try:
            found.append(torch.cuda.mem_get_info(place)[0])
        except RuntimeError:  # it is full, or another process has it for itself
            found.append(0)
    return found


def device_named(text: str) -> str:
    """`auto` is CUDA if there is any, else the CPU; `cuda` is the device that torchrun gives this process."""
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    local = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{local}" if text == "cuda" and local else text
