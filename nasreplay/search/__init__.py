"""Searchers and the driver that runs them on any evaluator.

`nasreplay.search("rea", evaluations=200)` calls `nasreplay.jobs.searches.search`: one recorded search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasreplay import config
from nasreplay._callable import callable_package
from nasreplay.errors import UnknownName
from nasreplay.evaluate.ledger import Budget
from nasreplay.own import is_place
from nasreplay.search.base import SEARCHERS, Live, Question, SamplingSearcher, Searcher, register_searcher
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
from nasreplay.search.searchers.sampled_slopes import DartsSampled, SnasSampled
from nasreplay.search.searchers.weight_sharing import RSPS, SETN

callable_package(__name__, "nasreplay.jobs.searches:search")

PRESETS = ("table", "live", "published")


def default_comparison() -> tuple[str, ...]:
    """What `nasreplay replay` compares when nothing is named: no method that needs weights or several fidelities."""
    return tuple(name for name, searcher in SEARCHERS.items() if searcher.compared)


def make(name: str, changes: Mapping[str, Any] | None = None, *, preset: str = "table") -> Searcher:
    """A searcher by name or place (`my.py:Annealing`), with the named defaults of `preset` and then `changes`.

    preset "table" or "live" reads configs/algos/NAME-PRESET.config where there is one; "published" keeps the
    dataclass defaults, which are the published live values. Raises UnknownName or BadSetting.
    """
    kind = SEARCHERS.named(name if is_place(name) else name.lower().replace("_", "-"))
    key = kind.name
    if preset not in PRESETS:
        raise UnknownName.among(PRESETS, "unknown preset", preset)
    searcher = kind()
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
    "TAS",
    "Budget",
    "Curriculum",
    "CurriculumFixed",
    "DartsSampled",
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
    "SnasSampled",
    "default_comparison",
    "make",
    "register_searcher",
    "run",
]
