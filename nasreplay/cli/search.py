"""`nasreplay search`: one searcher, one replica, with its full event log."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli import resume
from nasreplay.cli.options import EVALUATOR, command_line, options_of, refuse_others
from nasreplay.cli.progress import Progress
from nasreplay.jobs import evaluator_kinds
from nasreplay.jobs.searches.task import SearchSettings


@click.command()
@click.argument("searcher", required=False)
@EVALUATOR
@options_of(*evaluator_kinds.owners(), SearchSettings)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def search(**given: Any) -> None:
    """Run SEARCHER until its budget or its epochs end, and record everything that it did.

    The run folder holds run.json (settings), events.jsonl (every evaluation or step), checkpoint/ and
    results.h5. A killed run continues with `nasreplay resume FOLDER`, and its log equals the uninterrupted one.
    """
    values = resume.continued(given)
    if resume.told_before(values):
        return
    searcher, evaluator, as_json = (values.pop(name) for name in ("searcher", "evaluator", "as_json"))
    if not searcher:
        raise click.UsageError("Missing argument 'SEARCHER': nasreplay replay --list shows them")
    own = evaluator_kinds.EVALUATORS.named(evaluator).owners()
    refuse_others(
        f"with --evaluator {evaluator}", SearchSettings, *own, also=("searcher", "evaluator", "as_json")
    )
    from nasreplay.jobs import searches

    with Progress("searching") as show:
        found = searches.search(
            searcher,
            evaluator,
            tell=show.tell,
            show=show,
            command=command_line(),
            **values,
        )
    from nasreplay.cli.views.search_text import search_text

    resume.tell(found.folder, search_text(found), found.plain(), as_json)
