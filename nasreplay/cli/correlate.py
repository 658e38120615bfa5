"""`nasreplay correlate`: how far two columns of tables agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shutil import get_terminal_size
from typing import Any

import click

from nasreplay.cli.options import options_of
from nasreplay.cli.views.fold import folded
from nasreplay.data.agreement import Agreement
from nasreplay.files.columns import hanging
from nasreplay.jobs import correlation
from nasreplay.jobs.correlation import CorrelateSettings
from nasreplay.settings import Json, chosen


@click.command()
@click.argument("first")
@click.argument("second")
@options_of(CorrelateSettings)
@click.option("--by-epoch", is_flag=True, help="Compare FIRST after each epoch that its table holds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def correlate(first: str, second: str, by_epoch: bool, as_json: bool, **values: Any) -> None:
    """Compare the columns FIRST and SECOND over all architectures that both tables hold.

    A column is DATASET[/WHAT][@RECIPE[:EPOCH]]: cifar10, cifar100/test, cifar10@12:4, cifar10/params. WHAT is valid
    (default), test, valtest, train, params, flops, latency or seconds.
    """
    settings = chosen(CorrelateSettings, values)
    wide = get_terminal_size().columns
    if by_epoch:
        epochs = correlation.correlate_epochs(first, second, settings=settings)
        facts: Json = {str(epoch): _facts(each) for epoch, each in epochs.items()}
        rows, curves = _rows(list(epochs.values())[-1])[:3], _curves(epochs)
    else:
        found = correlation.correlate(first, second, settings=settings)
        facts, rows, curves = _facts(found), _rows(found), []
    if as_json:
        click.echo(json.dumps(facts, indent=1))
    else:
        click.echo("\n".join([folded(hanging(rows, wide), wide), *curves]))
    if settings.figure:
        click.echo(f"figure: {settings.figure}", err=True)


def _curves(epochs: Mapping[int, Agreement]) -> list[str]:
    """A line for each epoch, below their heads."""
    lines = [f"{'epoch':>6}{'Kendall':>9}{'Spearman':>10}{'Pearson':>9}  rank of first's best"]
    for epoch, each in epochs.items():
        told = f"{each.kendall_tau:>9.4f}{each.spearman_rho:>10.4f}{each.pearson_r:>9.4f}"
        lines.append(f"{epoch:>6,}{told}  {each.best_rank:,} of {each.architectures:,}")
    return lines


def _facts(found: Agreement) -> Json:
    numbers = {name: getattr(found, name) for name in ("kendall_tau", "spearman_rho", "pearson_r")}
    return {
        "first": found.first.meaning,
        "second": found.second.meaning,
        "architectures": found.architectures,
        **{name: None if value != value else value for name, value in numbers.items()},  # NaN is no JSON
        "top": found.top,
        "best": str(found.best),
        "best_rank": found.best_rank,
    }


def _rows(found: Agreement) -> list[tuple[str, str]]:
    best, values = found.best, [f"{each.values[found.best.flat]:.2f} {each.unit}" for each in found.columns]
    rank = f"rank {found.best_rank:,} of {found.architectures:,} in second"
    return [
        ("first", found.first.meaning),
        ("second", found.second.meaning),
        ("architectures", f"{found.architectures:,}"),
        ("Kendall tau-b", f"{found.kendall_tau:.4f}"),
        ("Spearman rho", f"{found.spearman_rho:.4f}"),
        ("Pearson r", f"{found.pearson_r:.4f}"),
        *((f"top {k:,}", f"{both:,} in common ({100 * both / k:.0f} %)") for k, both in found.top.items()),
        ("first's best", f"{' → '.join(values)}, {rank}: index {best.index}"),
        ("", str(best)),
    ]
