"""Searchers and the driver that runs them on any evaluator.

`nasreplay.search("rea", evaluations=200)` calls `nasreplay.jobs.searches.search`: one recorded search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasreplay._callable import callable_package, function_at, in_python_words
from nasreplay.evaluate.ledger import Budget
from nasreplay.search import driver, named
from nasreplay.search.base import SEARCHERS, Live, Question, SamplingSearcher, Searcher, register_searcher
from nasreplay.search.searchers.bohb import BOHB
from nasreplay.search.searchers.channel_search import TAS, MaskGumbel, MaskRL
from nasreplay.search.searchers.curriculum import Curriculum, CurriculumFixed
from nasreplay.search.searchers.enas import ENAS
from nasreplay.search.searchers.gradient import GDAS, DartsV1, DartsV2, GradientSearch
from nasreplay.search.searchers.hyperband import Hyperband
from nasreplay.search.searchers.local import LocalSearch
from nasreplay.search.searchers.random import RandomSearch
from nasreplay.search.searchers.rea import REA
from nasreplay.search.searchers.reinforce import Reinforce
from nasreplay.search.searchers.sampled_slopes import DartsSampled, SnasSampled
from nasreplay.search.searchers.snas import SNAS
from nasreplay.search.searchers.weight_sharing import RSPS, SETN

if TYPE_CHECKING:
    from nasreplay.evaluate.table import TableEvaluator
    from nasreplay.runs.result import Comparison

callable_package(__name__, "nasreplay.jobs.searches:search")

make, run = in_python_words(named.make), driver.run


def default_comparison() -> tuple[str, ...]:
    """What `nasreplay replay` compares when nothing is named: no method that needs weights or several fidelities."""
    return tuple(name for name, searcher in SEARCHERS.items() if searcher.compared)


@in_python_words
def compare(
    searchers: Sequence[str | Searcher | type[Searcher]],
    table: TableEvaluator | Sequence[TableEvaluator],
    *,
    replicas: int = 500,
    evaluations: int | None = None,
    budget: float | None = None,
    seed: int = 0,
) -> Comparison:
    """Searchers side by side on a table in this process: ranks, tests and figures as `nasreplay replay` makes them.

    searchers: objects, or names, whose settings are those for tables. table: of `nasreplay.load_table`; several of
    one space are several data sets. budget: simulated seconds; without it and `evaluations` the published one. What
    is returned has `rows`, `plot("figure.pdf")`, `to_frame()` and `merged(other)`. Raises BadSetting, UnknownName,
    LacksCapability or NotMeasured. `nasreplay.replay` writes the same into a folder, in worker processes.
    """
    limits = {"replicas": replicas, "evaluations": evaluations, "budget": budget, "seed": seed}
    return function_at("nasreplay.replay.in_memory:compare")(searchers, table, **limits)


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
    "compare",
    "default_comparison",
    "make",
    "register_searcher",
    "run",
]
