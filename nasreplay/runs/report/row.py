"""One line of a comparison's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one searcher reached on one data set; None where there is no number."""

    dataset: str
    searcher: str
    oracle: bool
    """Whether it read the exact slope of the whole table."""
    apart: str
    """Why it has no rank; "" if it has one."""
    replicas: int
    score: str
    """What a replica is credited with: last or published."""
    validation_accuracy_mean: float | None
    """Mean over the replicas, percent."""
    validation_accuracy_std: float | None
    """Percent, population standard deviation over the replicas."""
    validation_accuracy_low95: float | None
    """Percent, lower end of the 95 % bootstrap interval of the mean."""
    validation_accuracy_high95: float | None
    """Percent, upper end of that interval."""
    test_accuracy_mean: float | None
    """Percent; None where the table holds no test accuracy."""
    test_accuracy_std: float | None
    """Population standard deviation over the replicas, percent."""
    regret_mean: float | None
    """Percent points below the best validation accuracy of the table."""
    table_optimum: float
    """Best validation accuracy of the table, percent."""
    measured: int
    """Architectures of the table that a search could ask for."""
    architectures: int
    """Architectures of the space."""
    rank: float | None
    """Expected rank when one replica of each searcher is drawn; 1 is best."""
    beats: tuple[str, ...]
    """Searchers that are worse at a Holm-corrected p below 0.05."""
    evaluations_mean: float
    """Accuracies asked and charged for, mean over the replicas."""
    simulated_hours_mean: float
    budget_s: float | None
    """Simulated seconds that a replica may spend."""
    wall_s: float
    """Wall seconds of all replicas together."""
    wall_s_per_500_replicas: float
    p: Mapping[str, float | None] = field(default_factory=dict)
    """Holm-corrected p of the test against each searcher; None where there was no test."""

    def flat(self) -> dict[str, str | float | bool | None]:
        """The fields for JSON or CSV: `beats` with spaces between the names, `p_NAME` for each p."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "p"}
        return values | {"beats": " ".join(self.beats)} | {f"p_{name}": p for name, p in self.p.items()}
