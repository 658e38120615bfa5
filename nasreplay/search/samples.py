"""Searchers that tell every architecture they sampled and what it was worth, for the log of these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasreplay.search.base import SamplingSearcher


class Sample(NamedTuple):
    """One architecture that was sampled in a step of a search on shared weights."""

    codes: np.ndarray
    """int8 [D]."""
    value: float
    """What it was worth; NaN for one that the weights were trained on: its accuracy on the training batch."""
    tag: str
    """What it was sampled for, a word."""


class TellsSamples(SamplingSearcher):
    """A sampling searcher whose samples on shared weights are logged one by one.

    `begin` adds their number to the state, by which the log of a run that goes on is cut back.
    """

    sampled: list[Sample]
    """What was sampled in the last step."""

    def start_samples(self, replicas: int) -> None:
        """Begin with none."""
        self.sampled, self.state.sampled = [], np.zeros(replicas, dtype=np.int64)

    def tell_samples(self, rows: np.ndarray, codes: np.ndarray, values: np.ndarray | float, tag: str) -> None:
        """Keep samples of these rows (they may repeat) until the next step."""
        values = np.broadcast_to(values, len(rows))
        self.sampled += [Sample(code, float(value), tag) for code, value in zip(codes, values, strict=True)]
        np.add.at(self.state.sampled, rows, 1)

    def other_answers(self) -> dict[str, np.ndarray]:
        """Further answers of a finished search by name, codes int8 [D] of the first replica; none by default."""
        return {}
