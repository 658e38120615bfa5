"""`nasreplay compare`: paired differences of a live search and its forks, epoch by epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli.options import PATH, options_of
from nasreplay.cli.views.fold import show
from nasreplay.jobs.forks import compare_runs
from nasreplay.jobs.forks.compare_runs import CompareSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("runs", metavar="RUN OTHER…", type=PATH, nargs=-1, required=True)
@options_of(CompareSettings)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all epochs.")
def compare(runs: tuple[Path, ...], as_json: bool, **values: Any) -> None:
    """Compare live searches with the first, RUN, epoch by epoch: its forks, or runs of the same seed.

    Each is a run folder, or a folder of runs of several seeds: then pairs are matched by seed, and each mean
    difference stands with the standard error of the pairs and, in brackets, that of independent runs.
    """
    settings = chosen(CompareSettings, values)
    found = compare_runs.compare_runs(*runs, settings=settings)
    if as_json:
        click.echo(json.dumps(found.plain(), indent=1))
    else:
        from nasreplay.cli.views.paired_text import paired_text

        show(paired_text(found))
    if settings.figure:
        click.echo(f"figure: {settings.figure}", err=True)
