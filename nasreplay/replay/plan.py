"""What a replay compares: plain settings, recorded in run.json."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields
from typing import Any

from nasreplay import search
from nasreplay.errors import BadSetting
from nasreplay.evaluate.ledger import MOST
from nasreplay.evaluate.table.table_settings import ReadingSettings, trial_of
from nasreplay.numerals import LARGEST
from nasreplay.replay.protocols import ComparisonProtocol, protocol_named
from nasreplay.search import Searcher
from nasreplay.search.changes import ChangeSettings
from nasreplay.search.named import searcher_of
from nasreplay.settings import setting

REPLICAS, SEED = 500, 0
"""What is taken when neither a caller nor a folder says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Plan(ReadingSettings):
    """What is compared, on which table, and until when. Every field decides the numbers.

    Raises UnknownName or BadSetting for what no table is needed to refuse.
    """

    searchers: tuple[Searcher, ...] = setting((), shown=False)
    """Searchers with their hyper-parameters, one of a name; see `searchers_of`."""
    datasets: tuple[str, ...] = setting((), flags=("--dataset",))
    """Data set to compare on; may be given several times. Default: all that the table validates."""
    protocol: str = "plain"
    """Protocol: plain, nats or nb201: recipe, budgets, rungs and scoring of a published comparison."""
    table: str | None = setting(None, metavar="PACK")
    """A pack: path or name. Default: the embedded NAS-Bench-201."""
    space: str | None = None
    """A space of yours that the table is of, as my.py:SPACE."""
    replicas: int | None = setting(None, metavar="N")
    """Independent runs of each searcher. Default: 500, or those that --out holds."""
    budget: float | None = setting(None, most=MOST, metavar="SECONDS")
    """Simulated seconds per replica. Default: the protocol's, unless evaluations are given."""
    evaluations: int | None = setting(None, most=10**8, metavar="N")
    """Evaluations per replica."""
    seed: int | None = setting(None, least=-1, most=LARGEST, metavar="N")
    """Root seed; -1 draws one and prints it. Default: 0, or that of what --out holds."""

    def __post_init__(self):
        rules = self.rules
        given = {"recipe": self.recipe, "budget": self.budget, "evaluations": self.evaluations}
        for name, value in given.items():
            if rules.seconds and value is not None:
                raise BadSetting(f"--protocol {rules.name} fixes recipe and budget: leave out --{name}")
        object.__setattr__(self, "trial", trial_of(self.trial))
        if self.replicas is not None and self.replicas < 1:
            raise BadSetting(f"replicas is {self.replicas}: it must be at least 1")
        if len(set(self.names)) < len(self.searchers):
            raise _twice(self.names)

    @property
    def rules(self) -> ComparisonProtocol:
        """The protocol. Raises UnknownName."""
        return protocol_named(self.protocol)

    @property
    def names(self) -> tuple[str, ...]:
        """The searchers' names."""
        return tuple(searcher.name for searcher in self.searchers)

    @property
    def every_replica(self) -> int:
        """How many replicas of each searcher there shall be."""
        return REPLICAS if self.replicas is None else self.replicas

    def searcher(self, name: str) -> Searcher:
        """A fresh copy of the searcher of that name."""
        return copy(self.searchers[self.names.index(name)])

    def is_oracle(self, searcher: Searcher) -> bool:
        """Whether this searcher follows the exact slope of the whole table here."""
        return self.gradient == "exact" and "slope" in searcher.needs

    def plain(self) -> dict[str, Any]:
        """The fields as JSON values for run.json: searchers by name with their settings, `budget` as budget_s."""
        own = {one.name: getattr(self, one.name) for one in fields(Plan)}
        own["budget_s"] = own.pop("budget")
        if self.space is None:
            own.pop("space")
        own |= {"replicas": self.every_replica, "seed": SEED if self.seed is None else self.seed}
        return own | {"searchers": {one.name: one.settings() for one in self.searchers}}


def searchers_of(
    asked: Sequence[str | Searcher | type[Searcher]], protocol: str, settings: ChangeSettings | None = None
) -> tuple[Searcher, ...]:
    """The searchers of a comparison: those asked for, or what the protocol or nasreplay compares by default.

    With each come those that must stand beside it. Settings that an object was not given are those for tables; all
    others have the protocol's, and then the changes in `settings`. Raises UnknownName or BadSetting.
    """
    rules = protocol_named(protocol)
    asked = [one if isinstance(one, str) else searcher_of(one) for one in asked]
    asked = asked or rules.searchers or search.default_comparison()
    objects = [one for one in asked if isinstance(one, Searcher)]
    made = {search.register_searcher(type(one)).name: one for one in objects}
    if len(made) < len(objects):
        raise _twice([one.name for one in objects])
    for one in objects:
        one.settle("table")
    names = dict.fromkeys(search.make(one).name if isinstance(one, str) else one.name for one in asked)
    for name in tuple(names):
        names |= dict.fromkeys(search.SEARCHERS[name].beside)
    changes = (settings or ChangeSettings()).changes(names)
    own = {name: {**rules.settings.get(name, {}), **changes.get(name, {})} for name in names}
    return tuple(made.get(name) or search.make(name, own[name]) for name in names)


def _twice(names: Sequence[str]) -> BadSetting:
    return BadSetting(
        f"a searcher is compared once: {', '.join(names)}; with other settings it needs another name (a subclass)"
    )
