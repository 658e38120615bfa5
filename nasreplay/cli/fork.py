"""`nasreplay fork`: a new search from the kept epoch of another one."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli import resume
from nasreplay.cli.options import command_line, options_of
from nasreplay.cli.progress import Progress
from nasreplay.jobs.forks import OWNERS, reasons


@click.command()
@click.argument("parent", metavar="RUN@EPOCH", required=False)
@click.option(
    "--searcher", metavar="NAME", help="Another searcher of the same family, such as snas after gdas."
)
@options_of(
    *OWNERS,
    hidden=reasons(),
    sets="A hyper-parameter, e.g. gdas.tau_min=0.5, or a key of the recipe of the weights, e.g. recipe.LR=0.01.",
    epochs="Epochs of the search in all, those of its parent included. Default: as many as its parent.",
    out="Run folder. Default: RUN-at-EPOCH.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def fork(parent: str | None, searcher: str | None, as_json: bool, **values: Any) -> None:
    """Go on from epoch EPOCH of the live search in RUN with other settings, or another searcher of its family.

    A fork begins with its parent's weights, optimizer and logits, and sees the same batches and the same noise, so
    that what differs afterwards comes from what was changed. RUN has kept the epoch (search --keep-every). Everything
    that is not said here is as in RUN.
    """
    if resume.told_before(values | {"as_json": as_json}):
        return
    if not (parent or values["resume"]):
        raise click.UsageError("Missing argument 'RUN@EPOCH'")
    from nasreplay.jobs import forks

    with Progress("searching") as show:
        found = forks.fork(parent, searcher, tell=show.tell, show=show, command=command_line(), **values)
    from nasreplay.cli.views.search_text import search_text

    resume.tell(found.folder, search_text(found), found.plain(), as_json)
