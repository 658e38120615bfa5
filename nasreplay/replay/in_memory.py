"""Comparisons in this process, on tables that are open: `nasreplay.search.compare`."""

from __future__ import annotations

from collections.abc import Sequence

from nasreplay import own, search
from nasreplay.errors import BadSetting, shortened
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.replay.comparing import settings_of, told
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.replay.tables import GivenTables
from nasreplay.runs.result import Comparison
from nasreplay.search import Searcher
from nasreplay.search.base import is_searcher
from nasreplay.search.driver import validate
from nasreplay.seeds import root_seed


def compare(
    searchers: Sequence[str | Searcher | type[Searcher]],
    table: TableEvaluator | Sequence[TableEvaluator],
    *,
    replicas: int,
    evaluations: int | None,
    budget: float | None,
    seed: int,
) -> Comparison:
    """See `nasreplay.search.compare`."""
    own.refuse_in_import("a comparison")
    tables = _opened(table)
    first = next(iter(tables.values()))
    plan = Plan(
        searchers=searchers_of(_several(searchers), "plain"),
        datasets=tuple(tables),
        trial=first.trial,
        gradient=first.gradient,
        samples=first.samples,
        replicas=replicas,
        evaluations=evaluations,
        budget=budget,
        seed=(seed := root_seed(seed)),
    )
    given = GivenTables(plan, tables)
    pairs = [(dataset, name) for dataset in tables for name in plan.names]
    for dataset, name in pairs:
        validate(plan.searcher(name), tables[dataset], given.budget(dataset), range(plan.every_replica))
    results = []
    for dataset, name in pairs:
        limits = given.budget(dataset)
        results.append(
            search.run(plan.searcher(name), tables[dataset], limits, seed=seed, replicas=plan.every_replica)
        )
        if not results[-1].finished:
            raise KeyboardInterrupt
    settings = told(given, settings_of(given), given.rules.score)
    return Comparison(results, {dataset: given.facts(dataset) for dataset in tables}, settings)


def _several(searchers: Sequence[str | Searcher | type[Searcher]]) -> list[str | Searcher | type[Searcher]]:
    wrong = (
        [one for one in searchers if not (isinstance(one, str | Searcher) or is_searcher(one))]
        if not isinstance(searchers, str)
        else [searchers]
    )
    if wrong or not searchers:
        raise BadSetting(
            f"compare takes a list of searchers, names or objects such as search.REA(), not {shortened(wrong[0])}"
            if wrong
            else "compare takes one searcher or more"
        )
    return list(searchers)


def _opened(table: TableEvaluator | Sequence[TableEvaluator]) -> dict[str, TableEvaluator]:
    """The tables by data set. Raises BadSetting for anything else, and for tables of several spaces."""
    several = [table] if isinstance(table, TableEvaluator) else table
    if (
        not isinstance(several, list | tuple)
        or not several
        or not all(isinstance(one, TableEvaluator) for one in several)
    ):
        raise BadSetting(
            f"compare takes a table, or a list of tables, as nasreplay.load_table('cifar10') opens them, not "
            f"{shortened(table)}; another evaluator becomes one by nasreplay.tabulate"
        )
    tables = {one.dataset: one for one in several}
    if len(tables) < len(several) or len({one.space.name for one in several}) > 1:
        raise BadSetting("compare takes tables of one space, each of another data set")
    return tables
