"""Searchers and the driver that runs them on any evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasreplay import config
from nasreplay.errors import UnknownName
from nasreplay.evaluate.ledger import Budget
from nasreplay.search.base import Live, Question, SamplingSearcher, Searcher
from nasreplay.search.bohb import BOHB
from nasreplay.search.curriculum import Curriculum, CurriculumFixed
from nasreplay.search.driver import run
from nasreplay.search.gradient import GDAS, SNAS, DartsV1, DartsV2, GradientSearch
from nasreplay.search.local import LocalSearch
from nasreplay.search.random import RandomSearch
from nasreplay.search.rea import REA
from nasreplay.search.reinforce import Reinforce

SEARCHERS: dict[str, type[Searcher]] = {
    searcher.name: searcher
    for searcher in (
        RandomSearch,
        LocalSearch,
        REA,
        Reinforce,
        BOHB,
        Curriculum,
        CurriculumFixed,
        DartsV1,
        DartsV2,
        GDAS,
        SNAS,
    )
}


def make(name: str, changes: Mapping[str, Any] | None = None, *, preset: str = "table") -> Searcher:
    """A searcher by name, with the named defaults of `preset` and then `changes`.

    preset "table" reads configs/algos/NAME-table.config where there is one; "published" keeps the dataclass
    defaults. Raises UnknownName or BadSetting.
    """
    key = name.lower().replace("_", "-")
    if key not in SEARCHERS:
        raise UnknownName(f"unknown searcher {name!r}; known: {', '.join(SEARCHERS)}")
    searcher = SEARCHERS[key]()
    file = config.folder() / "algos" / f"{key}-{preset}.config"
    if preset != "published" and file.exists():
        searcher = config.apply(searcher, config.load(file), file.name)
    return config.apply(searcher, changes or {}, key)


__all__ = [
    "BOHB",
    "GDAS",
    "REA",
    "SEARCHERS",
    "SNAS",
    "Budget",
    "Curriculum",
    "CurriculumFixed",
    "DartsV1",
    "DartsV2",
    "GradientSearch",
    "Live",
    "LocalSearch",
    "Question",
    "RandomSearch",
    "Reinforce",
    "SamplingSearcher",
    "Searcher",
    "make",
    "run",
]
