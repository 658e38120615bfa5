"""`nasreplay replay`: searchers side by side on a table, many replicas each."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli import options
from nasreplay.cli.progress import Progress
from nasreplay.errors import BadSetting, Interrupted
from nasreplay.jobs.comparison import ReplaySettings
from nasreplay.runs.folder import resumed_by
from nasreplay.settings import chosen

if TYPE_CHECKING:
    from nasreplay.jobs.comparison import Replayed


@click.command()
@click.argument("searchers", nargs=-1)
@options.options_of(ReplaySettings)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option(
    "--list", "listing", is_flag=True, help="List the searchers: what each does, where it runs, its settings."
)
@click.option("--redraw", type=options.PATH, metavar="DIR", help="Tables and figures of DIR again.")
def replay(
    searchers: tuple[str, ...], listing: bool, redraw: Path | None, as_json: bool, as_csv: bool, **given: Any
) -> None:
    """Replay SEARCHERS with the simulated clock, compare them, and draw their regret.

    Without SEARCHERS, all of --list that need no shared weights and no several fidelities are compared.

    A searcher of yours is named by its place, as my.py:Annealing.

    Writes results.h5, summary.md and figures (PNG, SVG, PDF) into the folder. The same seed gives the
    same numbers. Ctrl-C keeps what is finished; the same command with the same --out continues. An --out that holds a
    comparison grows: by more searchers, data sets (--dataset) and replicas (--replicas).
    """
    from nasreplay.jobs import comparison

    if as_json and as_csv:
        raise BadSetting("--json or --csv, not both")
    every = {option.name or "" for option in click.get_current_context().command.params}
    if listing:
        options.refuse_given("with --list", every - {"listing"})
        click.echo(_listing())
        return
    if redraw:
        options.refuse_given("with --redraw", every - {"redraw", "score", "as_json", "as_csv"})
        with Progress("drawing", "figures") as progress:
            done = comparison.redraw(redraw, given["score"], progress)
    else:
        settings, typed = chosen(ReplaySettings, given), options.command_line()
        with Progress("replaying", "searches") as progress:
            done = comparison.replay(*searchers, settings=settings, command=typed, progress=progress)
    if done.added:
        click.echo(f"added to {done.folder}: {done.added}", err=True)
    if done.rows:
        print_replayed(done, as_json, as_csv)
    if done.interrupted and not redraw:
        raise Interrupted(f"interrupted; continue with: {resumed_by(done.folder)}")


def _listing() -> str:
    from nasreplay.files.columns import hanging
    from nasreplay.search import SEARCHERS, make

    lines, width = [], get_terminal_size().columns
    for name, kind in SEARCHERS.items():
        known = make(name).settings().items()
        settings = ", ".join(f"{key} {value}" for key, value in known if value not in ("", None)) or "none"
        compared = "; compared by default" if kind.compared else ""
        about = (
            kind.sentence(),
            f"runs {kind.places()}{compared}",
            f"source: {kind.source}",
            f"settings on tables: {settings}",
        )
        lines += [name, *(line for text in about if text for line in hanging([("  ", text)], width)), ""]
    return "\n".join(lines[:-1])


def print_replayed(done: Replayed, as_json: bool = False, as_csv: bool = False) -> None:
    """Print the report, or the rows as JSON or CSV."""
    from nasreplay.files.columns import csv_text

    flat = [row.flat() for row in done.rows]
    results = done.comparison.results
    remarks = {
        one.searcher: {"remark": one.settings["remark"]} for one in results if "remark" in one.settings
    }
    for remark in dict.fromkeys(one["remark"] for one in remarks.values()):
        click.echo(f"note: {remark}", err=True)
    if as_json:
        click.echo(json.dumps([row | remarks.get(str(row["searcher"]), {}) for row in flat], indent=1))
    elif as_csv:
        click.echo(csv_text(flat[0], (row.values() for row in flat)), nl=False)
    else:
        from rich.console import Console

        from nasreplay.runs.report.screen import print_report

        print_report(done.comparison, done.rows, Console(), done.folder)
    if as_json or as_csv:
        click.echo(f"results, figures and summary: {done.folder}  (seed {done.seed})", err=True)
