"""What `nasreplay gap`, and a live search beside a table, print: a label and its text per row."""

from __future__ import annotations

from nasreplay.jobs.searches.gaps import EVALUATIONS, Gap, RankError, TotalGap
from nasreplay.jobs.searches.published_searches import PublishedSearch
from nasreplay.jobs.searches.table_facts import TableRow

Rows = list[tuple[str, str]]


def gap_rows(gap: Gap) -> Rows:
    """The total gap, the rank error behind it, and what is unusual."""
    return [*total_rows(gap.total), *_rank_rows(gap.rank_error), *([("note", gap.note)] if gap.note else [])]


def total_rows(gap: TotalGap) -> Rows:
    """The total gap in words."""
    kind = "oracle (exact slope)" if gap.oracle else f"{EVALUATIONS} looks at the table"
    return [
        ("live found", _found(gap.live, gap.found)),
        (kind, _found(gap.table, gap.on_table)),
        ("with settings", _settings(gap)),
        ("total gap", f"{gap.gap:6.2f} points of validation accuracy"),
        *(("published", _published(row)) for row in gap.published),
    ]


def _published(row: PublishedSearch) -> str:
    told = [(row.valid, "valid"), (row.test, "test")]
    numbers = [f"{one[0]:6.2f} ± {one[1]:.2f} % {split}" for one, split in told if one]
    return f"{', '.join(numbers)}  [{row.source}]"


def _number(row: TableRow) -> str:
    return f"{row.table_valid:6.2f} % valid, rank {row.table_rank:,}, regret {row.table_regret:.2f}"


def _found(row: TableRow, text: str) -> str:
    test = f", {row.table_test:.2f} % test" if row.table_test is not None else ""
    return f"{_number(row)}{test}  {text}"


def _settings(gap: TotalGap) -> str:
    own = gap.own_settings
    others = [f"{key} {value}" for key, value in gap.settings.items() if key not in own and value != ""]
    parts = [f"the run's {', '.join(f'{key} {value}' for key, value in own.items())}"] if own else []
    parts += [f"the table's {', '.join(others)}"] if others else []
    parts += [f"cut at {EVALUATIONS} looks, before the end of its epochs"] if gap.cut else []
    return "; ".join(parts) or "it has none"


def _rank_rows(error: RankError) -> Rows:
    ties = error.ties_for_best
    equal = f"; the first of {ties:,} with equal shared-weight accuracy" if ties > 1 else ""
    return [
        (
            "rank error",
            f"Kendall tau {error.kendall_tau:.3f}, Spearman {error.spearman_rho:.3f} between "
            f"shared-weight accuracy and table, {error.architectures:,} architectures",
        ),
        ("best by weights", f"{_number(error.best_by_shared_weights)}{equal}"),
    ]
