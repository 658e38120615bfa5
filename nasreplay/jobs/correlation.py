"""How far two columns of tables agree, behind `nasreplay correlate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nasreplay.data.agreement import Agreement, agreement, column
from nasreplay.data.locate import open_table
from nasreplay.errors import BadSetting
from nasreplay.settings import setting, with_settings


@dataclass(frozen=True, kw_only=True)
class CorrelateSettings:
    """The tables with the columns, and what to print of them."""

    tables: tuple[str, ...] = setting((), flags=("--table",), metavar="PACK")
    """Give it twice to take the columns from two tables. Default: the embedded NAS-Bench-201."""
    top: tuple[int, ...] = setting((), metavar="K")
    """How many of the K best are common. Repeatable. Default: 10, 100 and 1000, as far as there are more."""
    figure: Path | None = setting(None, metavar="FILE")
    """Draw a scatter (.png, .svg or .pdf)."""


@with_settings(CorrelateSettings)
def correlate(first: str, second: str, settings: CorrelateSettings) -> Agreement:
    """Compare two columns, named as in `data.agreement`, over all architectures that both tables hold.

    Raises UnknownName, NotMeasured, BadInput for columns of two spaces, BadSetting.
    """
    tables = settings.tables
    if len(tables) > 2:
        raise BadSetting(f"--table is given {len(tables)} times: two columns come from at most two tables")
    packs = [open_table(name) for name in tables or (None,)]
    found = agreement(column(packs[0], first), column(packs[-1], second), sorted(set(settings.top)))
    if settings.figure:
        from nasreplay.runs.report.scatter import save_scatter

        title = f"Kendall τ {found.kendall_tau:.3f}, {found.architectures:,} architectures"
        save_scatter(found.first, found.second, title, settings.figure)
    return found
