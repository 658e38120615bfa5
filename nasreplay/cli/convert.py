"""`nasreplay convert`: an architecture from any of its forms to any other."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli.inputs import faults_of, given, refuse_faults
from nasreplay.cli.options import options_of
from nasreplay.jobs import conversion
from nasreplay.jobs.conversion import ConvertSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("architectures", metavar="ARCH…", nargs=-1, required=True)
@options_of(ConvertSettings)
def convert(architectures: tuple[str, ...], **values: Any) -> None:
    """Translate architectures, one line each.

    ARCH is an |op~i| string (in quotes), a six-digit key, an official index, widths such as 8:16:24:32:40, the
    JSON of a matrix or of lists, as this command prints them, a genotype in any form, a dictionary of another
    library, a name of `nasreplay zoo`, a run folder, a search checkpoint, or a file: with one of these, with a list,
    one a line, a log (the last one, or FILE:LINE), a program (FILE:NAME), or logits (.npy). `-` reads standard input
    like a file. What is no architecture in a list leaves an empty line, and is told at the end.

    Widths have the forms string, index, widths and json. unique is the published string that equivalent cells share,
    canonical a stricter one; json has everything in one object. Genotypes have the forms darts, two-input,
    all-edge, compact (without none and dead nodes), xautodl, cnas, cnas-json and json; a genotype that is an |op~i|
    cell has that cell's forms, too, and every cell those of its genotype.
    """
    settings = chosen(ConvertSettings, values)
    asked = given(architectures, settings.form)
    faults = faults_of(asked, architectures)
    lines = conversion.convert(*asked, settings=settings, faults=faults)
    click.echo("\n".join(lines))
    refuse_faults(faults, len(asked))
