"""Several processes that train one network, as torchrun starts them: rank, world size, and what they all-reduce.

A mini-batch is divided into micro-batches (`batches.Division`), of which every process computes its own. Whatever is
summed over micro-batches (gradients, losses, running statistics) is summed over processes, too; so N processes do
what one process does that accumulates N micro-batches, up to the order of additions.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting, TrainingFailed
from nasreplay.files.state import split
from nasreplay.models.recompute import kept_buffers

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that compute one training; alone by default, and then nothing here has an effect or a cost."""

    rank: int = 0
    """Number of this process, from 0."""
    world_size: int = 1
    """Number of processes."""

    @property
    def is_rank_zero(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one device by their sums over the processes, all of them in one message."""
        if self.world_size == 1:
            return
        flat = torch.cat([values.reshape(-1) for values in tensors])
        torch.distributed.all_reduce(flat)
        parts = flat.split([values.numel() for values in tensors])
        for values, part in zip(tensors, parts, strict=True):
            values.copy_(part.view(values.shape))

    def all_reduce_arrays(self, *arrays: np.ndarray) -> None:
        """Replace float64 arrays by their sums over the processes."""
        self.all_reduce([torch.from_numpy(values) for values in arrays])

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        count = np.array([float(flag)])
        self.all_reduce_arrays(count)
        return bool(count[0])

    def broadcast(self, make: Callable[[], T]) -> T:
        """The value of `make` on rank 0, on every rank; elsewhere it is not called."""
        if self.world_size == 1:
            return make()
        box: list[Any] = [make() if self.is_rank_zero else None]
        torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    def check_same(self, state: Any, when: str) -> None:
        """Raise TrainingFailed unless this nested state has the same bits in all processes."""
        if self.world_size == 1:
            return
        found: list[Any] = [None] * self.world_size
        torch.distributed.all_gather_object(found, _digest(state))
        if differing := [rank for rank, digest in enumerate(found) if digest != found[0]]:
            raise TrainingFailed(
                f"{when}, process {differing[0]} has other weights or logits than process 0: their devices or "
                "libraries compute differently; the checkpoint before it is intact"
            )

    def parallel(self, network: nn.Module, example: Tensor) -> nn.Module:
        """The network whose backward passes average gradients over the processes: DistributedDataParallel.

        A first pass over the example images [B, 3, H, W] tells whether some parameter is not used, and fixes the
        order of the messages, so that a continued training adds in the order of the uninterrupted one.
        """
        if self.world_size == 1:
            return network
        with untouched(network):
            _try(network, example)
            unused = any(p.grad is None for p in network.parameters() if p.requires_grad)
        device = [example.device] if example.is_cuda else None
        with warnings.catch_warnings(), untouched(network):
            warnings.simplefilter(
                "ignore"
            )  # of an option's coming name, and of depthwise weights' memory order
            made = nn.parallel.DistributedDataParallel(
                network, device_ids=device, broadcast_buffers=False, find_unused_parameters=unused
            )
            _try(made, example)
        return made


SINGLE_PROCESS = ProcessGroup()


def accumulating(network: nn.Module, last: bool) -> AbstractContextManager:
    """The context of one micro-batch's passes: gradients are averaged over the processes after the last one."""
    if last or not isinstance(network, nn.parallel.DistributedDataParallel):
        return nullcontext()
    return network.no_sync()


def _try(network: nn.Module, example: Tensor) -> None:
    output = network(example)
    logits = output if isinstance(output, tuple) else (output,)
    sum(values.float().mean() for values in logits).backward()  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Inside, it trains; afterwards its mode, statistics and noise are as before, and there are no gradients."""
    noise: torch.Generator | None = getattr(network, "generator", None)
    training, drawn = network.training, None if noise is None else noise.get_state()
    with kept_buffers(network.train()):
        yield
    network.zero_grad(set_to_none=True)
    network.train(training)
    if noise is not None and drawn is not None:
        noise.set_state(drawn)


class Statistics:
    """The running statistics of batch norms during one divided mini-batch.

    Every micro-batch moves them from the same start; what stays is the mean of the results, weighted by images. Of
    integers, the numbers of batches, it is the start and all that was added.
    """

    def __init__(self, network: nn.Module, divided: bool):
        self.buffers = list(network.buffers()) if divided else []
        self.start = [buffer.clone() for buffer in self.buffers]
        self.sums = [torch.zeros_like(buffer) for buffer in self.buffers]

    @contextmanager
    def of(self, weight: float) -> Iterator[None]:
        """Around the forward pass of a micro-batch that holds this part of the images."""
        for buffer, values in zip(self.buffers, self.start, strict=True):
            buffer.copy_(values)
        yield
        for total, buffer, values in zip(self.sums, self.buffers, self.start, strict=True):
            total += weight * buffer if buffer.is_floating_point() else buffer - values

    def keep(self) -> None:
        """Put the means into the network; `sums` are now those over all micro-batches."""
        for buffer, total, values in zip(self.buffers, self.sums, self.start, strict=True):
            buffer.copy_(total if buffer.is_floating_point() else values + total)


def _digest(state: Any) -> bytes:
    leaves: dict[str, Any] = {}
    text = json.dumps(split(state, {"tensor": Tensor, "array": np.ndarray}, leaves))
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for leaf in leaves.values():
        values = leaf.detach().cpu() if isinstance(leaf, Tensor) else torch.from_numpy(np.atleast_1d(leaf))
        digest.update(values.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()


def process_group() -> ProcessGroup:
    """The process group that this process is in; a group of one where there are no others."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return ProcessGroup(torch.distributed.get_rank(), torch.distributed.get_world_size())
    return ProcessGroup()


def init_process_group() -> Any:
    """The common store of torchrun's processes, now a process group (NCCL on CUDA, else Gloo); raises BadSetting."""
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, size = next(rendezvous("env://"))
    except (ValueError, RuntimeError) as problem:
        raise BadSetting(f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but {problem}: use torchrun") from None
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    distributed.init_process_group(backend, store=PrefixStore("group", store), rank=rank, world_size=size)
    return PrefixStore("nasreplay", store)


def destroy_process_group() -> None:
    """Leave the process group, if there is one."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
