"""How far two columns of tables agree, behind `nasreplay correlate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nasreplay.data.agreement import Agreement, agreement, column, measured_epochs
from nasreplay.data.locate import open_table
from nasreplay.data.pack import Pack
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
    """Draw a scatter (.png, .svg or .pdf), or with --by-epoch the correlations over the epochs."""


@with_settings(CorrelateSettings)
def correlate(first: str, second: str, settings: CorrelateSettings) -> Agreement:
    """Compare two columns, named as in `data.agreement`, over all architectures that both tables hold.

    Raises UnknownName, NotMeasured, BadInput for columns of two spaces, BadSetting.
    """
    one, other = _tables(settings)
    found = agreement(column(one, first), column(other, second), sorted(set(settings.top)))
    if settings.figure:
        from nasreplay.runs.report.scatter import save_scatter

        title = f"Kendall τ {found.kendall_tau:.3f}, {found.architectures:,} architectures"
        save_scatter(found.first, found.second, title, settings.figure)
    return found


@with_settings(CorrelateSettings)
def correlate_epochs(first: str, second: str, settings: CorrelateSettings) -> dict[int, Agreement]:
    """Compare the first column after each epoch that its table holds with the second: epoch → agreement.

    Raises what `correlate` raises, and BadSetting for a first column of one epoch.
    """
    one, other = _tables(settings)
    against, top = column(other, second), sorted(set(settings.top))
    names = measured_epochs(one, first)
    found = {epoch: agreement(column(one, name), against, top) for epoch, name in names.items()}
    if settings.figure:
        from nasreplay.runs.report.scatter import save_epochs

        save_epochs(found, settings.figure)
    return found


def _tables(settings: CorrelateSettings) -> tuple[Pack, Pack]:
    """The tables of both columns."""
    tables = settings.tables
    if len(tables) > 2:
        raise BadSetting(f"--table is given {len(tables)} times: two columns come from at most two tables")
    packs = [open_table(name) for name in tables or (None,)]
    return packs[0], packs[-1]
