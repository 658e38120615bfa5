"""`nasreplay draw`: architectures, weights of a search and curves of a training as figures."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli.options import options_of
from nasreplay.jobs import figures
from nasreplay.jobs.figures import DrawSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("architectures", metavar="ARCH…", nargs=-1, required=True)
@options_of(DrawSettings)
def draw(architectures: tuple[str, ...], **values: Any) -> None:
    """Draw ARCH and print the paths of the files.

    ARCH is an |op~i| string, a six-digit key, an official index, widths such as 8:16:24:32:40, a genotype in any form
    or a file with one, a name of nasreplay zoo, a run folder of nasreplay search, or a search checkpoint; several of
    them with --sheet. With --weights it is a run folder or checkpoint of a search by gradients. The folder of
    nasreplay train or retrain is drawn as its curves of loss and accuracy.
    """
    settings = chosen(DrawSettings, values)
    for file in figures.draw(
        *architectures, settings=settings, tell=lambda line: click.echo(f"nasreplay: {line}", err=True)
    ):
        click.echo(file)
