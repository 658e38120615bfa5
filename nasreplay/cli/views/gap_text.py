"""What `nasreplay gap`, and a live search beside a table, print."""

from __future__ import annotations

from nasreplay.jobs.gaps import EVALUATIONS, Gap, RankError, TotalGap


def gap_lines(gap: Gap) -> list[str]:
    """The total gap, the rank error behind it, and what is unusual."""
    note = [f"{'note':<20} {gap.note}"] if gap.note else []
    return [*total_lines(gap.total), *_rank_lines(gap.rank_error), *note]


def total_lines(gap: TotalGap) -> list[str]:
    """The total gap in words."""
    kind = "oracle (exact slope)" if gap.oracle else f"{EVALUATIONS} looks at the table"
    rows = (("live found", gap.found, gap.live), (kind, gap.on_table, gap.table))
    lines = [
        f"{name:<20} {row.table_valid:6.2f} % valid, rank {row.table_rank:,}, regret {row.table_regret:.2f}"
        + (f", {row.table_test:.2f} % test" if row.table_test is not None else "")
        + f"  {text}"
        for name, text, row in rows
    ]
    lines.append(f"{'with settings':<20} {_settings_text(gap)}")
    return [*lines, f"{'total gap':<20} {gap.gap:6.2f} points of validation accuracy"]


def _rank_lines(error: RankError) -> list[str]:
    best, count = error.best_by_shared_weights, error.ties_for_best
    ties = f"; the first of {count:,} with equal shared-weight accuracy" if count > 1 else ""
    return [
        f"{'rank error':<20} Kendall tau {error.kendall_tau:.3f}, Spearman {error.spearman_rho:.3f} between "
        f"shared-weight accuracy and table, {error.architectures:,} architectures",
        f"{'best by weights':<20} {best.table_valid:6.2f} % valid, rank {best.table_rank:,}, "
        f"regret {best.table_regret:.2f}{ties}",
    ]


def _settings_text(gap: TotalGap) -> str:
    own = gap.own_settings
    others = [f"{key} {value}" for key, value in gap.settings.items() if key not in own]
    parts = [f"the run's {', '.join(f'{key} {value}' for key, value in own.items())}"] if own else []
    parts += [f"the table's {', '.join(others)}"] if others else []
    parts += [f"cut at {EVALUATIONS} looks, before the end of its epochs"] if gap.cut else []
    return "; ".join(parts) or "it has none"
