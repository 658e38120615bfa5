"""`nasreplay merge`: comparisons of the same settings as one."""

from __future__ import annotations

from pathlib import Path

import click

from nasreplay.cli.options import PATH


@click.command()
@click.argument("folders", nargs=-1, metavar="DIR DIR…", type=PATH)
@click.option("--out", required=True, type=PATH, metavar="DIR", help="The folder to write.")
def merge(folders: tuple[Path, ...], out: Path) -> None:
    """Join comparisons that `nasreplay replay` made into one, with its tests and figures.

    Their searchers and data sets may differ; seed, table, budget and replicas are the same, and so are the numbers of
    a search that two of them have.
    """
    from nasreplay.cli.replay import print_replayed
    from nasreplay.jobs.comparison import merge as join

    print_replayed(join(*folders, out=out))
