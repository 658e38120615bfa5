"""`nasreplay draw`: an architecture as a figure."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Draw the cells of an architecture, or its widths.")
@click.argument("architecture", metavar="ARCH")
@click.option(
    "--out",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="FILE.svg, .png, .pdf, or .dot (Graphviz text); may be repeated. [NAME.svg and NAME.png]",
)
@click.option(
    "--width",
    default=6.8,
    show_default=True,
    metavar="INCHES",
    help="At most; 6.8 fits a page, 3.3 a column of two.",
)
@click.option("--hide-none", is_flag=True, help="Leave out the none edges. [dashed]")
@click.option(
    "--which", type=click.Choice(["last", "best"]), default="last", help="Epoch of a search. [last]"
)
def draw(architecture: str, files: tuple[Path, ...], width: float, hide_none: bool, which: str) -> None:
    """Draw ARCH and print the paths of the files.

    ARCH is an |op~i| string, a six-digit key, an official index, widths such as 8:16:24:32:40, a genotype in any form
    or a file with one, a name of nasreplay zoo, a run folder of nasreplay search, or a search checkpoint.
    """
    from nasreplay.jobs.training_target import read_target
    from nasreplay.runs.drawing.figure import kind_of, save_drawing
    from nasreplay.spaces.graph import NONE

    target = read_target(architecture, which)
    graphs = target.cell.graphs()
    if hide_none:
        graphs = tuple(graph.without(NONE) for graph in graphs)
    for file in files:
        kind_of(file)
    for file in files or [Path(f"{target.name}.{ending}") for ending in ("svg", "png")]:
        save_drawing(graphs, file, width)
        click.echo(file)
