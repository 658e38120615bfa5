"""`nasreplay draw`: an architecture as a figure."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli.options import options_of
from nasreplay.jobs import figures
from nasreplay.jobs.figures import DrawSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("architecture", metavar="ARCH")
@options_of(DrawSettings)
def draw(architecture: str, **values: Any) -> None:
    """Draw ARCH and print the paths of the files.

    ARCH is an |op~i| string, a six-digit key, an official index, widths such as 8:16:24:32:40, a genotype in any form
    or a file with one, a name of nasreplay zoo, a run folder of nasreplay search, or a search checkpoint.
    """
    settings = chosen(DrawSettings, values)
    for file in figures.draw(
        architecture, settings=settings, tell=lambda line: click.echo(f"nasreplay: {line}", err=True)
    ):
        click.echo(file)
