"""What becomes of shared weights that a step does not use: as published they go on to decay and to move.

The published searches were written for PyTorch before 2.0, whose `zero_grad` leaves zeros behind: a weight that any
backward pass has once reached, also one for the architecture, is moved by every weight step from then on. Here such a
weight has a momentum buffer in the optimizer's state, so checkpoints know it.
"""

# pyright: reportPrivateImportUsage=false
# torch's operations on lists of tensors have no public names

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BUFFER = "momentum_buffer"


@torch.no_grad()
def decay_idle(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]) -> None:
    """Move weights that got no gradient as SGD does with a gradient of zero, in place; only those once reached."""
    (group,) = optimizer.param_groups
    rate, momentum, decay = (group[name] for name in ("lr", "momentum", "weight_decay"))
    known = [weight for weight in weights if not momentum or BUFFER in optimizer.state.get(weight, {})]
    if not known:
        return
    if not momentum:
        torch._foreach_mul_(known, 1 - rate * decay)
        return
    buffers = [optimizer.state[weight][BUFFER] for weight in known]
    torch._foreach_mul_(buffers, momentum)
    torch._foreach_add_(buffers, known, alpha=decay)
    if group["nesterov"]:
        torch._foreach_mul_(known, 1 - rate * decay)
    torch._foreach_add_(known, buffers, alpha=-rate * (momentum if group["nesterov"] else 1))


def note_reached(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor], loss: Tensor) -> None:
    """Give the weights that a backward pass from `loss` reaches a momentum of zero if they have none yet."""
    fresh = {id(weight): weight for weight in weights if BUFFER not in optimizer.state.get(weight, {})}
    todo, seen = [loss.grad_fn], set()
    while todo and fresh:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (weight := fresh.pop(id(getattr(node, "variable", None)), None)) is not None:
            optimizer.state[weight][BUFFER] = torch.zeros_like(weight)
        todo += [following for following, _ in node.next_functions]
