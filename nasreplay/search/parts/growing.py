"""Spaces that grow: in every stage of a search more operations, or more nodes of the cells, are open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting, shortened
from nasreplay.search.base import Live, SamplingSearcher
from nasreplay.search.parts.policies import Vocabulary
from nasreplay.search.stages import Stage
from nasreplay.spaces.base import Space
from nasreplay.spaces.graph import NONE

ROUNDING = 1e-9  # equal steps must not miss the end of a stage or of its warm-up by a rounding error
BASES = ("nor_conv_3x3", "sep_conv_3x3")  # published: sep_conv_3x3
SHARES = ("equal", "log_size", "size")
GROWS = ("operations", "nodes")


@dataclass
class Growing(SamplingSearcher):
    """A sampling searcher in a space that opens in stages, each with an equal part of the budget or another share."""

    order: str = "shuffle"
    """Growth order of the operations: shuffle (base_op first, the others permuted anew for every replica), random
    (all permuted), listed, or all names joined by commas."""
    base_op: str = ""
    """The operation that a shuffle begins with; empty: nor_conv_3x3 or sep_conv_3x3 (published) where it exists."""
    start_ops: int = 1
    """Operations (grow=nodes: nodes) that are open in the first stage."""
    grow_by: int = 1
    """Operations (grow=nodes: nodes) that every further stage opens."""
    end_ops: int = 0
    """Operations (grow=nodes: nodes) that are open in the last stage; 0: all."""
    stages: str = ""
    """All operations by the stages that open them, such as a,b;c;d; in place of order, start_ops and grow_by."""
    grow: str = "operations"
    """What stages open: operations, or nodes of cells (every operation is open then; closed nodes add nothing)."""
    stage_share: str = "equal"
    """How the budget is divided over stages: equal, or in proportion to log_size or size of the open space."""
    warmup: float = 1 / 3
    """Fraction of each stage drawn uniformly without training the policy: 20 of 60 epochs."""

    def __post_init__(self):
        positive(self, "start_ops", "grow_by")
        within(self, 0.0, 1.0, "warmup")
        within(self, 0, 1000, "end_ops")
        one_of(self, "stage_share", SHARES)
        one_of(self, "grow", GROWS)
        others = (self.grow, self.order, self.base_op, self.end_ops)
        if self.stages and others != ("operations", "shuffle", "", 0):
            raise BadSetting(
                f"{self.name}.stages says what opens when: leave out grow, order, base_op and end_ops"
            )

    def counts(self, space: Space) -> np.ndarray:
        """int64 [S]: operations, or nodes of a cell, that are open in each stage. Raises BadSetting."""
        if self.stages:
            return np.cumsum([len(names.split(",")) for names in self.stages.split(";")])
        most = self.nodes_of(space, "grow") if self.grow == "nodes" else len(Vocabulary(space).operations)
        if self.end_ops > most:
            raise BadSetting(f"{self.name}.end_ops is {self.end_ops}: the space has {most} {self.grow}")
        most = self.end_ops or most
        first = self._first(most)
        if first > most:
            raise BadSetting(f"{self.name}.start_ops is {first}: the space has {most} {self.grow}")
        stages = 1 + -(-(most - first) // self.grow_by)
        return np.minimum(first + self.grow_by * np.arange(stages), most)

    def _first(self, most: int) -> int:
        """Operations or nodes that are open in the first stage."""
        return self.start_ops

    def nodes_of(self, space: Space, field: str) -> int:
        """Nodes of a cell, for a setting that goes by them. Raises BadSetting where none can be left out."""
        if not space.places or NONE not in Vocabulary(space).operations:
            raise BadSetting(
                f"{self.name}.{field} is nodes: cells of the {space.name} space have no nodes that can be left out; "
                "operations"
            )
        return 1 + max(place.node for place in space.places)

    def start_growth(self) -> None:
        """Draw every replica's growth order, and divide the budget into stages."""
        self._words, self._counts = Vocabulary(self.space), self.counts(self.space)
        self._node = np.array([place.node for place in self.space.places])
        operations, replicas = self._words.operations, len(self.state.best_codes)
        orders = self._orders(operations, replicas)
        self.state.turn = np.argsort(orders, axis=1)  # [R, O]: when each operation opens
        self.state.stage = np.full(replicas, -1)  # of the last step
        self.state.warms = np.zeros(replicas, dtype=bool)
        stages = np.arange(len(self._counts))
        opened = self.allowed(np.zeros(len(stages), dtype=np.int64), stages)
        log_size = np.log(opened.sum(axis=-1)).sum(axis=-1)
        self._one = log_size == 0
        share = {"equal": np.ones(len(stages)), "log_size": log_size, "size": np.exp(log_size)}
        part = share[self.stage_share]
        self._bounds = np.cumsum(part) / part.sum()  # progress at which each stage ends

    def _orders(self, operations: tuple[str, ...], replicas: int) -> np.ndarray:
        """int64 [R, O]: operation codes in order of growth."""
        listed = np.tile(np.arange(len(operations)), (replicas, 1))
        if self.stages:
            return self._named("stages", self.stages.replace(";", ","), operations, replicas)
        if self.order == "listed":
            return listed
        if self.order == "random":
            return self.stream.at().permutation(len(operations))
        if self.order == "shuffle":
            usual = [name for name in BASES if name in operations]
            base = self.base_op or (*usual, operations[0])[0]
            if base not in operations:
                raise BadSetting(
                    f"{self.name}.base_op is {shortened(base)}; operations: {', '.join(operations)}"
                )
            others = np.delete(np.arange(len(operations)), operations.index(base))
            rest = others[self.stream.at().permutation(len(others))]
            return np.column_stack([np.full(replicas, operations.index(base)), rest])
        return self._named("order", self.order, operations, replicas)

    def _named(self, field: str, text: str, operations: tuple[str, ...], replicas: int) -> np.ndarray:
        names = text.split(",")
        if sorted(names) != sorted(operations):
            usual = "shuffle, random, listed, or " if field == "order" else ""
            raise BadSetting(
                f"{self.name}.{field} is {shortened(getattr(self, field))}: {usual}all of {','.join(operations)}"
            )
        return np.tile([operations.index(name) for name in names], (replicas, 1))

    def stage_of(self, live: Live) -> np.ndarray:
        """int64 [n]: the stage of each replica that runs, from 0."""
        return np.searchsorted(self._bounds[:-1], live.progress + ROUNDING, side="right")

    def allowed(self, rows: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """bool [n, D, V]: the words open to each decision of replicas in these stages [n]."""
        words, count = self._words, self._counts[stage]
        open_ = np.repeat(words.mask[None], len(rows), axis=0)
        if self.grow == "nodes":
            nothing = [0 if place.source else words.operations.index(NONE) for place in self.space.places]
            alone = np.arange(open_.shape[2]) == words.words(np.array(nothing))[:, None]
            return np.where((self._node >= count[:, None])[..., None], alone, open_)
        among = self.state.turn[rows] < count[:, None]
        open_[:, words.growing, : among.shape[1]] &= among[:, None]
        return open_

    def warming(self, live: Live) -> np.ndarray:
        """bool [n]: whether each replica's stage still draws uniformly."""
        stage = self.stage_of(live)
        start = np.concatenate([[0.0], self._bounds[:-1]])[stage]
        return live.progress - start + ROUNDING < self.warmup * (self._bounds[stage] - start)

    def enter(self, live: Live) -> None:
        """Note the stage of a step."""
        self.state.stage[live.rows], self.state.warms[live.rows] = self.stage_of(live), self.warming(live)

    def stage(self) -> Stage | None:
        """The stage of the first replica; None before its first step."""
        number, words, space = int(self.state.stage[0]), self._words, self.space
        if number < 0:
            return None
        allowed = self.allowed(np.array([0]), np.array([number]))[0]
        count, by_nodes = int(self._counts[number]), self.grow == "nodes"
        opened = np.argsort(self.state.turn[0])[: None if by_nodes else count]
        option, decision = np.arange(space.choices.max()), np.arange(space.decisions)
        word = words.words(np.minimum(option[:, None], space.choices - 1))  # [O, D]
        return Stage(
            number=number + 1,
            of=len(self._counts),
            operations=tuple(words.operations[code] for code in opened),
            nodes=count if by_nodes else 0,
            open=allowed[decision, word].T & (option < space.choices[:, None]),
            warming=bool(self.state.warms[0]),
            learned=float(self._bounds[number] * (1 - self.warmup)),
        )
