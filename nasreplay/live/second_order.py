"""The second order of DARTS: the slope after one unrolled weight step, with a finite-difference Hessian product.

Liu et al., DARTS, ICLR 2019, equations 7 and 8, exactly as the published code computes them
(docs/sources/weight-sharing.md, 5). The weights are moved in place and put back: no copy of the network is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nasreplay.evaluate.protocol import Mixture
from nasreplay.models.recompute import kept_buffers

if TYPE_CHECKING:
    from nasreplay.live.supernet import Pass, SupernetEvaluator

RADIUS = 0.01


def unrolled(supernet: SupernetEvaluator, mixture: Mixture) -> Pass:
    """The pass on the architecture batch after the step w' = w − η (μ b + ∇L_train + λ w), with its slope.

    The running batch-norm statistics move in the three passes on the training batch, as published, and not in
    the one on the architecture batch.
    """
    parameters = supernet.weights
    start = [p.detach().clone() for p in parameters]
    rate = supernet.optimizer.param_groups[0]["lr"]
    _step(supernet, _filled(supernet.passed(0, mixture, weights=True), parameters), rate)
    with kept_buffers(supernet.net):
        found = supernet.passed(1, mixture, weights=True, slope=True)
    direction = _filled(found, parameters)
    radius = RADIUS / torch.sqrt(sum((d.double() ** 2).sum() for d in direction)).item()  # pyright: ignore
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            for p, w, d in zip(parameters, start, direction, strict=True):
                p.copy_(w + sign * radius * d)
        sides.append(supernet.passed(0, mixture, slope=True).slope)
    with torch.no_grad():
        for p, w in zip(parameters, start, strict=True):
            p.copy_(w)
    return found._replace(slope=found.slope - rate * (sides[0] - sides[1]) / (2 * radius))


def _filled(found: Pass, parameters: list[Tensor]) -> list[Tensor]:
    pairs = zip(found.weights, parameters, strict=True)
    return [torch.zeros_like(p) if g is None else g for g, p in pairs]


@torch.no_grad()
def _step(supernet: SupernetEvaluator, slopes: list[Tensor], rate: float) -> None:
    recipe, moments = supernet.recipe, supernet.optimizer.state
    known = all("momentum_buffer" in moments[p] for p in supernet.weights)  # as published: all or none
    for p, slope in zip(supernet.weights, slopes, strict=True):
        move = slope + recipe.decay * p
        if known:
            move = move + recipe.momentum * moments[p]["momentum_buffer"]
        p -= rate * move
