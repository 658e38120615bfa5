"""`nasreplay search`: one searcher, one replica, with its full event log."""

from __future__ import annotations

import json
from typing import Any

import click

from nasreplay.cli.options import EVALUATOR, command_line, options_of, refuse_others
from nasreplay.cli.progress import Progress
from nasreplay.jobs import evaluator_kinds
from nasreplay.jobs.searches.task import SearchSettings


@click.command()
@click.argument("searcher")
@EVALUATOR
@options_of(*evaluator_kinds.owners(), SearchSettings)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def search(searcher: str, evaluator: str, as_json: bool, **values: Any) -> None:
    """Run SEARCHER until its budget or its epochs end, and record everything that it did.

    The run folder holds run.json (settings), events.jsonl (every evaluation or step), checkpoint/ and
    results.h5. A killed run continues with --resume, and its log equals the uninterrupted one.
    """
    from nasreplay.jobs import searches

    own = evaluator_kinds.EVALUATORS.named(evaluator).owners()
    refuse_others(
        f"with --evaluator {evaluator}", SearchSettings, *own, also=("searcher", "evaluator", "as_json")
    )
    with Progress("searching") as show:
        found = searches.search(
            searcher,
            evaluator,
            tell=lambda line: click.echo(line, err=True),
            show=show,
            command=command_line(),
            **values,
        )
    if as_json:
        click.echo(json.dumps(found.plain(), indent=1))
        return
    from nasreplay.cli.views.search_text import search_text

    click.echo(search_text(found))
