"""Published comparisons of searchers: what a search is told, how long it lasts, how it is scored, what was printed.

| protocol | a search is told               | budget                      | scored                       |
| -------- | ------------------------------ | --------------------------- | ---------------------------- |
| `plain`  | the longest recipe (--recipe)  | published, scaled to it     | what each replica ended with |
| `nats`   | a drawn trial of recipe 12     | published per data set      | interpolated at the budget   |
| `nb201`  | the same, on cifar10 only      | 12,000 s, overshoot dropped | that cell on all data sets   |

Searchers of several fidelities (BOHB, Hyperband) also see a third and a ninth of the epochs, where the table holds
them (in nb201 those of recipe 200). Deviations: BOHB's budget ends the run (the scripts go on and apply it when
scoring); the searchers' own wall time is never charged (the nb201 scripts add it); in nb201 every searcher drops the
evaluation that crosses the budget (REINFORCE's script keeps it among its candidates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nasreplay.errors import UnknownName
from nasreplay.replay.budgets import SECONDS
from nasreplay.runs.result import PublishedRow

BASELINES = ("random", "rea", "reinforce", "bohb")


class Printed(NamedTuple):
    """The numbers of a published row in percent, mean and standard deviation over runs; None where unchecked."""

    valid: tuple[float, float] | None
    test: tuple[float, float] | None
    checked: str
    """How the numbers were checked; the protocol's `checks` says what that means."""


@dataclass(frozen=True)
class ComparisonProtocol:
    """How a comparison is made."""

    name: str
    """As `--protocol` takes it."""
    source: str
    """The publication whose comparison is repeated."""
    recipe: str | None = None
    """Recipe that searches are told of. None: the user's choice."""
    rungs_recipe: str | None = None
    """Recipe for searchers of several fidelities. None: the same."""
    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(space, data set) → budget in simulated seconds. Empty: the published ones, scaled to the table."""
    overshoot: str = "keep"
    """What happens to the evaluation that crosses the budget, see `Budget`."""
    score: str = "last"
    """What a replica is credited with, see `runs.report.statistics.score`."""
    searchers: tuple[str, ...] = ()
    """What is compared when nothing is named. Empty: all that are compared by default."""
    searched: str | None = None
    """The data set of every search, whose answer is read on all of them. None: each data set is searched."""
    rows: Mapping[tuple[str, str, str], Printed] = field(default_factory=dict)
    """(space, searcher, data set) → published numbers that were found printed or computed again."""
    checks: str = ""
    """Where the rows stand, and how they were checked."""

    def published(
        self, space: str, datasets: tuple[str, ...], searchers: tuple[str, ...]
    ) -> list[PublishedRow]:
        """The published rows of a comparison, in the order of the report."""
        return [
            PublishedRow(dataset, name, *self.rows[space, name, dataset])
            for dataset in datasets
            for name in searchers
            if (space, name, dataset) in self.rows
        ]


_SIMULATED, _REPRINTED = "simulated again", "reprinted"
_NATS = {
    ("topology", "rea", "cifar10"): Printed((91.25, 0.31), (94.02, 0.31), _SIMULATED),
    ("topology", "rea", "cifar100"): Printed((72.28, 0.95), (72.23, 0.84), _SIMULATED),
    ("topology", "rea", "ImageNet16-120"): Printed((45.71, 0.77), (45.77, 0.80), _SIMULATED),
    ("topology", "reinforce", "cifar10"): Printed((91.12, 0.25), (93.90, 0.26), _SIMULATED),
    ("topology", "reinforce", "cifar100"): Printed((71.80, 0.94), (71.86, 0.89), _SIMULATED),
    ("topology", "reinforce", "ImageNet16-120"): Printed((45.37, 0.74), (45.64, 0.78), _SIMULATED),
    ("topology", "random", "cifar10"): Printed((91.07, 0.26), (93.86, 0.23), _SIMULATED),
    ("topology", "random", "cifar100"): Printed((71.46, 0.97), (71.55, 0.97), _SIMULATED),
    ("topology", "random", "ImageNet16-120"): Printed((45.03, 0.91), (45.28, 0.97), _SIMULATED),
}
_NB201 = {
    ("topology", "random", "cifar10"): Printed((90.93, 0.36), (93.70, 0.36), _SIMULATED),
    ("topology", "random", "cifar100"): Printed((70.93, 1.09), (71.04, 1.07), _SIMULATED),
    ("topology", "random", "ImageNet16-120"): Printed((44.45, 1.10), (44.57, 1.25), _SIMULATED),
    ("topology", "reinforce", "cifar10"): Printed((91.09, 0.37), (93.85, 0.37), _REPRINTED),
    ("topology", "reinforce", "cifar100"): Printed(None, (71.71, 1.09), _REPRINTED),
    ("topology", "reinforce", "ImageNet16-120"): Printed(None, (45.24, 1.18), _REPRINTED),
}
_WITHIN = "simulated again: 500 runs on the real tables agree within {} percent points"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        ComparisonProtocol("plain", "the published budgets, scaled to the recipe that the table holds"),
        ComparisonProtocol(
            "nats",
            "Dong et al., NATS-Bench, TPAMI 2021, section 5 and its run-all script",
            recipe="12",
            seconds=SECONDS,
            score="published",
            searchers=BASELINES,
            rows=_NATS,
            checks=f"NATS-Bench (TPAMI 2021), topology space; {_WITHIN.format(0.1)}",
        ),
        ComparisonProtocol(
            "nb201",
            "Dong & Yang, NAS-Bench-201, ICLR 2020, table 5 and its scripts",
            recipe="12",
            rungs_recipe="200",
            seconds={("topology", "cifar10"): 12_000.0},
            overshoot="discard",
            searchers=BASELINES,
            searched="cifar10",
            rows=_NB201,
            checks=f"NAS-Bench-201 (ICLR 2020), table 5; {_WITHIN.format(0.25)}; "
            "reprinted: found printed in a later publication",
        ),
    )
}


def protocol_named(name: str) -> ComparisonProtocol:
    """Raises UnknownName."""
    if name not in PROTOCOLS:
        raise UnknownName(f"unknown protocol {name!r}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
