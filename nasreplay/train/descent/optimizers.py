"""The optimizers that a recipe may name, and the one of them that PyTorch lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.optim import SGD, Adam, Adamax, Optimizer, RMSprop


class AdaBound(Optimizer):
    """Adam whose steps are kept within bounds that close upon SGD's (Luo et al., ICLR 2019), with decay as L2.

    final: learning rate of SGD at the end, for the first `lr`; closing: how fast the bounds close.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        weight_decay: float = 0.0,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        final: float = 0.1,
        closing: float = 1e-3,
    ):
        usual = {"lr": lr, "first_lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps}
        super().__init__(params, {**usual, "final": final, "closing": closing})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            (slow, slower), final = group["betas"], group["final"] * group["lr"] / group["first_lr"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state |= {"step": 0, "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
                state["step"] += 1
                gradient = weight.grad.add(weight, alpha=group["weight_decay"])
                state["mean"].mul_(slow).add_(gradient, alpha=1 - slow)
                state["square"].mul_(slower).addcmul_(gradient, gradient, value=1 - slower)
                count, grown = state["step"], group["closing"] * state["step"]
                size = group["lr"] * math.sqrt(1 - slower**count) / (1 - slow**count)
                each = size / state["square"].sqrt().add_(group["eps"])
                weight.sub_(
                    each.clamp_(final * (1 - 1 / (grown + 1)), final * (1 + 1 / grown)) * state["mean"]
                )


class Kind(NamedTuple):
    """An optimizer that a recipe may name."""

    make: Callable[[Any, float, float, float, bool], Optimizer]
    """Makes it: parameters or groups of them, learning rate, decay, momentum, Nesterov's or not."""
    kept: int
    """Numbers that it keeps of each weight."""
    momentum: bool = True
    """Whether it has a momentum to choose."""


def _adaptive(kind: type[Optimizer]) -> Kind:
    """One that has no momentum to choose; its decay is L2 in the gradient, as in all the originals."""
    return Kind(lambda weights, rate, decay, *_: kind(weights, lr=rate, weight_decay=decay), 2, False)  # pyright: ignore


OPTIMIZERS = {
    "SGD": Kind(
        lambda weights, rate, decay, momentum, nesterov: SGD(
            weights, lr=rate, weight_decay=decay, momentum=momentum, nesterov=nesterov
        ),
        1,
    ),
    "Adam": _adaptive(Adam),
    "Adamax": _adaptive(Adamax),
    "AdaBound": _adaptive(AdaBound),
    "RMSprop": Kind(
        lambda weights, rate, decay, momentum, _: RMSprop(
            weights, lr=rate, weight_decay=decay, momentum=momentum
        ),
        2,
    ),
}
"""The optimizers by name."""


def load_moments(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Continue from an optimizer's state, but for hyper-parameters other than the rate, which stay its own."""
    own = [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(state)
    for group, values in zip(optimizer.param_groups, own, strict=True):
        group.update(values)
