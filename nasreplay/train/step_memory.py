"""Estimates of the memory that a step takes: counted on a few images, and scaled to a batch.

What a pass keeps and makes on the way grows with its images, but for the gradients that it gives; so one pass over
FEW images tells of any batch. Counted are tensors; the libraries' own workspaces are not. PyTorch's tracker of the
same thing (`torch.distributed._tools.mem_tracker`) is private, so the counting stands here, and nowhere else.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nasreplay.files.workers import check_memory
from nasreplay.train.descent.optimizers import OPTIMIZERS
from nasreplay.train.device import Device
from nasreplay.train.distributed import untouched
from nasreplay.train.loop import in_parts, initial
from nasreplay.train.recipe import Recipe

FEW = 2  # images; a batch norm wants more than one value


def estimate_pass(run: Callable[[], Any], images: int) -> int:
    """Peak bytes of a pass over so many images; run: makes it over FEW images and returns what remains."""
    with _Counting() as counted:
        kept = run()
    height = counted.height()
    del kept
    return height * images // FEW


def estimate_weights(network: nn.Module, copies: int = 0, kept: int = 1) -> int:
    """Bytes of weights, gradients and statistics; copies: of an average of the weights; kept: by the optimizer."""
    weights = sum(map(_bytes, network.parameters()))
    return weights * (2 + kept + copies) + sum(map(_bytes, network.buffers())) * (1 + copies)


def check_weights(build: Callable[[], nn.Module]) -> None:
    """Raise BadSetting for a network whose weights would not fit into memory; it is built without any."""
    with initial(0), torch.device("meta"):
        count = estimate_weights(build())
    check_memory(count, "this network", "lower its channels or cells")


def estimate_training(network: nn.Module, recipe: Recipe, device: Device, side: int, evaluated: int) -> int:
    """Bytes of a training by a recipe, with evaluations of so many images at once."""
    images, labels = few_images(side, device)
    weights = [p for p in network.parameters() if p.requires_grad]

    def step() -> Sequence[Tensor | None]:
        network.train()
        with device.autocast():
            output = network(images)
        logits, auxiliary = in_parts(output)
        return torch.autograd.grad(recipe.loss(logits, labels, auxiliary), weights, allow_unused=True)

    def evaluation() -> None:
        network.eval()
        with torch.no_grad(), device.autocast():
            network(images)

    with untouched(network):
        training = estimate_pass(step, -(-recipe.batch // recipe.micro_batches))
        height = max(training, estimate_pass(evaluation, evaluated))
    return height + estimate_weights(network, bool(recipe.ema), OPTIMIZERS[recipe.optim].kept)


def few_images(side: int, device: Device, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Random images [FEW, 3, side, side] and labels 0."""
    images = torch.randn(FEW, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=dtype)
    order = torch.channels_last if device.channels_last else torch.contiguous_format
    labels = torch.zeros(FEW, dtype=torch.long)
    return images.to(device.name, memory_format=order), labels.to(device.name)


def _bytes(values: Tensor) -> int:
    return values.numel() * values.element_size()


class _Counting(TorchDispatchMode):
    """Follows the storages that operations make, from their birth to their end."""

    def __init__(self):
        super().__init__()
        self._alive: dict[int, weakref.finalize] = {}
        self._log: list[tuple[int, int]] = []  # (number of a storage, bytes that came or went)
        self._born = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = {storage._cdata for storage in _storages((args, *kwargs.values()))}
        made = func(*args, **kwargs)
        for storage in _storages(made):
            if storage._cdata not in given and storage._cdata not in self._alive:
                self._enter(storage)
        return made

    def _enter(self, storage: torch.UntypedStorage) -> None:
        number, size, key = self._born, storage.nbytes(), storage._cdata
        self._born += 1
        self._log.append((number, size))
        self._alive[key] = weakref.finalize(storage, self._leave, key, number, size)

    def _leave(self, key: int, number: int, size: int) -> None:
        self._log.append((number, -size))
        self._alive.pop(key, None)

    def height(self) -> int:
        """Most bytes at one time, without what is still alive."""
        gone = {number for number, size in self._log if size < 0}
        height = now = 0
        for number, size in self._log:
            now += size if number in gone else 0
            height = max(height, now)
        return height


def _storages(values: Any) -> Iterator[torch.UntypedStorage]:
    """The storages of the tensors that an operation takes or gives, alone or in sequences."""
    if isinstance(values, Tensor):
        yield values.untyped_storage()
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _storages(value)
