"""`nasreplay gap`: how far a live search is from the table, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli.options import PATH, options_of
from nasreplay.cli.progress import Progress
from nasreplay.cli.views.fold import show
from nasreplay.jobs.searches.gaps import GapSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("run", type=PATH)
@options_of(GapSettings)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gap(run: Path, as_json: bool, **values: Any) -> None:
    """Analyze the finished live run in the folder RUN.

    The total gap is what the same searcher finds on the table minus what the run found, both read from the table.
    Kendall's tau between shared-weight accuracies and the table says how much of it is rank error.
    """
    with Progress("asking the shared weights", "architectures") as progress:
        from nasreplay.cli.views.gap_text import gap_rows
        from nasreplay.files.columns import aligned
        from nasreplay.jobs.searches import gaps

        found = gaps.gap(run, show=progress, settings=chosen(GapSettings, values))
    click.echo(json.dumps(found.plain(), indent=1)) if as_json else show(aligned(gap_rows(found)))
