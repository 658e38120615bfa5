"""Cells and lines that the terminal and summary.md share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasreplay.evaluate.ledger import Unit, simulated_time, time_unit
from nasreplay.runs.report.rows import Row, average_ranks
from nasreplay.runs.result import Comparison, TableFacts

TEST_COLUMN, CLOCK_COLUMN = "test\naccuracy %", "simul.\nhours"
HEADINGS = {  # column heading (a line break where the terminal breaks it): what the number is
    "rank": "expected rank when one replica of each searcher is drawn independently (ties shared, 1 is best)",
    "searcher": "name; the best rank stands first",
    "validation\naccuracy %": "mean ± population standard deviation over the replicas",
    "95 %\ninterval": "of that mean, percentile bootstrap over replicas",
    TEST_COLUMN: "mean ± population standard deviation over the replicas",
    "regret": "best validation accuracy of the table minus the mean, in percent points",
    "beats": "searchers that are worse at a Holm-corrected p below 0.05, of those that are ranked",
    "evalu-\nations": "accuracies asked and charged for, mean over the replicas",
    CLOCK_COLUMN: "simulated time spent, mean over the replicas",
    "wall s\nper 500": "wall seconds of all replicas together, scaled to 500 replicas",
}


def one_line(heading: str) -> str:
    """A column's heading without its line break."""
    return heading.replace("-\n", "").replace("\n", " ")


def with_unit(heading: str, mine: Sequence[Row]) -> str:
    """A column's heading as it is shown above these rows: times are in the unit that fits."""
    return heading.replace("hours", _unit(mine).name) if heading == CLOCK_COLUMN else heading


def _unit(mine: Sequence[Row]) -> Unit:
    return time_unit(np.array([row.simulated_hours_mean * 3600 for row in mine]))


def of_dataset(rows: Sequence[Row], dataset: str) -> list[Row]:
    """The rows of one data set, in their order."""
    return [row for row in rows if row.dataset == dataset]


def ranked(rows: Sequence[Row]) -> list[Row]:
    """The rows that have a rank."""
    return [row for row in rows if row.rank is not None]


def kept_columns(mine: Sequence[Row]) -> list[str]:
    """The headings of columns that have something to say."""
    tested = any(row.test_accuracy_mean is not None for row in mine)
    compared = len(ranked(mine)) > 1
    timed = any(row.simulated_hours_mean for row in mine)
    said = {TEST_COLUMN: tested, "beats": compared, CLOCK_COLUMN: timed}
    left_out = {heading for heading, has in said.items() if not has}
    return [heading for heading in HEADINGS if heading not in left_out]


def cells(row: Row, mine: Sequence[Row]) -> dict[str, str]:
    """Heading → text of one row; `mine` are all rows of its data set."""
    low, high = row.validation_accuracy_low95, row.validation_accuracy_high95
    rank, others = row.rank, len(ranked(mine)) - 1
    texts = [
        f"{rank:.2f}" if rank is not None else "oracle" if row.oracle else "apart",
        row.searcher,
        _spread(row, row.validation_accuracy_mean, row.validation_accuracy_std),
        "–" if low is None else f"{low:.2f}–{high:.2f}",
        _spread(row, row.test_accuracy_mean, row.test_accuracy_std),
        _number(row.regret_mean, 2),
        "–" if rank is None else f"{len(row.beats)} of {others}",
        _number(row.evaluations_mean, 0 if row.evaluations_mean >= 1000 else 1),
        _number(row.simulated_hours_mean * 3600 / _unit(mine).seconds, 1),
        _number(row.wall_s_per_500_replicas, 2 if row.wall_s_per_500_replicas < 100 else 0),
    ]
    return dict(zip(HEADINGS, texts, strict=True))


def title(mine: Sequence[Row]) -> str:
    """What is compared on a data set."""
    first, counts = mine[0], sorted({row.replicas for row in mine})
    several = "–".join(map(str, counts[:: len(counts) - 1 or 1]))
    replicas = "1 replica" if counts == [1] else f"{several} replicas"
    budget = "" if first.budget_s is None else f", {simulated_time(first.budget_s)} each"
    return f"{first.dataset}: {replicas}{budget}; best possible {first.table_optimum:.2f} %"


def gaps(mine: Sequence[Row]) -> list[str]:
    """A line that says how much of a table is measured, where that is not all."""
    measured, every = mine[0].measured, mine[0].architectures
    return (
        []
        if measured == every
        else [f"{measured:,} of {every:,} architectures measured: searches stay inside these"]
    )


def meanings(truth: TableFacts) -> list[str]:
    """What the accuracies of the table are: validation, and test where it has one."""
    shown = ("valid",) if truth.test is None else ("valid", "test")
    return [truth.meaning[split] for split in shown if split in truth.meaning]


def footnotes(mine: Sequence[Row]) -> list[str]:
    """One line per reason why rows stand apart; that an oracle does is among the terms."""
    reasons: dict[str, list[str]] = {}
    for row in mine:
        for why in filter(None, (reason for reason in row.apart.split("; ") if reason != "oracle")):
            reasons.setdefault(why, []).append(row.searcher)
    return [f"{', '.join(names)}: {why}; not ranked" for why, names in reasons.items()]


def rank_lines(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Mean rank and searcher, best first; [] where there is only one data set."""
    several = len({row.dataset for row in rows}) > 1
    return [(f"{rank:.2f}", name) for name, rank in average_ranks(rows).items()] if several else []


def terms(comparison: Comparison, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The words of the field that the report uses, each with its meaning in a line."""
    if not rows:
        return []
    used = {"regret": "accuracy below the best of the table, percent points"}
    if ranked(rows):
        used = {"rank": "expected place when one replica of each is drawn; 1 is best", **used}
    if any("beats" in kept_columns(of_dataset(rows, dataset)) for dataset in comparison.datasets):
        used["beats"] = "how many others are worse at p < 0.05 (Mann–Whitney, Holm)"
    if comparison.drawn_trials:
        used["trial"] = "one of an architecture's trainings; a search is told one, scored is their mean"
    if any(row.oracle for row in rows):
        used["oracle"] = "reads the whole table for its exact slopes, pays nothing; not ranked"
    return list(used.items())


def _spread(row: Row, mean: float | None, std: float | None) -> str:
    if mean is None:
        return "–"
    return f"{mean:.2f} ± {std:.2f}" if row.replicas > 1 else f"{mean:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"  # + 0.0: no minus zero
