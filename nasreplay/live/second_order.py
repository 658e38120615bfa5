"""The second order of DARTS: the slope after one unrolled weight step, with a finite-difference Hessian product.

Liu et al., DARTS, ICLR 2019, equations 7 and 8, exactly as the published code computes them
(docs/sources/weight-sharing.md, 5). The weights are moved in place and put back: no copy of the network is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasreplay.live.gradients import ARCH, TRAIN, Backward, StepGradients
from nasreplay.models.recompute import kept_buffers
from nasreplay.train.recipe import Recipe

RADIUS = 0.01


def unrolled(
    backward: Backward,
    net: nn.Module,
    weights: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
) -> StepGradients:
    """The gradients on the architecture batch after the step w' = w − η (μ b + ∇L_train + λ w), with their slope.

    The running batch-norm statistics move in the three passes over the training batch, as published, and not in
    the one over the architecture batch.
    """
    start = [weight.detach().clone() for weight in weights]
    rate = optimizer.param_groups[0]["lr"]
    _step(weights, _filled(backward(TRAIN, weights=True), weights), optimizer, recipe)
    with kept_buffers(net):
        found = backward(ARCH, weights=True, slope=True)
    direction = _filled(found, weights)
    radius = RADIUS / torch.sqrt(sum((d.double() ** 2).sum() for d in direction)).item()  # pyright: ignore
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, before, d in zip(weights, start, direction, strict=True):
                weight.copy_(before + sign * radius * d)
        sides.append(backward(TRAIN, slope=True).slope)
    with torch.no_grad():
        for weight, before in zip(weights, start, strict=True):
            weight.copy_(before)
    return found._replace(slope=found.slope - rate * (sides[0] - sides[1]) / (2 * radius))


def _filled(found: StepGradients, weights: Sequence[Tensor]) -> list[Tensor]:
    pairs = zip(found.weights, weights, strict=True)
    return [torch.zeros_like(weight) if gradient is None else gradient for gradient, weight in pairs]


@torch.no_grad()
def _step(
    weights: Sequence[Tensor], gradients: Sequence[Tensor], optimizer: torch.optim.Optimizer, recipe: Recipe
) -> None:
    rate, moments = optimizer.param_groups[0]["lr"], optimizer.state
    known = all("momentum_buffer" in moments[weight] for weight in weights)  # as published: all or none
    for weight, gradient in zip(weights, gradients, strict=True):
        move = gradient + recipe.decay * weight
        if known:
            move = move + recipe.momentum * moments[weight]["momentum_buffer"]
        weight -= rate * move
