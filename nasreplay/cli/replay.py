"""`nasreplay replay`: searchers side by side on a table, many replicas each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli import options
from nasreplay.cli.progress import Progress
from nasreplay.errors import BadSetting

SCORE = click.option(
    "--score",
    type=click.Choice(["last", "published"]),
    help="last: the final incumbent; published: interpolated at the budget (NATS-Bench). Default: the protocol's.",
)
PROTOCOL = click.option(
    "--protocol",
    default="plain",
    show_default=True,
    help="plain, nats or nb201: recipe, budgets, rungs and scoring of a published comparison.",
)


@click.command(short_help="Compare searchers on a table, many replicas at once.")
@click.argument("searchers", nargs=-1)
@click.option(
    "--dataset", "datasets", multiple=True, help="Repeatable. Default: all that the table validates."
)
@options.together(options.TABLE, options.RECIPE, options.TRIAL)
@click.option("--replicas", default=500, show_default=True, help="Independent runs of each searcher.")
@options.together(options.BUDGET, options.EVALUATIONS, options.GRADIENT, options.SAMPLES, options.SEED)
@options.together(options.SET, options.CONFIG, PROTOCOL, SCORE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder; continues what it holds. Default: output/…"
)
@click.option("--jobs", type=int, help="Worker processes. Default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option("--list", "listing", is_flag=True, help="List the searchers with their settings and sources.")
@click.option(
    "--redraw", type=click.Path(path_type=Path), metavar="DIR", help="Tables and figures of DIR again."
)
def replay(listing: bool, redraw: Path | None, **chosen: Any) -> None:
    """Replay SEARCHERS with the simulated clock, compare them, and draw their regret.

    Without SEARCHERS, all of --list that need no shared weights and no several fidelities are compared.

    Writes results.h5, summary.md and regret figures (PNG and SVG) into the folder. The same seed gives the
    same numbers. Ctrl-C keeps what is finished; the same command with the same --out continues.
    """
    if chosen["as_json"] and chosen["as_csv"]:
        raise BadSetting("--json or --csv, not both")
    every = {option.name or "" for option in click.get_current_context().command.params}
    if listing:
        options.refuse_given("with --list", every - {"listing"})
        click.echo(_listing())
    elif redraw:
        options.refuse_given("with --redraw", every - {"redraw", "score", "as_json", "as_csv"})
        from nasreplay.runs.store import read_comparison

        comparison = read_comparison(redraw)
        if not comparison.tables or "seed" not in comparison.settings:
            raise BadSetting(
                f"{redraw} holds one search, not a comparison; --redraw takes the folder of a replay"
            )
        comparison.settings["score"] = chosen["score"] or comparison.settings["score"]
        _present(comparison, redraw if redraw.is_dir() else redraw.parent, chosen)
    else:
        _replay(chosen)


def _replay(chosen: dict[str, Any]) -> None:
    from nasreplay.files.workers import cores
    from nasreplay.replay.compare import compare

    plan = _plan(chosen)
    folder = chosen["out"] or Path("output") / f"replay-seed{plan.seed}"
    with Progress("replaying", "searches") as tell:
        comparison = compare(
            plan,
            folder,
            command=options.command_line(),
            jobs=chosen["jobs"] or cores(),
            score=chosen["score"],
            tell=tell,
        )
    if comparison.results:
        _present(comparison, folder, chosen)
    if comparison.settings["interrupted"]:
        raise click.ClickException(f"interrupted; the same command with --out {folder} continues")


def _plan(chosen: dict[str, Any]) -> Any:
    from nasreplay.evaluate.table.load import replayable
    from nasreplay.replay.plan import Plan
    from nasreplay.replay.protocols import protocol_named
    from nasreplay.search import SEARCHERS, default_comparison, make
    from nasreplay.seeds import root_seed

    if chosen["jobs"] is not None and chosen["jobs"] < 1:
        raise BadSetting(f"--jobs {chosen['jobs']}: it must be at least 1")
    rules = protocol_named(chosen["protocol"])
    for name in ("recipe", "budget", "evaluations"):
        if rules.seconds and chosen[name] is not None:
            raise BadSetting(f"--protocol {rules.name} fixes recipe and budget: leave out --{name}")
    searchers = chosen["searchers"] or rules.searchers or default_comparison()
    names = dict.fromkeys(make(name).name for name in searchers)
    for name in tuple(names):
        names |= dict.fromkeys(SEARCHERS[name].beside)
    return Plan(
        searchers=tuple(names),
        datasets=replayable(chosen["table"], chosen["datasets"]),
        protocol=rules.name,
        changes=options.changes_of(chosen["configs"], chosen["sets"], names),
        table=chosen["table"],
        recipe=chosen["recipe"],
        trial=options.trial_of(chosen["trial"]),
        gradient=chosen["gradient"],
        samples=chosen["samples"],
        replicas=chosen["replicas"],
        budget_s=chosen["budget"],
        evaluations=chosen["evaluations"],
        # a folder that exists brings its own seed; a new default folder is named after a drawn one
        seed=chosen["seed"] if chosen["out"] else root_seed(chosen["seed"]),
    )


def _listing() -> str:
    from nasreplay.search import SEARCHERS, make

    lines = []
    for name in SEARCHERS:
        searcher = make(name)
        settings = ", ".join(f"{key} {value}" for key, value in searcher.settings().items()) or "no settings"
        lines += [f"{name}", f"    {searcher.source}", f"    on tables: {settings}"]
    return "\n".join(lines)


def _present(comparison: Any, folder: Path, chosen: dict[str, Any]) -> None:
    from nasreplay.files.atomic import write_whole
    from nasreplay.files.columns import csv_text
    from nasreplay.runs.report import comparison_report, plots

    figures = plots.save_figures(comparison, folder)
    text = comparison_report.markdown(
        comparison, [figure.name for figure in figures if figure.suffix == ".png"]
    )
    write_whole(folder / "summary.md", text.encode())
    if chosen["as_json"]:
        click.echo(json.dumps(comparison_report.rows(comparison), indent=1))
    elif chosen["as_csv"]:
        rows = comparison_report.rows(comparison)
        click.echo(csv_text(rows[0] if rows else (), (row.values() for row in rows)), nl=False)
    else:
        from rich.console import Console

        comparison_report.print_report(comparison, Console())
    machine = chosen["as_json"] or chosen["as_csv"]
    click.echo(f"results, figures and summary: {folder}  (seed {comparison.settings['seed']})", err=machine)
