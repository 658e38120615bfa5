"""Policies of the curriculum and of ENAS: independent logits, or an LSTM that takes one decision after the other.

Both keep all their parameters of a replica in one array row, sized for the whole vocabulary: every option that any
decision has, as a word. Words that a decision does not have, or that are not open yet, are masked.
They give and take words; `Vocabulary` makes them codes.
Shapes: n replicas, S samples of each, D decisions, V words (O where all decisions are over the same O operations),
P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.evaluate.protocol import Fidelity
from nasreplay.search.base import on_batch
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.genotypes.derivation import softmax


class Vocabulary:
    """The options of a space's decisions as words; decisions may share all, some or none of theirs."""

    operations: tuple[str, ...]
    """The longest list of options, not of inputs: the first words."""
    growing: np.ndarray
    """bool [D]: the decisions that choose among exactly these operations."""
    mask: np.ndarray
    """bool [D, V]: the words of each decision."""

    def __init__(self, space: Space):
        chosen = [not place.source for place in space.places] or [True] * len(space.options)
        among = {names for names, operation in zip(space.options, chosen, strict=True) if operation}
        lists = sorted(dict.fromkeys(space.options), key=lambda names: (names not in among, -len(names)))
        words = {word: place for place, word in enumerate(dict.fromkeys(w for names in lists for w in names))}
        self.operations = lists[0]
        self.growing = np.array([names == lists[0] for names in space.options])
        self._decision = np.arange(len(space.options))
        self._word = np.zeros((len(space.options), max(map(len, lists))), dtype=np.int64)
        self._code = np.zeros((len(space.options), len(words)), dtype=np.int8)
        self.mask = np.zeros(self._code.shape, dtype=bool)
        for decision, names in enumerate(space.options):
            at = [words[name] for name in names]
            self._word[decision, : len(at)], self._code[decision, at] = at, range(len(at))
            self.mask[decision, at] = True

    def words(self, codes: np.ndarray) -> np.ndarray:
        """int64 [..., D]: the words of codes [..., D]."""
        return self._word[self._decision, codes]

    def codes(self, words: np.ndarray) -> np.ndarray:
        """int8 [..., D]: inverse of `words`."""
        return self._code[self._decision, words]


def block_of(ladder: tuple[Fidelity, ...]) -> int:
    """Replicas that an LSTM computes at once: many on a table; a supernet serves one, so there is nothing to pad."""
    return 16 if on_batch(ladder) is None else 1


class LogitsPolicy:
    """A table of independent logits, parameters [n, D, V]."""

    def __init__(self, space: Space, hidden: int, block: int):
        self.shape = Vocabulary(space).mask.shape

    def initial(self, draws: Draws) -> np.ndarray:
        """Logits of a nearly uniform policy."""
        return 1e-3 * draws.normal(self.shape[0] * self.shape[1]).reshape(len(draws), *self.shape)

    def sample(self, logits: np.ndarray, allowed: np.ndarray, draws: Draws) -> np.ndarray:
        """int8 [n, D]: words inside the allowed ones [n, D, V]."""
        return draws.categorical(_masked_softmax(logits, allowed))

    def chances(self, logits: np.ndarray, allowed: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Probability [n, D, V] of each word at each decision of architectures (words [n, D])."""
        return _masked_softmax(logits, allowed)

    def gradient(
        self,
        logits: np.ndarray,
        allowed: np.ndarray,
        codes: np.ndarray,
        advantage: np.ndarray,
        entropy: float,
    ) -> np.ndarray:
        """Gradient [n, D, V] of −log p(codes) · advantage − entropy · H."""
        p = _masked_softmax(logits, allowed)
        log_p = np.log(np.where(p > 0, p, 1.0))
        uncertainty = -(p * log_p).sum(axis=-1, keepdims=True)
        score = p - (codes[:, :, None] == np.arange(p.shape[-1]))
        return score * advantage[:, None, None] + entropy * p * (log_p + uncertainty)


class LSTMPolicy:
    """LSTM cells, an embedding of the previous decision and a shared head; parameters [n, P], float32.

    As in the curriculum: one cell and a zero first input (Guo et al., ICML 2020, section 4.2; there, nodes
    are decided by attention and by a controller for each cell, here every decision has the same head).
    Replicas are computed in blocks of a fixed size (`block`, zero-padded), so that their numbers don't depend on the
    batch, and the memory of the unrolled cell stays small. S samples of a replica share its parameters.
    """

    layers = 1
    learned_input = False

    def __init__(self, space: Space, hidden: int, block: int):
        self.decisions, o = Vocabulary(space).mask.shape
        self.hidden, self.block = hidden, block
        h = hidden
        self.shapes = {"input": (h, 1)} if self.learned_input else {}
        self.shapes["embedding"] = (o, h)
        for layer in range(self.layers):
            self.shapes |= {f"weight_{kind}_{layer}": (4 * h, h) for kind in ("ih", "hh")}
            self.shapes |= {f"bias_{kind}_{layer}": (4 * h, 1) for kind in ("ih", "hh")}
        self.shapes |= {"head": (o, h), "head_bias": (o, 1)}
        self.sizes = [int(np.prod(shape)) for shape in self.shapes.values()]

    def spread(self, name: str) -> float:
        """Parameters start uniform in [−spread, spread]."""
        return 0.1

    def shape_logits(self, logits: Any) -> Any:
        """The head's output as logits; a subclass may squash it."""
        return logits

    def initial(self, draws: Draws) -> np.ndarray:
        """Fresh parameters."""
        spread = np.repeat([self.spread(name) for name in self.shapes], self.sizes)
        return (2 * spread * draws.uniform(sum(self.sizes)) - spread).astype(np.float32)

    def sample(self, parameters: np.ndarray, allowed: np.ndarray, draws: Draws) -> np.ndarray:
        """One architecture of each policy, as words int8 [n, D]."""
        return self.sample_many(parameters, allowed, draws, 1)[:, 0]

    def sample_many(
        self, parameters: np.ndarray, allowed: np.ndarray, draws: Draws, samples: int
    ) -> np.ndarray:
        """S architectures of each policy, as words int8 [n, S, D]."""
        import torch

        mark = draws.uniform(samples * self.decisions).reshape(-1, samples, self.decisions)
        codes = np.empty(mark.shape, dtype=np.int8)
        for rows, (theta, mask, u) in self._blocks(parameters, allowed, mark):
            with torch.no_grad():
                chosen, _ = self._unroll(theta, mask, uniform=u)
            codes[rows] = chosen.numpy()[: rows.stop - rows.start]
        return codes

    def score(
        self, parameters: np.ndarray, allowed: np.ndarray, codes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Summed log-probabilities and entropies [n, S] of codes [n, S, D]."""
        import torch

        log_p, entropy = np.empty((2, *codes.shape[:2]), dtype=parameters.dtype)
        for rows, (theta, mask, fixed) in self._blocks(parameters, allowed, codes):
            with torch.no_grad():
                pair = self._sums(theta, mask, fixed.long())
            log_p[rows], entropy[rows] = (part.numpy()[: rows.stop - rows.start] for part in pair)
        return log_p, entropy

    def chances(self, parameters: np.ndarray, allowed: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Probability [n, D, V] of each word at each decision, after the earlier ones of architectures [n, D]."""
        import torch

        found = np.zeros(allowed.shape, dtype=parameters.dtype)
        for rows, (theta, mask, fixed) in self._blocks(parameters, allowed, words[:, None]):
            with torch.no_grad():
                _, log_p = self._unroll(theta, mask, codes=fixed.long())
            found[rows] = log_p[: rows.stop - rows.start, 0].exp().numpy()
        return found

    def gradient(
        self,
        parameters: np.ndarray,
        allowed: np.ndarray,
        codes: np.ndarray,
        advantage: np.ndarray,
        entropy: float | np.ndarray,
    ) -> np.ndarray:
        """Gradient [n, P] of −log p(codes) · advantage − entropy · H, summed over samples.

        codes [n, D] or [n, S, D]; advantage [n] or [n, S]; entropy a number or [n, S].
        """
        import torch

        gradient = np.empty_like(parameters)
        if codes.ndim == 2:
            codes, advantage = codes[:, None], advantage[:, None]
        weight = np.ascontiguousarray(np.broadcast_to(entropy, advantage.shape), dtype=float)
        for rows, (theta, mask, fixed, gain, bonus) in self._blocks(
            parameters, allowed, codes, advantage, weight
        ):
            theta.requires_grad_()
            chosen, uncertainty = self._sums(theta, mask, fixed.long())
            loss = -(chosen * gain + bonus * uncertainty).sum()  # rows are independent: one backward for all
            gradient[rows] = torch.autograd.grad(loss, theta)[0].numpy()[: rows.stop - rows.start]
        return gradient

    def _blocks(self, *arrays: np.ndarray) -> Any:
        """Slices of `block` rows, zero-padded, as tensors (real numbers in the parameters' precision)."""
        import torch

        kind, threads = arrays[0].dtype, torch.get_num_threads()
        torch.set_num_threads(1)  # threads share out the work by size, and so change last bits
        try:
            for start in range(0, len(arrays[0]), self.block):
                rows = slice(start, min(start + self.block, len(arrays[0])))
                padded = []
                for array in arrays:
                    same = kind if array.dtype.kind == "f" else array.dtype
                    full = np.zeros((self.block, *array.shape[1:]), dtype=same)
                    full[: rows.stop - start] = array[rows]
                    padded.append(full)
                padded[1][rows.stop - start :] = True  # padding may choose anything
                yield rows, [torch.from_numpy(full) for full in padded]
        finally:
            torch.set_num_threads(threads)

    def _sums(self, theta: Any, mask: Any, codes: Any) -> tuple[Any, Any]:
        """Log-probability and entropy [B, S] of codes [B, S, D]."""
        import torch

        _, log_p = self._unroll(theta, mask, codes=codes)
        open_ = mask[:, None]
        finite = torch.where(open_, log_p, log_p.new_zeros(()))
        uncertainty = -(finite.exp() * finite * open_).sum((2, 3))
        return log_p.gather(3, codes[..., None])[..., 0].sum(2), uncertainty

    def _unroll(self, theta: Any, mask: Any, *, codes: Any = None, uniform: Any = None) -> tuple[Any, Any]:
        """(codes [B, S, D], log-probabilities [B, S, D, V]): of given codes, or drawn by uniforms [B, S, D]."""
        import torch

        part = self._parts(theta)
        count, samples = len(theta), (uniform if codes is None else codes).shape[1]
        zero = theta.new_zeros(count, self.hidden, samples)
        x = zero + part["input"] if self.learned_input else zero
        state = [(zero, zero)] * self.layers
        embedding, chosen, log_ps = part["embedding"].transpose(1, 2), [], []
        for decision in range(self.decisions):
            for layer in range(self.layers):
                state[layer] = self._cell(part, layer, x, *state[layer])
                x = state[layer][0]
            logits = self.shape_logits((part["head"] @ x + part["head_bias"]).transpose(1, 2))
            log_p = logits.masked_fill(~mask[:, None, decision], -torch.inf).log_softmax(dim=2)
            op = drawn(log_p, uniform[:, :, decision]) if codes is None else codes[:, :, decision]
            chosen.append(op)
            log_ps.append(log_p)
            x = embedding.gather(2, op[:, None].expand(-1, self.hidden, -1))
        return torch.stack(chosen, dim=2), torch.stack(log_ps, dim=2)

    def _parts(self, theta: Any) -> dict[str, Any]:
        """The parameters of each row by name, in their shapes."""
        flat = theta.split(self.sizes, dim=1)
        shapes = self.shapes.items()
        return {name: values.reshape(-1, *shape) for (name, shape), values in zip(shapes, flat, strict=True)}

    def _cell(self, part: dict[str, Any], layer: int | str, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        """The next hidden and cell state [B, H, S]."""
        return self._gates(part, layer, part[f"weight_ih_{layer}"] @ x + part[f"bias_ih_{layer}"], h, c)

    def _gates(self, part: dict[str, Any], layer: int | str, into: Any, h: Any, c: Any) -> tuple[Any, Any]:
        """The same, where the input's part `into` [B, 4H, S] is known."""
        i, f, g, o = (into + part[f"weight_hh_{layer}"] @ h + part[f"bias_hh_{layer}"]).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ENASController(LSTMPolicy):
    """The controller of ENAS: two layers, a learned first input, and logits squashed to 2.5 · tanh(logits / 5).

    Pham et al., ICML 2018, as in NAS-Bench-201's code: input, embedding, head and the first layer's matrices start
    uniform in [−0.1, 0.1], everything else in torch's default range.
    """

    layers = 2
    learned_input = True

    def spread(self, name: str) -> float:
        """0.1, or torch's default 1/√hidden."""
        return (
            0.1 if name in ("input", "embedding", "head", "weight_ih_0", "weight_hh_0") else self.hidden**-0.5
        )

    def shape_logits(self, logits: Any) -> Any:
        """2.5 · tanh(logits / 5)."""
        return 2.5 * (logits / 5.0).tanh()


def drawn(log_p: Any, uniform: Any) -> Any:
    """Words [B, S] drawn by uniforms [B, S] from log-probabilities [B, S, V]."""
    bounds = log_p.exp().cumsum(dim=2)
    return (uniform[..., None] * bounds[..., -1:] >= bounds[..., :-1]).sum(dim=2)


def _masked_softmax(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    return softmax(np.where(allowed, logits, -np.inf))
