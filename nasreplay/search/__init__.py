"""Searchers and the driver that runs them on any evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasreplay import config
from nasreplay.errors import UnknownName
from nasreplay.evaluate.ledger import Budget
from nasreplay.search.base import Live, Question, SamplingSearcher, Searcher
from nasreplay.search.driver import run
from nasreplay.search.searchers.bohb import BOHB
from nasreplay.search.searchers.channel_search import TAS, MaskGumbel, MaskRL
from nasreplay.search.searchers.curriculum import Curriculum, CurriculumFixed
from nasreplay.search.searchers.enas import ENAS
from nasreplay.search.searchers.gradient import GDAS, SNAS, DartsV1, DartsV2, GradientSearch
from nasreplay.search.searchers.hyperband import Hyperband
from nasreplay.search.searchers.local import LocalSearch
from nasreplay.search.searchers.random import RandomSearch
from nasreplay.search.searchers.rea import REA
from nasreplay.search.searchers.reinforce import Reinforce
from nasreplay.search.searchers.weight_sharing import RSPS, SETN

SEARCHERS: dict[str, type[Searcher]] = {
    searcher.name: searcher
    for searcher in (
        RandomSearch,
        LocalSearch,
        REA,
        Reinforce,
        Hyperband,
        BOHB,
        Curriculum,
        CurriculumFixed,
        DartsV1,
        DartsV2,
        GDAS,
        SNAS,
        RSPS,
        SETN,
        ENAS,
        TAS,
        MaskGumbel,
        MaskRL,
    )
}
_NOT_DEFAULT = ("hyperband", "rsps", "setn", "enas", "tas", "mask-gumbel", "mask-rl")
TABLE_DEFAULTS = tuple(name for name in SEARCHERS if name not in _NOT_DEFAULT)
"""What `nasreplay replay` compares when nothing is named; the others need shared weights or several fidelities."""


PRESETS = ("table", "live", "published")


def make(name: str, changes: Mapping[str, Any] | None = None, *, preset: str = "table") -> Searcher:
    """A searcher by name, with the named defaults of `preset` and then `changes`.

    preset "table" or "live" reads configs/algos/NAME-PRESET.config where there is one; "published" keeps the
    dataclass defaults, which are the published live values. Raises UnknownName or BadSetting.
    """
    key = name.lower().replace("_", "-")
    if key not in SEARCHERS:
        raise UnknownName(f"unknown searcher {name!r}; known: {', '.join(SEARCHERS)}")
    if preset not in PRESETS:
        raise UnknownName(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")
    searcher = SEARCHERS[key]()
    file = config.folder() / "algos" / f"{key}-{preset}.config"
    if preset != "published" and file.exists():
        searcher = config.apply(searcher, config.load(file), file.name)
    return config.apply(searcher, changes or {}, key)


__all__ = [
    "BOHB",
    "ENAS",
    "GDAS",
    "REA",
    "RSPS",
    "SEARCHERS",
    "SETN",
    "SNAS",
    "TABLE_DEFAULTS",
    "TAS",
    "Budget",
    "Curriculum",
    "CurriculumFixed",
    "DartsV1",
    "DartsV2",
    "GradientSearch",
    "Hyperband",
    "Live",
    "LocalSearch",
    "MaskGumbel",
    "MaskRL",
    "Question",
    "RandomSearch",
    "Reinforce",
    "SamplingSearcher",
    "Searcher",
    "make",
    "run",
]
