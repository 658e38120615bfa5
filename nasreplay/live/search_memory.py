"""Estimate of the memory that a search on shared weights takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nasreplay.evaluate.protocol import Mixture
from nasreplay.live.gradients import mean_loss
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.train.distributed import untouched
from nasreplay.train.epochs import Batch
from nasreplay.train.step_memory import estimate_pass, estimate_weights, few_images


def estimate_search(supernet: SupernetEvaluator, mixes: bool) -> int:
    """Bytes beyond the images: a step on a whole batch or an evaluation, and weights with their moments.

    mixes: whether the search computes all operations at once (DARTS, SNAS). If not, this is of the one operation that
    takes most, on every edge: the most that a draw can take.
    """
    batch = Batch(*few_images(supernet.images[0].images.shape[-1], supernet.device, supernet.dtype))
    with untouched(supernet.net):
        step = max(_of_step(supernet, mixture, batch) for mixture in _mixtures(supernet, mixes))
        one_hot = supernet.space.embed((supernet.space.choices - 1)[None])[0]
        evaluation = estimate_pass(
            lambda: supernet.count_right(one_hot, [batch]), min(supernet.valid_batch, len(supernet.valid))
        )
    return max(step, evaluation) + estimate_weights(supernet.net)


def _mixtures(supernet: SupernetEvaluator, mixes: bool) -> list[Mixture]:
    """The mixtures of all operations at once, or of each operation on all edges."""
    mask = supernet.space.mask
    if mixes:
        weights = mask / mask.sum(axis=-1, keepdims=True)
        return [Mixture(weights[None], mask[None])]
    chosen = [mask & (np.arange(mask.shape[1]) == option) for option in range(mask.shape[1])]
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
