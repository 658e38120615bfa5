"""The policy of curriculum search as published: one controller for each cell, nodes chosen by attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.search.parts.policies import LogitsPolicy, LSTMPolicy, drawn
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space

ORDER = (0, 2, 1, 3)  # of a node's decisions: both inputs first, then both operations


@dataclass(frozen=True)
class Shaping:
    """What becomes of logits before their softmax; 0 leaves a step out."""

    temperature: float = 0.0
    """Number by which they are divided."""
    tanh_constant: float = 0.0
    """Bound to which they are then squashed, by tanh."""
    op_tanh_reduce: float = 0.0
    """Number by which that bound is divided where an operation is chosen."""

    def __call__(self, logits: Any, source: bool) -> Any:
        """The logits of a choice of an input (source), or of an operation."""
        if self.temperature:
            logits = logits / self.temperature
        if self.tanh_constant:
            reduce = 1.0 if source else self.op_tanh_reduce or 1.0
            logits = self.tanh_constant / reduce * logits.tanh()
        return logits


class Controllers(LSTMPolicy):
    """A controller for each cell (Guo et al., ICML 2020, section 4.2); they share nothing.

    Its LSTM takes a node's two inputs, then its two operations. An input c has the logit v · tanh(W_e E_c + W_h h),
    with E_c its embedding and h the LSTM's output; an operation that of a linear head. All parameters start uniform
    in [−0.1, 0.1]. Two cells of 4 nodes and 8 operations have 335,376 parameters at width 128 (as released 334,344:
    by mistake the head has 4 outputs instead of 8). Cells are computed side by side.
    """

    def __init__(self, space: Space, hidden: int, block: int, shaping: Shaping | None = None):
        if not space.places:
            raise BadSetting(
                f"policy controllers: in the {space.name} space no nodes choose their inputs; lstm or logits"
            )
        super().__init__(space, hidden, block)
        self.shaping = shaping or Shaping()
        self.cells = 1 + max(place.cell for place in space.places)
        self.nodes = 1 + max(place.node for place in space.places)
        self.words = self.shapes["embedding"][0]  # operations, then the nodes and inputs that may be chosen
        self.operations = self.words - self.nodes - 1
        h = hidden
        self.shapes |= {"head": (self.operations, h), "head_bias": (self.operations, 1)}
        self.shapes |= {"emb_attn": (h, h), "hid_attn": (h, h), "v_attn": (1, h)}
        self.sizes = [int(np.prod(shape)) for shape in self.shapes.values()]

    def initial(self, draws: Draws) -> np.ndarray:
        """Fresh parameters [n, P], those of the normal cell's controller first."""
        return (0.2 * draws.uniform(self.cells * sum(self.sizes)) - 0.1).astype(np.float32)

    def _unroll(self, theta: Any, mask: Any, *, codes: Any = None, uniform: Any = None) -> tuple[Any, Any]:
        """Words and log-probabilities as in the base class; rows in between are [B · cells]."""
        import torch

        given = uniform if codes is None else codes
        count, samples = len(theta), given.shape[1]
        length = self.decisions // self.cells
        mask = mask.reshape(count * self.cells, length, self.words)
        given = given.reshape(count, samples, self.cells, length).transpose(1, 2).flatten(0, 1)
        part = self._parts(theta.reshape(count * self.cells, -1))
        # rows of the embedding: inputs and nodes first; words: operations first
        embedding = part["embedding"].roll(-self.nodes - 1, dims=1).transpose(1, 2)
        candidates = part["emb_attn"] @ embedding[:, :, self.operations :]
        x = h = c = theta.new_zeros(len(mask), self.hidden, samples)
        chosen: list[Any] = [None] * length
        log_ps: list[Any] = [None] * length
        for step in range(length):
            decision = step - step % 4 + ORDER[step % 4]
            h, c = self._cell(part, 0, x, h, c)
            source = decision % 2 == 0
            if source:
                joined = (candidates[:, :, :, None] + (part["hid_attn"] @ h)[:, :, None]).tanh()
                logits = torch.einsum("bh,bhks->bsk", part["v_attn"][:, 0], joined)
            else:
                logits = (part["head"] @ h + part["head_bias"]).transpose(1, 2)
            logits = self.shaping(logits, source)
            pad = (self.operations, 0) if source else (0, self.words - self.operations)
            logits = torch.nn.functional.pad(logits, pad)
            log_p = logits.masked_fill(~mask[:, None, decision], -torch.inf).log_softmax(dim=2)
            word = drawn(log_p, given[:, :, decision]) if codes is None else given[:, :, decision]
            chosen[decision], log_ps[decision] = word, log_p
            x = embedding.gather(2, word[:, None].expand(-1, self.hidden, -1))
        both = torch.stack(chosen, dim=2), torch.stack(log_ps, dim=2)
        return tuple(
            each.reshape(count, self.cells, samples, length, *each.shape[3:]).transpose(1, 2).flatten(2, 3)
            for each in both
        )  # pyright: ignore[reportReturnType]


POLICIES: dict[str, type[LogitsPolicy] | type[LSTMPolicy]] = {
    "logits": LogitsPolicy,
    "lstm": LSTMPolicy,
    "controllers": Controllers,
}
PUBLISHED = "published"


def policy_named(
    name: str, space: Space, hidden: int, block: int, shaping: Shaping
) -> LogitsPolicy | LSTMPolicy:
    """The policy of that name; the published one is controllers where nodes choose their inputs, else an LSTM.

    Raises BadSetting for controllers in another space, and for a shaping of logits that the policy does not do.
    """
    if name == PUBLISHED:
        name = "controllers" if space.places else "lstm"
    if name == "controllers":
        return Controllers(space, hidden, block, shaping)
    if shaping != Shaping():
        raise BadSetting(
            f"temperature, tanh_constant and op_tanh_reduce shape the logits of controllers; the policy is {name}"
        )
    return POLICIES[name](space, hidden, block)
