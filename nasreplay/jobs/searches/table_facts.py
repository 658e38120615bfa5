"""A table's row of what a live search found, or would answer now."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasreplay.evaluate.table import TableEvaluator


class TableFacts(NamedTuple):
    """Accuracies in percent (mean over trials, longest recipe), rank (1 = best), regret in points."""

    table_valid: float
    table_rank: int
    table_regret: float
    table_test: float | None = None

    def plain(self) -> dict[str, float]:
        """The facts as JSON values; an unknown test accuracy is left out."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def table_facts(truth: TableEvaluator, codes: np.ndarray) -> TableFacts:
    """The row of codes int8 [1, D]."""
    report = truth.report(codes)
    valid = float(report.valid[0])
    return TableFacts(
        valid,
        int((truth.final.mean > valid).sum()) + 1,
        truth.optimum - valid,
        None if report.test is None else float(report.test[0]),
    )
