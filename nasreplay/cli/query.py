"""`nasreplay query`: what a table knows about architectures, and the best ones under constraints."""

from __future__ import annotations

import sys
from typing import Any

import click

from nasreplay.cli.inputs import faults_of, given, refuse_faults
from nasreplay.cli.options import options_of
from nasreplay.cli.views.fold import show
from nasreplay.jobs import queries
from nasreplay.jobs.queries import QuerySettings
from nasreplay.settings import chosen


@click.command()
@click.argument("architectures", metavar="ARCH…", nargs=-1)
@options_of(QuerySettings)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; a list for several architectures.")
@click.option("--csv", "as_csv", is_flag=True, help="One row per architecture, data set and split.")
def query(architectures: tuple[str, ...], as_json: bool, as_csv: bool, **values: Any) -> None:
    """Accuracy with its exact meaning, rank, neighbors and costs of architectures.

    ARCH is a string such as '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|' (in
    quotes), a six-digit key, an official index of one to five digits, widths such as 8:16:24:32:40, or any other
    form that `nasreplay convert` reads, or a file. `-` reads standard input: a list, one a line, or a text
    with one. What is no architecture in a list is left out, and told at the end.

    \b
    nasreplay query 9930 333133
    nasreplay query --best cifar100 --max-params 0.5
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    settings = chosen(QuerySettings, values)
    if settings.best is None and not architectures:
        raise click.UsageError("name an architecture, or - for standard input, or --best DATASET")
    asked = given(architectures)
    faults = faults_of(asked, architectures)
    unmeasured: list[str] = []
    result = queries.query(
        *asked, settings=settings, faults=faults, unmeasured=None if as_json or as_csv else unmeasured
    )
    for line in unmeasured:
        click.echo(f"nasreplay: {line}", err=True)
    if result.note and (as_csv or result.best_of is not None):
        click.echo(f"nasreplay: {result.note}", err=True)
    if as_json or as_csv:
        from nasreplay.cli.views import query_data

        click.echo(query_data.json_text(result) if as_json else query_data.csv_of(result), nl=as_json)
    elif result.best_of != 0 and len(result):
        from nasreplay.cli.views import query_text

        listed = len(result) > query_text.SECTIONS and not sys.stdout.isatty()
        click.echo("\n".join(query_text.lines(result))) if listed else show(
            query_text.lines(result), piped=True
        )
    refuse_faults(faults, len(asked))
    if result.best_of == 0 or unmeasured:
        raise click.exceptions.Exit(1)
