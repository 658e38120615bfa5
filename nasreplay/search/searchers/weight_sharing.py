"""RSPS and SETN: train shared weights on uniform architectures, then choose by shared-weight accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive
from nasreplay.errors import LacksCapability
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Mixture
from nasreplay.search.base import Live, Searcher, register_searcher
from nasreplay.search.parts.candidates import answer_best, answer_first
from nasreplay.search.parts.samplers import vertex
from nasreplay.search.searchers.gradient import GradientSearch
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class RSPS(Searcher):
    """Random search with parameter sharing: every weight step trains a fresh uniform architecture.

    At the end of each epoch uniform architectures are tried; the best is the epoch's answer. A table has no weights
    to train, so there it is a random search that starts anew in every epoch.
    Deviations: candidates are compared on the evaluator's fixed validation batches instead of one batch each; the
    last epoch's choice is the final one (the published script chooses once more).
    """

    epochs: int = 250  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search. Default: NAS-Bench-201's."""
    candidates: int = 100
    """Uniform architectures tried at the end of each epoch, repeats allowed. Default: NAS-Bench-201's."""
    draw: str = "network"
    """Weight steps train one architecture in all cells (network, as NAS-Bench-201's script), or another one in each,
    without nodes of only `none`, and pass over the architecture batch with others (cell, as NATS-Bench's)."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "RANDOM"
    listed: ClassVar[int] = 8
    name: ClassVar[str] = "rsps"
    source: ClassVar[str] = (
        "Li & Talwalkar, Random Search and Reproducibility for NAS, UAI 2019, section 3; settings of NAS-Bench-201"
    )

    def __post_init__(self):
        positive(self, "epochs", "candidates")
        one_of(self, "draw", ("network", "cell"))

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A random answer."""
        super().begin(space, ladder, seed, replicas)
        answer_first(self.state, space.sample(self.stream.at()))

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One weight step on a uniform architecture."""
        if "weights" in evaluator.abilities:
            evaluator.begin_step()
            evaluator.learn(self._drawn(evaluator, live.rows), replica=live.rows)
            if self.draw == "cell":
                evaluator.watch(self._drawn(evaluator, live.rows), replica=live.rows)

    def _drawn(self, evaluator: Evaluator, rows: np.ndarray) -> Mixture:
        """Uniform architectures; with a cell axis [n, M, E, O] where each cell has its own."""
        draws, cells = self.draws(rows), evaluator.mixed_cells
        if self.draw == "network":
            return vertex(self.space, self.space.sample(draws))
        if not cells:
            raise LacksCapability(f"{self.name}.draw=cell: the cells of this network cannot differ")
        one_hot = vertex(self.space, self.space.sample_joined(draws, cells).reshape(-1, self.space.decisions))
        return Mixture(*(part.reshape(len(rows), cells, *part.shape[1:]) for part in one_hot))

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Try uniform architectures."""
        draws = self.draws(live.rows)
        codes = np.stack([self.space.sample(draws) for _ in range(self.candidates)], axis=1)
        answer_best(self.state, evaluator, live.rows, codes)

    def incumbent(self) -> np.ndarray:
        """The best candidate of the last epoch."""
        return self.state.best_codes


@register_searcher
@dataclass
class SETN(GradientSearch):
    """DARTS' slope for the logits, but the shared weights train on one uniform architecture a step.

    At the end of each epoch the most probable architectures are tried; the best is the epoch's answer.
    Deviation: candidates are compared on the evaluator's fixed validation batches instead of one batch each.
    """

    epochs: int = 250
    """Epochs of the search. Default: NAS-Bench-201's."""
    candidates: int = 100
    """The most probable architectures tried at the end of each epoch. Default: NAS-Bench-201's."""

    name: ClassVar[str] = "setn"
    recipe: ClassVar[str] = "SETN"
    listed: ClassVar[int] = 8
    edgewise: ClassVar[bool] = True
    source: ClassVar[str] = "Dong & Yang, SETN, ICCV 2019, sections 3.2 to 3.4; settings of NAS-Bench-201"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluate", "slope"})

    def __post_init__(self):
        super().__post_init__()
        positive(self, "candidates")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly equal logits; until the first epoch's end the answer is their argmax."""
        super().begin(space, ladder, seed, replicas)
        answer_first(self.state, space.derive(self.state.logits))

    def trained(self, rows: np.ndarray, temperature: float) -> Mixture:
        """A uniform architecture."""
        return vertex(self.space, self.space.sample(self.draws(rows)))

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Try the most probable architectures."""
        codes = most_probable(self.state.logits[live.rows], self.candidates)
        answer_best(self.state, evaluator, live.rows, codes)

    def incumbent(self) -> np.ndarray:
        """The best candidate of the last epoch."""
        return self.state.best_codes


def most_probable(logits: np.ndarray, count: int) -> np.ndarray:
    """int8 [n, K, D]: the K architectures of largest Σ log softmax(logits [n, D, O]), best first (−inf never comes).

    Exact without listing the space: what is among the best K begins with one of the best K beginnings.
    K is `count`, or the size of a smaller space.
    """
    rows = np.arange(len(logits))[:, None]
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    scores, codes = np.zeros((len(logits), 1)), np.zeros((len(logits), 1, 0), dtype=np.int8)
    for edge in range(log_p.shape[1]):
        options = np.flatnonzero(np.isfinite(log_p[:, edge]).all(axis=0))
        longer = (scores[:, :, None] + log_p[:, None, edge, options]).reshape(len(logits), -1)
        best = np.argsort(-longer, axis=1, kind="stable")[:, :count]
        scores = longer[rows, best]
        last = options[best % len(options)].astype(np.int8)
        codes = np.concatenate([codes[rows, best // len(options)], last[:, :, None]], axis=2)
    return codes
