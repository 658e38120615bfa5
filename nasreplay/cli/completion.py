"""What a shell completes: names of searchers, data sets, spaces and published genotypes, run folders, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click import Context, Parameter
from click.shell_completion import CompletionItem

from nasreplay.errors import NasReplayError

if TYPE_CHECKING:
    from nasreplay.data.pack import Pack

Completer = Callable[[Context, Parameter, str], list[CompletionItem]]
DEEPEST = "*", "*/*", "*/*/*"  # where runs lie below a folder


def searchers() -> Iterable[str]:
    """Every searcher."""
    from nasreplay.search import SEARCHERS

    return SEARCHERS


def settings() -> Iterator[str]:
    """What --set begins with: SEARCHER.SETTING=."""
    from nasreplay.search import SEARCHERS, make

    yield from (f"{name}.{key}=" for name in SEARCHERS for key in make(name).settings())


def datasets() -> Iterable[str]:
    """Every built-in data set, of images and of tables."""
    from nasreplay.data.cards import CARDS

    return CARDS


def spaces() -> Iterable[str]:
    """Every space."""
    from nasreplay.spaces.registry import SPACES

    return SPACES


def genotypes() -> Iterable[str]:
    """Every published genotype."""
    from nasreplay.spaces.genotypes.published_genotypes import zoo

    return zoo()


def protocols() -> Iterable[str]:
    """The protocols of published comparisons."""
    from nasreplay.replay.protocols import PROTOCOLS

    return PROTOCOLS


def forms() -> Iterable[str]:
    """What an architecture can be converted to."""
    from nasreplay.spaces.genotypes.notation import WRITERS
    from nasreplay.spaces.registry import known_spaces

    return ("string", "index", "json", *(form for space in known_spaces() for form in space.forms), *WRITERS)


def evaluators() -> Iterable[str]:
    """The kinds of evaluators."""
    from nasreplay.jobs.evaluator_kinds import EVALUATORS

    return EVALUATORS


def tables() -> Iterator[str]:
    """The tables of this machine."""
    from nasreplay.jobs.table_files import list_tables

    yield from (each.name for each in list_tables().found)


def runs() -> Iterator[str]:
    """The run folders here and under output/."""
    for below in ("*", *(f"output/{deep}" for deep in DEEPEST)):
        yield from (str(found.parent) for found in sorted(Path().glob(f"{below}/run.json")))


def kept() -> Iterator[str]:
    """The kept epochs of those runs, as RUN@EPOCH."""
    from nasreplay.runs.checkpoints import kept_epochs

    yield from (f"{run}@{epoch}" for run in runs() for epoch in kept_epochs(Path(run)))


def of_table(held: Callable[[Pack], Iterable[str]]) -> Completer:
    """A completer of what the table holds that is named before, or the embedded one."""

    def items(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
        from nasreplay.data.locate import open_table

        try:
            names = dict.fromkeys(held(open_table(context.params.get("table"))))
        except NasReplayError:  # a shell shows no errors
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return items


def _datasets_held(pack: Pack) -> Iterator[str]:
    from nasreplay.data.semantics import meaning, requests

    for dataset, split in requests(pack.custom):
        if split == "valid" and meaning(dataset, split, pack.custom).stored in pack.datasets:
            yield dataset


def _recipes_held(pack: Pack) -> Iterator[str]:
    return (recipe for stored in pack.datasets for recipe in pack.recipes(stored))


def completes(*sources: Callable[[], Iterable[str]], files: str = "") -> Completer:
    """A completer of names; files: "file" or "dir" for paths besides."""

    def items(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
        names = dict.fromkeys(name for source in sources for name in source())
        found = [CompletionItem(name) for name in names if name.startswith(incomplete) and name.isprintable()]
        return ([CompletionItem(incomplete, type=files)] if files else []) + found  # bash wants paths first

    return items


OPTIONS: dict[str, Completer] = {
    "best": of_table(_datasets_held),
    "config": completes(files="file"),
    "dataset": completes(datasets, files="dir"),
    "datasets": completes(datasets, files="dir"),
    "evaluator": completes(evaluators),
    "out": completes(runs, files="dir"),
    "protocol": completes(protocols),
    "recipe": of_table(_recipes_held),
    "redraw": completes(runs, files="dir"),
    "run": completes(runs, files="dir"),
    "searcher": completes(searchers),
    "sets": completes(settings),
    "space": completes(spaces),
    "table": completes(tables, files="file"),
    "to": completes(forms),
    "training": completes(files="file"),
    "weights": completes(runs, files="dir"),
}
"""Option or argument → what it completes, beside the words and paths that click knows."""

ARGUMENTS: dict[str, Completer] = {
    "arch": completes(genotypes, files="file"),
    "architecture": completes(genotypes, runs, files="file"),
    "architectures": completes(genotypes, files="file"),
    "archive": completes(files="file"),
    "first": completes(datasets),
    "file": completes(files="file"),
    "name": completes(genotypes),
    "pack": completes(tables, files="file"),
    "packs": completes(files="file"),
    "parent": completes(kept),
    "run": completes(runs, files="dir"),
    "runs": completes(runs, files="dir"),
    "second": completes(datasets),
    "searcher": completes(searchers),
    "searchers": completes(searchers, files="file"),
    "target": completes(genotypes, runs, files="file"),
}


def complete(command: click.Command) -> None:
    """Let the parameters of a command, and of its subcommands, complete what they take."""
    for parameter in command.params:
        known = ARGUMENTS if isinstance(parameter, click.Argument) else OPTIONS
        if completer := known.get(parameter.name or ""):
            parameter._custom_shell_complete = completer
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        complete(below)
