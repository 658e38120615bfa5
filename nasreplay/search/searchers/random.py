"""Random search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nasreplay.search.base import Live, Question, SamplingSearcher, register_searcher


@register_searcher
@dataclass
class RandomSearch(SamplingSearcher):
    """Random search: every decision independent and uniform; repeats are allowed and charged, as in NATS-Bench."""

    name: ClassVar[str] = "random"
    source: ClassVar[str] = (
        "Bergstra & Bengio 2012; protocol of Dong et al., NATS-Bench, TPAMI 2021, section 5"
    )
    compared: ClassVar[bool] = True
    listed: ClassVar[int] = 1

    def ask(self, live: Live) -> Question:
        """A uniform architecture for every replica."""
        return Question(self.space.sample(self.draws(live.rows)), live.rows)
