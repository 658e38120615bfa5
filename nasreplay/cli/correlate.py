"""`nasreplay correlate`: how far two columns of tables agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.errors import BadSetting

if TYPE_CHECKING:
    from nasreplay.data.agreement import Agreement, Column


@click.command(short_help="Rank correlation and top-k overlap of two columns.")
@click.argument("first")
@click.argument("second")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="PACK",
    help="Give it twice to take the columns from two tables. Default: the embedded NAS-Bench-201.",
)
@click.option(
    "--top",
    multiple=True,
    type=int,
    metavar="K",
    help="How many of the K best are common. Repeatable. Default: 10, 100 and 1000, as far as there are more.",
)
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE", help="Draw a scatter (.png or .svg)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def correlate(
    first: str, second: str, tables: tuple[str, ...], top: tuple[int, ...], figure: Path | None, as_json: bool
) -> None:
    """Compare the columns FIRST and SECOND over all architectures that both tables hold.

    A column is DATASET[/WHAT][@RECIPE[:EPOCH]]: cifar10, cifar100/test, cifar10@12:4, cifar10/params. WHAT is valid
    (default), test, valtest, train, params, flops, latency or seconds.
    """
    from nasreplay.data.agreement import agreement, column
    from nasreplay.data.locate import open_table

    if len(tables) > 2:
        raise BadSetting(f"--table is given {len(tables)} times: two columns come from at most two tables")
    packs = [open_table(name) for name in tables or (None,)]
    one, other = column(packs[0], first), column(packs[-1], second)
    found = agreement(one, other, sorted(set(top)))
    if figure:
        from nasreplay.runs.report.scatter import save_scatter

        title = f"Kendall τ {found.kendall_tau:.3f}, {found.architectures:,} architectures"
        save_scatter(one, other, title, figure)
    click.echo(json.dumps(_facts(one, other, found), indent=1) if as_json else _text(one, other, found))
    if figure:
        click.echo(f"figure: {figure}", err=True)


def _facts(one: Column, other: Column, found: Agreement) -> dict[str, Any]:
    best = one.space.format(one.space.codes([found.best])[0].tolist())
    numbers = {
        key: None if value != value else value for key, value in found._asdict().items()
    }  # NaN is no JSON
    return {"first": one.meaning, "second": other.meaning, **numbers, "best": best}


def _text(one: Column, other: Column, found: Agreement) -> str:
    best = one.space.format(one.space.codes([found.best])[0].tolist())
    index = one.space.flat_to_official[found.best]
    lines = [
        f"first          {one.meaning}",
        f"second         {other.meaning}",
        f"architectures  {found.architectures:,}",
        f"Kendall tau-b  {found.kendall_tau:.4f}",
        f"Spearman rho   {found.spearman_rho:.4f}",
        f"Pearson r      {found.pearson_r:.4f}",
    ]
    lines += [f"top {k:<10,} {both:,} in common ({100 * both / k:.0f} %)" for k, both in found.top.items()]
    place = f"{one.values[found.best]:.2f} {one.unit} → {other.values[found.best]:.2f} {other.unit}"
    return "\n".join(
        [*lines, f"first's best   {place}, rank {found.best_rank:,} in second: {best}  (index {index})"]
    )
