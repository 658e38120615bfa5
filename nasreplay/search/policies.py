"""Policies of the curriculum: independent logits, or an LSTM that decides edge by edge.

Both keep all their parameters of a replica in one array row, sized for the full list of operations; operations that
are not open yet are masked. Shapes: n replicas, D decisions, O operations, P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.search.samplers import initial_logits, softmax
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space


class LogitsPolicy:
    """A table of independent logits, parameters [n, D, O]."""

    def __init__(self, space: Space, hidden: int):
        self.space = space

    def initial(self, draws: Draws) -> np.ndarray:
        """Nearly uniform."""
        return initial_logits(self.space, draws, 0.0, 1e-3)

    def sample(self, logits: np.ndarray, allowed: np.ndarray, draws: Draws) -> np.ndarray:
        """int8 [n, D]."""
        return draws.categorical(_masked_softmax(logits, allowed[:, None]))

    def gradient(
        self,
        logits: np.ndarray,
        allowed: np.ndarray,
        codes: np.ndarray,
        advantage: np.ndarray,
        entropy: float,
    ) -> np.ndarray:
        """Gradient [n, D, O] of −log p(codes) · advantage − entropy · H."""
        p = _masked_softmax(logits, allowed[:, None])
        log_p = np.log(np.where(p > 0, p, 1.0))
        uncertainty = -(p * log_p).sum(axis=-1, keepdims=True)
        score = p - (codes[:, :, None] == np.arange(p.shape[-1]))
        return score * advantage[:, None, None] + entropy * p * (log_p + uncertainty)


class LSTMPolicy:
    """One LSTM cell, an embedding of the previous decision and a shared head; parameters [n, P], float32.

    Guo et al., ICML 2020, section 4.2, without the node decisions that a cell of fixed topology does not have.
    Replicas are computed in blocks of a fixed size, so that their numbers don't depend on the batch, and the
    memory of the unrolled cell stays small.
    """

    block = 16

    def __init__(self, space: Space, hidden: int):
        self.decisions, self.options, self.hidden = space.decisions, len(space.options[0]), hidden
        h, o = hidden, self.options
        self.shapes = {
            "embedding": (o, h),
            "weight_ih": (4 * h, h),
            "weight_hh": (4 * h, h),
            "bias_ih": (4 * h, 1),
            "bias_hh": (4 * h, 1),
            "head": (o, h),
            "head_bias": (o, 1),
        }

    def initial(self, draws: Draws) -> np.ndarray:
        """Uniform in [−0.1, 0.1]."""
        size = sum(int(np.prod(shape)) for shape in self.shapes.values())
        return (0.2 * draws.uniform(size) - 0.1).astype(np.float32)

    def sample(self, parameters: np.ndarray, allowed: np.ndarray, draws: Draws) -> np.ndarray:
        """int8 [n, D]."""
        import torch

        mark = draws.uniform(self.decisions)
        codes = np.empty(mark.shape, dtype=np.int8)
        for rows, (theta, mask, u) in self._blocks(parameters, allowed, mark):
            with torch.no_grad():
                chosen, _ = self._unroll(theta, mask, uniform=u)
            codes[rows] = chosen.numpy()[: rows.stop - rows.start]
        return codes

    def gradient(
        self,
        parameters: np.ndarray,
        allowed: np.ndarray,
        codes: np.ndarray,
        advantage: np.ndarray,
        entropy: float,
    ) -> np.ndarray:
        """Gradient [n, P] of −log p(codes) · advantage − entropy · H."""
        import torch

        gradient = np.empty_like(parameters)
        for rows, (theta, mask, fixed, gain) in self._blocks(parameters, allowed, codes, advantage):
            theta.requires_grad_()
            _, log_p = self._unroll(theta, mask, codes=fixed.long())
            chosen = log_p.gather(2, fixed.long()[:, :, None])[:, :, 0].sum(1)
            finite = torch.where(mask[:, None], log_p, torch.zeros(()))
            uncertainty = -(finite.exp() * finite * mask[:, None]).sum((1, 2))
            loss = -(
                chosen * gain + entropy * uncertainty
            ).sum()  # rows are independent: one backward for all
            gradient[rows] = torch.autograd.grad(loss, theta)[0].numpy()[: rows.stop - rows.start]
        return gradient

    def _blocks(self, *arrays: np.ndarray) -> Any:
        """Slices of `block` rows, zero-padded, as tensors (float32, masks bool)."""
        import torch

        for start in range(0, len(arrays[0]), self.block):
            rows = slice(start, min(start + self.block, len(arrays[0])))
            padded = [np.zeros((self.block, *array.shape[1:]), dtype=array.dtype) for array in arrays]
            for full, array in zip(padded, arrays, strict=True):
                full[: rows.stop - start] = array[rows]
            padded[1][rows.stop - start :] = True  # padding may choose anything
            yield (
                rows,
                [torch.from_numpy(p) if p.dtype == bool else torch.from_numpy(p).float() for p in padded],
            )

    def _unroll(self, theta: Any, mask: Any, *, codes: Any = None, uniform: Any = None) -> tuple[Any, Any]:
        """(codes [B, D], log-probabilities [B, D, O]): of given codes, or drawn by uniforms [B, D]."""
        import torch

        part, place = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            part[name] = theta[:, place : place + size].reshape(-1, *shape)
            place += size
        count = len(theta)
        x, h, c = (torch.zeros(count, self.hidden, 1) for _ in range(3))
        chosen, log_ps = [], []
        for decision in range(self.decisions):
            gates = part["weight_ih"] @ x + part["bias_ih"] + part["weight_hh"] @ h + part["bias_hh"]
            i, f, g, o = gates.chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            logits = (part["head"] @ h + part["head_bias"])[:, :, 0].masked_fill(~mask, -torch.inf)
            log_p = logits.log_softmax(dim=1)
            if codes is None:
                bounds = log_p.exp().cumsum(dim=1)
                op = (uniform[:, decision, None] * bounds[:, -1:] >= bounds[:, :-1]).sum(dim=1)
            else:
                op = codes[:, decision]
            chosen.append(op)
            log_ps.append(log_p)
            x = part["embedding"][torch.arange(count), op][:, :, None]
        return torch.stack(chosen, dim=1), torch.stack(log_ps, dim=1)


def _masked_softmax(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    return softmax(np.where(allowed, logits, -np.inf))
