"""A table's row of what a live search found, or would answer now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nasreplay.evaluate.table import TableEvaluator
from nasreplay.jobs.searches.task import Found


@dataclass(frozen=True)
class TableRow(Found):
    """Accuracies in percent (mean over trials, longest recipe), rank (1 = best), regret in points."""

    table_valid: float
    table_rank: int
    table_regret: float
    table_test: float | None = None


def table_facts(truth: TableEvaluator, codes: np.ndarray) -> TableRow:
    """The row of codes int8 [1, D]."""
    report = truth.report(codes)
    valid = float(report.valid[0])
    return TableRow(
        valid,
        int((truth.final.mean_flat > valid).sum()) + 1,
        truth.optimum - valid,
        None if report.test is None else float(report.test[0]),
    )
