"""The opened tables of a plan, and what a reader must know of the numbers that come from them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from nasreplay import search
from nasreplay.data.locate import open_table
from nasreplay.data.trials import NOT_KNOWN
from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table, replayable
from nasreplay.replay.budgets import time_budget
from nasreplay.replay.plan import Plan
from nasreplay.runs.result import TableFacts
from nasreplay.search import Searcher
from nasreplay.spaces import Space, space_named


class Tables:
    """The tables of a plan: one pack, opened once, and an evaluator for each data set and ladder of fidelities.

    Raises BadPack, UnknownName or NotMeasured for a table that lacks what the plan asks of it.
    """

    def __init__(self, plan: Plan):
        self.plan, self.rules = plan, plan.rules
        space = space_named(plan.space) if plan.space else None  # first: it may be one that only this names
        self.pack = open_table(plan.table)
        if space and self.pack.space is not space:
            raise BadSetting(
                f"{self.pack.path} is a table of the {self.pack.space.name} space, not of {space.name}"
            )
        self.datasets = replayable(self.pack, plan.datasets)
        """Data sets on which answers are read."""
        self.searched = (self.rules.searched,) if self.rules.searched else self.datasets
        """Data sets on which searches run."""
        self._opened: dict[tuple[str, str | None, int], TableEvaluator] = {}

    @property
    def space(self) -> Space:
        """The space of the pack."""
        return self.pack.space

    @property
    def origin(self) -> tuple[str, str]:
        """What the plan calls the table, and its fingerprint."""
        return self.plan.table or "embedded", self.pack.fingerprint

    def of(self, dataset: str) -> TableEvaluator:
        """The table of a data set with the fidelity that searches are told."""
        return self._table(dataset, self._recipe)

    def seen_by(self, searcher: Searcher, dataset: str) -> TableEvaluator:
        """The table as a searcher sees it: with as many fidelities as it can use, where the table holds them."""
        if searcher.rungs > 1:
            with suppress(NotMeasured):
                table = self._table(dataset, self._recipe, searcher.rungs)
                if len(table.levels) > 1:
                    return table
        return self.of(dataset)

    def budget(self, dataset: str) -> Budget:
        """The budget of a replica on a data set. Raises BadSetting where there is none for it."""
        plan, table = self.plan, self.of(dataset)
        if plan.budget is not None or plan.evaluations is not None:
            return Budget(simulated_s=plan.budget, evaluations=plan.evaluations)
        if not self.rules.seconds:
            return Budget(simulated_s=time_budget(table).seconds)
        seconds = self.rules.seconds.get((table.space.name, dataset))
        if seconds is None:
            raise BadSetting(
                f"protocol {self.rules.name} has no budget for {dataset} in the {table.space.name} space: "
                "use --protocol plain"
            )
        return Budget(simulated_s=seconds, overshoot=self.rules.overshoot)

    def facts(self, dataset: str) -> TableFacts:
        """What reports need to know of the table."""
        return TableFacts.of(self.of(dataset), self.budget(self.rules.searched or dataset).simulated_s)

    @property
    def _recipe(self) -> str | None:
        return self.rules.recipe if self.plan.recipe is None else self.plan.recipe

    def _table(self, dataset: str, recipe: str | None, rungs: int = 1) -> TableEvaluator:
        wanted = (dataset, recipe, rungs)
        if wanted not in self._opened:  # reading a rung of every architecture takes a second
            equal = self.rules.equal_rungs
            self._opened[wanted] = table = load_table(
                dataset,
                table=self.pack,
                recipe=recipe,
                rungs=1 if equal else rungs,
                trial=self.plan.trial,
                gradient=self.plan.gradient,
                samples=self.plan.samples,
            )
            table.levels *= rungs if equal else 1
        return self._opened[wanted]


class GivenTables(Tables):
    """Tables that are open already, all of one space; they decide themselves what a search is told."""

    def __init__(self, plan: Plan, tables: Mapping[str, TableEvaluator]):
        self.plan, self.rules, self.tables = plan, plan.rules, tables
        self.datasets = self.searched = tuple(tables)

    @property
    def space(self) -> Space:
        """The space of all of them."""
        return self.tables[self.datasets[0]].space

    @property
    def origin(self) -> tuple[str, str]:
        """The first table's title and fingerprint, as far as it has some."""
        source = self.tables[self.datasets[0]].source
        return str(source.get("table", "a table")), str(source.get("fingerprint", ""))

    def of(self, dataset: str) -> TableEvaluator:
        """The table of a data set, as it was given."""
        return self.tables[dataset]

    def seen_by(self, searcher: Searcher, dataset: str) -> TableEvaluator:
        """Every searcher sees this one table."""
        return self.tables[dataset]


# --- in words --------------------------------------------------------------------------------------


def notes(tables: Tables) -> list[str]:
    """What a reader must know of the numbers: accuracies and clock of each data set, then the settings."""
    groups: dict[str, list[str]] = {}
    for dataset in tables.searched:
        table = tables.of(dataset)
        groups.setdefault(f"{_accuracy_note(tables.plan, table)}\n{_clock_note(tables, table)}", []).append(
            dataset
        )
    alike = len(groups) == 1
    lines = [
        line if alike else f"{', '.join(datasets)}: {line}"
        for text, datasets in groups.items()
        for line in text.split("\n")
    ]
    rules = tables.rules
    if rules.seconds:
        where = f"; searched on {rules.searched}, read on all" if rules.searched else ""
        lines.insert(0, f"Protocol {rules.name}: {rules.source}{where}.")
    remarks = (searcher.remark(tables.space) for searcher in tables.plan.searchers)
    return [*lines, *(f"{remark}." for remark in remarks if remark), _settings_note(tables.plan)]


def caveats(tables: Tables) -> list[str]:
    """What a reader must know before the first number: how much of each table is there at all."""
    groups: dict[str, list[str]] = {}
    for dataset in tables.searched:
        table = tables.of(dataset)
        if missing := table.missing:
            size = table.space.size
            groups.setdefault(f"{size - missing:,} of {size:,} architectures measured", []).append(dataset)
    return [
        f"Partial table: {measured} ({', '.join(datasets)}). Searches stay inside these, as the page on replay "
        "says, and regret is against the best of these."
        for measured, datasets in groups.items()
    ]


def _accuracy_note(plan: Plan, table: TableEvaluator) -> str:
    told = {"drawn": "one drawn trial", "mean": "the mean over trials"}.get(
        str(plan.trial), f"trial {plan.trial}"
    )
    level, scored = table.levels[-1], "the mean over trials"
    if level.words == NOT_KNOWN:
        told = f"the accuracy ({NOT_KNOWN})"
    if table.final.words == NOT_KNOWN:
        scored = "the accuracy" if level.words == NOT_KNOWN else f"the accuracy ({NOT_KNOWN})"
    text = (
        f"Table: {table.source.get('table', table.dataset)}. A search is told {told} at {level.at}; "
        f"the score is {scored} at {table.final.at}."
    )
    return text if table.test is not None else f"{text} No test accuracy: the table holds none."


def _clock_note(tables: Tables, table: TableEvaluator) -> str:
    plan, text = tables.plan, "Clock: none, for the table lacks training seconds."
    if "clock" in table.abilities:
        text = f"Clock: training seconds; evaluation seconds {table.source.get('evaluation_seconds', 'in them')}."
    if plan.budget is None and plan.evaluations is None:
        text += f" Budgets: {'published' if tables.rules.seconds else time_budget(table).words}."
    for searcher in plan.searchers:
        if searcher.on_one_rung and len(tables.seen_by(searcher, table.dataset).levels) == 1:
            text += f" {searcher.name}: one rung ({searcher.on_one_rung}), for the table has one fidelity."
    if any(map(plan.is_oracle, plan.searchers)):
        text += (
            " oracle: its slope reads the whole table; it costs nothing, ends by its steps, is not ranked."
        )
    return text


def _settings_note(plan: Plan) -> str:
    """The settings that are not the published ones, searchers with equal ones together."""
    groups: dict[str, list[str]] = {}
    for searcher in plan.searchers:
        own = plan.rules.settings.get(searcher.name)
        published = search.make(searcher.name, own, preset="published").settings()
        changed = {key: value for key, value in searcher.settings().items() if value != published[key]}
        if changed:
            words = ", ".join(f"{key} {value}" for key, value in changed.items())
            groups.setdefault(words, []).append(searcher.name)
    texts = (f"{', '.join(names)}: {changed}" for changed, names in groups.items())
    return f"Table settings: {'; '.join(texts)}. All others: published." if groups else "Settings: published."


def departures(tables: Tables, score: str) -> list[str]:
    """What differs from the publication whose rows are printed beside ours, in words."""
    plan, dataset = tables.plan, tables.searched[0]
    found = [f"a search is told trial {plan.trial}"] if plan.trial != "drawn" else []
    if tables.of(dataset).levels[-1].words == NOT_KNOWN and plan.trial == "drawn":
        found.append(f"a search is told the accuracy {NOT_KNOWN}")
    found += [f"score {score}"] if score != tables.rules.score else []
    for searcher in plan.searchers:
        if (
            searcher.settings()
            != search.make(searcher.name, tables.rules.settings.get(searcher.name)).settings()
        ):
            found.append(f"settings of {searcher.name}")
        if len(tables.seen_by(searcher, dataset).levels) < searcher.rungs:
            found.append(f"{searcher.name} has fewer rungs, for the table lacks their epochs")
    return found
