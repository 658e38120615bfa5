"""What a run folder must know of a search: runs import no searchers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from nasreplay.evaluate.protocol import Evaluator


class Staged(Protocol):
    """A stage of a search whose space grows (`nasreplay.search.stages.Stage`)."""

    @property
    def number(self) -> int:
        """Its number, from 1."""
        ...

    def plain(self) -> dict[str, Any]:
        """The stage as JSON values."""
        ...


class Recordable(Protocol):
    """A searcher, as far as it is recorded (`nasreplay.search.Searcher`)."""

    state: SimpleNamespace
    """Arrays [R, …]; `loss` of a search by slopes is logged."""

    def answer(self) -> np.ndarray:
        """int8 [R, D]: what each replica would answer now."""
        ...

    def tells_steps(self, evaluator: Evaluator) -> bool:
        """Whether the answer of every step is recorded; else it is the best architecture seen."""
        ...

    def step_facts(self) -> dict[str, float]:
        """Numbers of the last step, by name."""
        ...

    def stage(self) -> Staged | None:
        """The stage of the last step; None where the space does not grow."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        ...


class AtEpoch(Protocol):
    """The step's place in the run (`nasreplay.search.Live`)."""

    @property
    def epoch(self) -> int:
        """Number of the epoch, counted from 0."""
        ...
