"""What a replay compares: searchers, data sets, table, protocol; and what a reader must know of its numbers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from nasreplay import search
from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.replay.budgets import time_budget
from nasreplay.replay.protocols import Protocol, protocol_named


@dataclass(frozen=True)
class Plan:
    """What to replay. Everything here but `jobs` decides the numbers and is recorded.

    searchers: names; datasets: what the answers are read on, and searched unless the protocol searches one of them
    only; changes: searcher name → hyper-parameters; table: None is the embedded one; budget_s, evaluations: per
    replica, None for the protocol's time budget.
    """

    searchers: tuple[str, ...]
    datasets: tuple[str, ...]
    protocol: str = "plain"
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    table: str | None = None
    recipe: str | None = None
    trial: int | str = "drawn"
    gradient: str = "exact"
    samples: int = 6
    replicas: int = 500
    budget_s: float | None = None
    evaluations: int | None = None
    seed: int = -1

    @property
    def rules(self) -> Protocol:
        """The protocol; raises UnknownName."""
        return protocol_named(self.protocol)

    @property
    def searched(self) -> tuple[str, ...]:
        """The data sets that searches run on."""
        return self.datasets if self.rules.searched is None else (self.rules.searched,)

    def evaluator(self, dataset: str, searcher: str = "") -> TableEvaluator:
        """The table of one data set, as `searcher` sees it: with its rungs, where the table holds them.

        The same one every time, for reading a rung of every architecture takes a second.
        """
        usual = self.recipe or self.rules.recipe
        if not searcher or (rungs := search.SEARCHERS[searcher].rungs) == 1:
            return self._table(dataset, usual)
        with suppress(NotMeasured):
            table = self._table(dataset, self.rules.recipes.get(searcher, usual), rungs)
            if len(table.levels) > 1:
                return table
        return self._table(dataset, usual)

    def _table(self, dataset: str, recipe: str | None, rungs: int = 1) -> TableEvaluator:
        kept, wanted = self.__dict__.setdefault("_tables", {}), (dataset, recipe, rungs)
        if wanted not in kept:
            kept[wanted] = load_table(
                dataset,
                table=self.table,
                recipe=recipe,
                rungs=rungs,
                trial=self.trial,
                gradient=self.gradient,
                samples=self.samples,
            )
        return kept[wanted]

    def __getstate__(self) -> dict[str, Any]:
        """Without the tables: a worker reads those that it needs."""
        return {name: value for name, value in self.__dict__.items() if name != "_tables"}

    def budget(self, table: TableEvaluator) -> Budget:
        """Per replica on one data set; raises BadSetting where there is none for it."""
        if self.budget_s is not None or self.evaluations is not None:
            return Budget(simulated_s=self.budget_s, evaluations=self.evaluations)
        if not self.rules.seconds:
            return Budget(simulated_s=time_budget(table).seconds)
        seconds = self.rules.seconds.get((table.space.name, table.dataset))
        if seconds is None:
            raise BadSetting(
                f"protocol {self.protocol} has no budget for {table.dataset} in the {table.space.name} space: "
                "use --protocol plain"
            )
        return Budget(simulated_s=seconds, overshoot=self.rules.overshoot)

    def searcher(self, name: str) -> search.Searcher:
        """One searcher with its table defaults and the changes."""
        return search.make(name, self.changes.get(name))


def notes(plan: Plan, tables: dict[str, TableEvaluator]) -> list[str]:
    """What a reader must know of the numbers: accuracies and clock of each data set, then the settings."""
    groups: dict[str, list[str]] = {}
    for dataset, table in tables.items():
        groups.setdefault(f"{_accuracy_note(plan, table)}\n{_clock_note(plan, table)}", []).append(dataset)
    alike = len(groups) == 1
    lines = [
        line if alike else f"{', '.join(datasets)}: {line}"
        for text, datasets in groups.items()
        for line in text.split("\n")
    ]
    if plan.protocol != "plain":
        where = f"; searched on {plan.rules.searched}, read on all" if plan.rules.searched else ""
        lines.insert(0, f"Protocol {plan.protocol}: {plan.rules.source}{where}.")
    return [*lines, _settings_note(plan)]


def _accuracy_note(plan: Plan, table: TableEvaluator) -> str:
    told = {"drawn": "one drawn trial", "mean": "the mean over trials"}.get(
        str(plan.trial), f"trial {plan.trial}"
    )
    if table.levels[-1].trials.seeds.tolist() == [MEAN]:
        told = "the source's average"
    text = (
        f"Table: {table.source['table']}. A search is told {told} at {table.levels[-1].at}; "
        f"the score is the mean over trials at {table.final.at}."
    )
    return text if table.test is not None else f"{text} No test accuracy: the table holds none."


def _clock_note(plan: Plan, table: TableEvaluator) -> str:
    text = "Clock: none, for the table lacks training seconds."
    if "clock" in table.abilities:
        text = f"Clock: training seconds; evaluation seconds {table.source['evaluation_seconds']}."
    if plan.budget_s is None and plan.evaluations is None:
        text += f" Budgets: {'published' if plan.rules.seconds else time_budget(table).words}."
    for name in plan.searchers:
        left = search.SEARCHERS[name].on_one_rung
        if left and len(plan.evaluator(table.dataset, name).levels) == 1:
            text += f" {name}: one rung ({left}), for the table has one fidelity."
    slopes = [name for name in plan.searchers if "slope" in plan.searcher(name).needs]
    if slopes and plan.gradient == "exact":
        text += (
            " oracle: its slope reads the whole table; it costs nothing, ends by its steps, is not ranked."
        )
    return text


def _settings_note(plan: Plan) -> str:
    """The settings that are not the published ones, searchers with equal ones together."""
    groups: dict[str, list[str]] = {}
    for name in plan.searchers:
        published = search.make(name, preset="published").settings()
        changed = {k: v for k, v in plan.searcher(name).settings().items() if v != published[k]}
        if changed:
            groups.setdefault(", ".join(f"{key} {value}" for key, value in changed.items()), []).append(name)
    texts = (f"{', '.join(names)}: {changed}" for changed, names in groups.items())
    return f"Table settings: {'; '.join(texts)}. All others: published." if groups else "Settings: published."


def departures(plan: Plan, tables: dict[str, TableEvaluator], score: str | None) -> list[str]:
    """What differs from the publication whose rows are printed beside ours, in words."""
    found = [f"a search is told trial {plan.trial}"] if plan.trial != "drawn" else []
    table = next(iter(tables.values()))
    if table.levels[-1].trials.seeds.tolist() == [MEAN] and plan.trial == "drawn":
        found.append("a search is told the source's average")
    found += [f"score {score}"] if score not in (None, plan.rules.score) else []
    found += [f"settings of {name}" for name, changes in plan.changes.items() if changes]
    for name in plan.searchers:
        rungs = search.SEARCHERS[name].rungs
        if rungs > 1 and len(plan.evaluator(table.dataset, name).levels) < rungs:
            found.append(f"{name} has fewer rungs, for the table lacks their epochs")
    return found
