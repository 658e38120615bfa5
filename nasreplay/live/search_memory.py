"""Estimates of the memory that a search on shared weights takes, and of the disk that its kept epochs take."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Mixture
from nasreplay.files.text import MB
from nasreplay.live.gradients import mean_loss
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.train.descent.optimizers import OPTIMIZERS
from nasreplay.train.distributed import untouched
from nasreplay.train.epochs import Batch
from nasreplay.train.step_memory import estimate_pass, estimate_weights, few_images

OF_TENSOR = 400  # bytes that a file has of a tensor besides its numbers


def estimate_search(supernet: SupernetEvaluator, mixes: bool) -> int:
    """Bytes beyond the images: a step on a whole batch or an evaluation, and weights with their moments.

    mixes: whether the search computes all operations at once (DARTS, SNAS). If not, this is of the one operation that
    takes most, on every edge: the most that a draw can take.
    """
    batch = Batch(*few_images(supernet.images[0].side, supernet.device, supernet.dtype))
    with untouched(supernet.net):
        step = max(_of_step(supernet, mixture, batch) for mixture in _mixtures(supernet, mixes))
        one_hot = supernet.space.embed((supernet.space.choices - 1)[None])[0]
        evaluation = estimate_pass(
            lambda: supernet.count_right(one_hot, [batch]), min(supernet.valid_batch, len(supernet.valid))
        )
    return max(step, evaluation) + estimate_weights(supernet.net)


def room_for_kept(supernet: SupernetEvaluator, epochs: int, every: int, folder: Path) -> str:
    """How many checkpoints a search of so many epochs keeps, and how large they are, in words.

    Raises BadSetting where the disk of `folder` has no room for them.
    """
    moments = 1 + OPTIMIZERS[supernet.recipe.optim].kept
    tensors = [(values, moments) for values in supernet.weights] + [
        (values, 1) for values in supernet.net.buffers()
    ]
    one = sum((values.nbytes + OF_TENSOR) * copies for values, copies in tensors)
    count = -(-epochs // every)
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    sizes = f"{count:,} checkpoints of {one / MB:,.1f} MB, together {count * one / MB:,.1f} MB"
    if count * one > free:
        raise BadSetting(
            f"--keep-every {every}: {sizes}, and {there} has room for {free / MB:,.0f} MB: a larger number, or "
            "another --out"
        )
    return f"keeps {sizes},"


def _mixtures(supernet: SupernetEvaluator, mixes: bool) -> list[Mixture]:
    """The mixtures of all operations at once, or of each operation on all edges."""
    mask = supernet.space.mask
    if mixes:
        weights = mask / mask.sum(axis=-1, keepdims=True)
        return [Mixture(weights[None], mask[None])]
    last = mask.sum(axis=1, keepdims=True) - 1  # rows with fewer options take theirs
    chosen = [
        mask & (np.arange(mask.shape[1]) == np.minimum(option, last)) for option in range(mask.shape[1])
    ]
    return [Mixture(active[None].astype(np.float64), active[None]) for active in chosen if active.any()]


def _of_step(supernet: SupernetEvaluator, mixture: Mixture, batch: Batch) -> int:
    def step() -> Any:
        weights = torch.as_tensor(mixture.weights[0], dtype=supernet.dtype, device=supernet.device.name)
        weights.requires_grad_()
        with supernet.device.autocast():
            output = supernet.net(batch.images, weights, torch.as_tensor(mixture.active[0]))
        loss = mean_loss(output, batch.labels, 1.0, supernet.dtype)
        return torch.autograd.grad(loss, [*supernet.weights, weights], allow_unused=True)

    return estimate_pass(step, -(-supernet.recipe.batch // supernet.division.parts))
