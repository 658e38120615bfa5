"""`nasreplay explain`: why a live search ended where it did, in points of regret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli.options import PATH, options_of
from nasreplay.cli.progress import Progress
from nasreplay.jobs.explanation import ExplainSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("run", type=PATH)
@options_of(ExplainSettings)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(run: Path, as_json: bool, **values: Any) -> None:
    """Attribute the regret of the finished live run in the folder RUN to its causes.

    The run's own searcher climbs from the table to the run, with one ingredient exchanged on every rung; the parts
    are the differences of neighboring rungs, and sum to the run's regret. A killed explanation goes on with the same
    command.

    nasreplay explain run --table digits.h5 --figure why.pdf
    """
    settings = chosen(ExplainSettings, values)
    with Progress("explaining") as progress:
        from nasreplay.jobs import explanation

        found = explanation.explain(run, tell=progress.tell, show=progress, settings=settings)
    if as_json:
        click.echo(json.dumps(found.plain(), indent=1))
    else:
        from nasreplay.cli.views.explain_text import explain_text

        click.echo("\n".join(explain_text(found)))
    if settings.figure:
        click.echo(f"figure: {settings.figure}", err=True)
