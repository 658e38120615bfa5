"""The two-stage controller of SLNAS: an LSTM draws the inputs of all nodes, a bidirectional one the operations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.search.parts.controllers import Shaping
from nasreplay.search.parts.policies import LSTMPolicy, drawn
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Place, Space

SHAPING = Shaping(temperature=5.0, tanh_constant=1.1, op_tanh_reduce=2.5)
STARTS = ("start_h", "start_c")


class Decisions(NamedTuple):
    """The decisions of a cell, by the stage that takes them."""

    nodes: tuple[tuple[int, ...], ...]
    """The decisions of each node that choose an input; none where nothing does."""
    operations: tuple[int, ...]
    """The decisions that choose an operation."""
    beside: tuple[int, ...]
    """The decision on the input of each of these operations; () where nothing chooses inputs."""


def decisions_of(space: Space) -> tuple[Decisions, ...]:
    """The decisions of each cell; a space that does not say has one cell, and chooses operations only."""
    places = space.places or (Place(0, 0, False),) * space.decisions
    cells = []
    for cell in range(1 + max(place.cell for place in places)):
        mine = [(decision, place) for decision, place in enumerate(places) if place.cell == cell]
        nodes, operations, beside = [], [], []
        for node in range(1 + max(place.node for _, place in mine)):
            inputs, own = (
                [d for d, place in mine if place.node == node and place.source is source]
                for source in (True, False)
            )
            nodes.append(tuple(inputs))
            operations += own
            beside += inputs
        if beside and len(beside) != len(operations):
            raise BadSetting(f"slnas: in the {space.name} space not every operation has an input of its own")
        cells.append(Decisions(tuple(nodes), tuple(operations), tuple(beside)))
    return tuple(cells)


class TwoStage(LSTMPolicy):
    """SLNAS's controller; log-probabilities and entropies are weighted as its release does.

    Stage 1, for each cell from scratch: the inputs of the cell and, as they come, its nodes have a key W1 · h, h the
    LSTM's output; state j is drawn by v · tanh(key_j + W2 · h), and its anchor is the LSTM's next input. Stage 2
    reads the drawn states of a cell, in order, and gives all operations at once; where nothing chooses inputs it
    reads the numbers of the places instead, and there is no stage 1. Logits are c · tanh(l / 5), with c 1.1 and 0.44.
    As released, faults included: keys and anchors of the cell's inputs are equal, so that these always have the same
    probability, in both cells (`distinct_inputs`: each has a start token of its own in each kind of cell, and its
    output as anchor); stage 2 goes on in the next cell with hidden and cell state exchanged (`carry` "straight"); and
    it counts the mean over a cell's operations, where stage 1 counts the sum over its inputs (`op_term` "sum").
    Parameters start in PyTorch's default ranges. A row ends with the start state of stage 2, which does not learn:
    `starts` draws it anew, normal(0, 1)/100, for every call.
    """

    def __init__(
        self,
        space: Space,
        hidden: int,
        block: int,
        distinct_inputs: bool = False,
        carry: str = "exchanged",
        op_term: str = "mean",
    ):
        self.decisions, self.choices, self.cells = space.decisions, space.choices, decisions_of(space)
        self.hidden, self.block, self.distinct, self.carry = hidden, block, distinct_inputs, carry
        self.mask = np.arange(self.choices.max()) < self.choices[:, None]
        self.source = np.isin(np.arange(self.decisions), [d for cell in self.cells for d in cell.beside])
        options, h = int(self.choices[~self.source].max()), hidden
        self.inputs = int(self.choices[self.cells[0].beside[0]]) if self.source.any() else 0
        self._check(space)
        self.shapes: dict[str, tuple[int, ...]] = {}
        if self.inputs:
            self.shapes |= {"embedding": (options, h), **_lstm("index", h)}  # only its first row is used
            self.shapes |= {"W1": (h, h), "W2": (h, h), "v": (1, h)}
        if self.inputs and distinct_inputs:
            self.shapes["tokens"] = (len(self.cells) * self.inputs, h)
        states = self.choices[self.source].max() if self.inputs else self.decisions
        self.shapes |= {"states": (int(states), h), **_lstm("ahead", h), **_lstm("back", h)}
        self.shapes |= {"linear": (options, 2 * h), "linear_bias": (options, 1)}
        self.shapes |= dict.fromkeys(STARTS, (2, h))
        self.sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        self.parameters = sum(self.sizes) - 4 * h
        """Number of parameters that learn."""
        self._weight = np.ones((2, self.decisions))  # of a decision's log-probability, and of its entropy
        for cell in self.cells if op_term == "mean" else ():
            chosen = list(cell.operations)
            self._weight[:, chosen] = [[1 / len(chosen)], [1 / self.choices[chosen].sum()]]

    def _check(self, space: Space) -> None:
        for cell in self.cells:
            for node, inputs in enumerate(cell.nodes):
                if any(self.choices[decision] > self.inputs + node for decision in inputs):
                    raise BadSetting(
                        f"slnas: node {node} of the {space.name} space chooses among more than the "
                        f"{self.inputs} inputs of its cell and earlier nodes"
                    )

    def spread(self, name: str) -> float:
        """Parameters of layers start uniform in [−spread, spread]."""
        return (2 * self.hidden if name.startswith("linear") else self.hidden) ** -0.5

    def initial(self, draws: Draws) -> np.ndarray:
        """Fresh parameters [n, P + 4H], whose start state is 0: embeddings normal(0, 1), all else uniform."""
        parts = []
        for name, size in zip(self.shapes, self.sizes, strict=True):
            if name in ("embedding", "tokens", "states"):
                parts.append(draws.normal(size))
            else:
                parts.append((2 * draws.uniform(size) - 1) * self.spread(name) * (name not in STARTS))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def starts(self, draws: Draws) -> np.ndarray:
        """Fresh start states float32 [n, 4H] of stage 2, the ends of rows."""
        return (draws.normal(4 * self.hidden) / 100).astype(np.float32)

    def open(self, count: int) -> np.ndarray:
        """bool [n, D, V]: what each decision may choose; these words are codes."""
        return np.repeat(self.mask[None], count, axis=0)

    def greedy(self, parameters: np.ndarray) -> np.ndarray:
        """int8 [n, D]: the largest at every draw, the first one on ties, with a start state of zeros."""
        import torch

        zeros = np.concatenate(
            [parameters[:, : self.parameters], np.zeros_like(parameters[:, self.parameters :])], 1
        )
        codes = np.empty((len(parameters), self.decisions), dtype=np.int8)
        for rows, (theta, mask) in self._blocks(zeros, self.open(len(zeros))):
            with torch.no_grad():
                chosen, _ = self._unroll(theta, mask)
            codes[rows] = chosen.numpy()[: rows.stop - rows.start, 0]
        return codes

    def per_stage(self, parameters: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted log-probabilities and entropies float64 [n, 2] of codes [n, D]: of stage 1, of stage 2."""
        p = self.chances(parameters, self.open(len(codes)), codes).astype(np.float64)
        log_p = np.log(np.where(p > 0, p, 1.0))
        taken = np.take_along_axis(log_p, codes[..., None].astype(np.int64), axis=2)[..., 0]
        each = taken * self._weight[0], -(p * log_p).sum(axis=2) * self._weight[1]
        log_p, entropy = (
            np.stack([(part * stage).sum(axis=1) for stage in (self.source, ~self.source)], axis=1)
            for part in each
        )
        return log_p, entropy

    def steepest(
        self, parameters: np.ndarray, allowed: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weighted entropies [n] of codes [n, D], and the gradient [n, P + 4H] of their negative log-probability."""
        import torch

        entropy, gradient = np.empty(len(codes), parameters.dtype), np.empty_like(parameters)
        for rows, (theta, mask, fixed) in self._blocks(parameters, allowed, codes[:, None]):
            theta.requires_grad_()
            log_p, uncertainty = self._sums(theta, mask, fixed.long())
            slope = torch.autograd.grad(-log_p.sum(), theta)[0]  # rows are independent: one backward for all
            count = rows.stop - rows.start
            gradient[rows], entropy[rows] = slope.numpy()[:count], uncertainty.detach().numpy()[:count, 0]
        return entropy, gradient

    def _sums(self, theta: Any, mask: Any, codes: Any) -> tuple[Any, Any]:
        """Weighted log-probability and entropy [B, S] of codes [B, S, D]."""
        _, log_p = self._unroll(theta, mask, codes=codes)
        finite = log_p.masked_fill(~mask[:, None], 0.0)
        entropy = -(finite.exp() * finite * mask[:, None]).sum(3)
        weight = theta.new_tensor(self._weight)
        return (log_p.gather(3, codes[..., None])[..., 0] * weight[0]).sum(2), (entropy * weight[1]).sum(2)

    def _unroll(self, theta: Any, mask: Any, *, codes: Any = None, uniform: Any = None) -> tuple[Any, Any]:
        """Codes and log-probabilities as in the base class; neither given nor by uniforms, the most probable."""
        import torch

        part, given = self._parts(theta), uniform if codes is None else codes
        samples = 1 if given is None else given.shape[1]
        zero = theta.new_zeros(len(theta), self.hidden, samples)
        chosen: list[Any] = [None] * self.decisions
        log_ps: list[Any] = [None] * self.decisions

        def choose(decision: int, logits: Any) -> Any:
            """The code [B, S] of a decision by its logits [B, S, K]."""
            pad = (0, self.mask.shape[1] - logits.shape[2])
            logits = torch.nn.functional.pad(SHAPING(logits, bool(self.source[decision])), pad)
            log_p = logits.masked_fill(~mask[:, None, decision], -torch.inf).log_softmax(dim=2)
            if given is None:
                code = log_p.argmax(dim=2)  # the first of equal ones
            else:
                code = drawn(log_p, uniform[:, :, decision]) if codes is None else codes[:, :, decision]
            chosen[decision], log_ps[decision] = code, log_p
            return code

        if self.inputs:
            shapes = [[[self.choices[d] for d in node] for node in cell.nodes] for cell in self.cells]
            every = list(range(len(self.cells)))
            for group in [every] if shapes[1:] == shapes[:-1] else [[number] for number in every]:
                self._choose_inputs(part, group, zero, choose)
        start = [part[name].detach().transpose(1, 2)[..., None] + zero[:, :, None] for name in STARTS]
        ends = [(start[0][:, :, way], start[1][:, :, way]) for way in (0, 1)]
        for cell in self.cells:
            if cell.beside:
                words = torch.stack([chosen[decision] for decision in cell.beside], dim=1)
            else:
                places = torch.tensor(cell.operations)
                words = places[None, :, None].expand(len(theta), -1, samples)
            ends = self._choose_operations(part, cell, words, ends, choose)
        return torch.stack(chosen, dim=2), torch.stack(log_ps, dim=2)

    def _choose_inputs(self, part: dict[str, Any], group: list[int], zero: Any, choose: Any) -> None:
        """Stage 1 of cells of one shape, side by side: every state is [B, H, cells · S]."""
        import torch

        cells, wide = [self.cells[number] for number in group], zero.repeat(1, 1, len(group))
        token = wide + part["embedding"][:, :1].transpose(1, 2)
        h = c = wide
        keys, anchors = [], []
        for place in range(self.inputs):
            if self.distinct:
                rows = [part["tokens"][:, number * self.inputs + place, :, None] + zero for number in group]
                h, c = self._cell(part, "index", torch.cat(rows, dim=2), wide, wide)
            elif not place:
                h, c = self._cell(part, "index", token, wide, wide)
            keys.append(part["W1"] @ h)
            anchors.append(h if self.distinct else wide)
        x = token
        for nodes in zip(*(cell.nodes for cell in cells), strict=True):
            for decisions in zip(*nodes, strict=True):
                h, c = self._cell(part, "index", x, h, c)
                known = torch.stack(keys[: self.choices[decisions[0]]], dim=2)
                joined = (known + (part["W2"] @ h)[:, :, None]).tanh()
                logits = torch.einsum("bh,bhks->bsk", part["v"][:, 0], joined).chunk(len(cells), dim=1)
                code = torch.cat([choose(d, own) for d, own in zip(decisions, logits, strict=True)], dim=1)
                at = code[:, None, None].expand(-1, self.hidden, 1, -1)
                x = torch.stack(anchors, dim=2).gather(2, at)[:, :, 0]
            h, c = self._cell(part, "index", x, h, c)
            keys.append(part["W1"] @ h)
            anchors.append(h)
            x = token

    def _choose_operations(
        self, part: dict[str, Any], cell: Decisions, words: Any, ends: list[Any], choose: Any
    ) -> list[Any]:
        """Stage 2 of a cell, from the final states of the one before; `words` [B, L, S]. Returns its final states."""
        import torch

        length, samples = words.shape[1:]
        at = words.flatten(1)[:, None].expand(-1, self.hidden, -1)
        read = part["states"].transpose(1, 2).gather(2, at)  # [B, H, L · S]
        outputs: list[Any] = [[None] * length, [None] * length]
        for way, (name, order) in enumerate((("ahead", range(length)), ("back", range(length - 1, -1, -1)))):
            state, into = ends[way], (part[f"weight_ih_{name}"] @ read + part[f"bias_ih_{name}"])
            each = into.unflatten(2, (length, samples)).unbind(2)
            for place in order:
                state = self._gates(part, name, each[place], *state)
                outputs[way][place] = state[0]
            ends[way] = state[::-1] if self.carry == "exchanged" else state
        both = torch.cat([torch.cat(way, dim=2) for way in outputs], dim=1)
        logits = part["linear"] @ both + part["linear_bias"]
        for decision, own in zip(cell.operations, logits.chunk(length, dim=2), strict=True):
            choose(decision, own.transpose(1, 2))
        return ends


def _lstm(name: str, hidden: int) -> dict[str, tuple[int, ...]]:
    """The parameters of an LSTM cell by name, with their shapes."""
    weights = {f"weight_{kind}_{name}": (4 * hidden, hidden) for kind in ("ih", "hh")}
    return weights | {f"bias_{kind}_{name}": (4 * hidden, 1) for kind in ("ih", "hh")}
