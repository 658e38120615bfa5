"""Published comparisons of searchers: what a search is told, how long it lasts, how it is scored, what was printed.

| protocol | a search is told               | budget                      | scored                       |
| -------- | ------------------------------ | --------------------------- | ---------------------------- |
| `plain`  | the longest recipe (--recipe)  | published, scaled to it     | what each replica ended with |
| `nats`   | a drawn trial of recipe 12     | published per data set      | interpolated at the budget   |
| `nb201`  | the same, on cifar10 only      | 12,000 s, overshoot dropped | that cell on all data sets   |

Searchers of several fidelities (BOHB, Hyperband) also see a third and a ninth of the epochs, where the table holds
them; in nb201 each of their questions is answered by the whole recipe 12 and costs it, whatever the rung, for the
released BOHB script ignores the rung. Deviations: BOHB's budget ends the run (the NATS script goes on and applies it
when scoring); the searchers' own wall time is never charged (the nb201 scripts add it); in nb201 every searcher drops
the evaluation that crosses the budget (REINFORCE's script keeps it among its candidates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nasreplay.errors import UnknownName
from nasreplay.replay.budgets import SECONDS
from nasreplay.runs.result import PublishedRow
from nasreplay.spaces import TOPOLOGY

BASELINES = ("random", "rea", "reinforce", "bohb")


@dataclass(frozen=True)
class ComparisonProtocol:
    """How a comparison is made."""

    name: str
    """Value of `--protocol`."""
    source: str
    """The publication whose comparison is repeated."""
    recipe: str | None = None
    """Recipe that searches are told of. None: the user's choice."""
    equal_rungs: bool = False
    """Whether searchers of several fidelities are told the whole recipe at each, and pay it."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Searcher → settings that its published script had; all others are those for tables."""
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
    rows: Mapping[str, tuple[PublishedRow, ...]] = field(default_factory=dict)
    """Space → published numbers that were found printed or computed again."""
    checks: str = ""
    """Source of the rows, and how they were checked."""

    def published(self, space: str, datasets: Sequence[str], searchers: Sequence[str]) -> list[PublishedRow]:
        """The published rows of a comparison, in the order of the report."""
        rows = {(row.dataset, row.searcher): row for row in self.rows.get(space, ())}
        wanted = ((dataset, name) for dataset in datasets for name in searchers)
        return [rows[one] for one in wanted if one in rows]


_SIMULATED, _REPRINTED = "simulated again", "reprinted"
_NATS = (
    PublishedRow("cifar10", "rea", (91.25, 0.31), (94.02, 0.31), _SIMULATED),
    PublishedRow("cifar100", "rea", (72.28, 0.95), (72.23, 0.84), _SIMULATED),
    PublishedRow("ImageNet16-120", "rea", (45.71, 0.77), (45.77, 0.80), _SIMULATED),
    PublishedRow("cifar10", "reinforce", (91.12, 0.25), (93.90, 0.26), _SIMULATED),
    PublishedRow("cifar100", "reinforce", (71.80, 0.94), (71.86, 0.89), _SIMULATED),
    PublishedRow("ImageNet16-120", "reinforce", (45.37, 0.74), (45.64, 0.78), _SIMULATED),
    PublishedRow("cifar10", "random", (91.07, 0.26), (93.86, 0.23), _SIMULATED),
    PublishedRow("cifar100", "random", (71.46, 0.97), (71.55, 0.97), _SIMULATED),
    PublishedRow("ImageNet16-120", "random", (45.03, 0.91), (45.28, 0.97), _SIMULATED),
)
_NB201 = (
    PublishedRow("cifar10", "random", (90.93, 0.36), (93.70, 0.36), _SIMULATED),
    PublishedRow("cifar100", "random", (70.93, 1.09), (71.04, 1.07), _SIMULATED),
    PublishedRow("ImageNet16-120", "random", (44.45, 1.10), (44.57, 1.25), _SIMULATED),
    PublishedRow("cifar10", "reinforce", (91.09, 0.37), (93.85, 0.37), _REPRINTED),
    PublishedRow("cifar100", "reinforce", None, (71.71, 1.09), _REPRINTED),
    PublishedRow("ImageNet16-120", "reinforce", None, (45.24, 1.18), _REPRINTED),
)
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
            rows={TOPOLOGY.name: _NATS},
            checks=f"NATS-Bench (TPAMI 2021), topology space; {_WITHIN.format(0.1)}",
        ),
        ComparisonProtocol(
            "nb201",
            "Dong & Yang, NAS-Bench-201, ICLR 2020, table 5 and its scripts",
            recipe="12",
            equal_rungs=True,
            settings={"bohb": {"answer_from": "top"}},
            seconds={(TOPOLOGY.name, "cifar10"): 12_000.0},
            overshoot="discard",
            searchers=BASELINES,
            searched="cifar10",
            rows={TOPOLOGY.name: _NB201},
            checks=f"NAS-Bench-201 (ICLR 2020), table 5; {_WITHIN.format(0.25)}; "
            "reprinted: found printed in a later publication",
        ),
    )
}


def protocol_named(name: str) -> ComparisonProtocol:
    """The protocol of that name. Raises UnknownName."""
    if name not in PROTOCOLS:
        raise UnknownName.among(PROTOCOLS, "unknown protocol", name)
    return PROTOCOLS[name]
