"""The programs of other projects in scripts/: their tables, and whether what they become can be run."""

import importlib.util
import re
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Any

from nasreplay.cli.main import cli
from nasreplay.jobs import evaluator_kinds
from nasreplay.jobs.searches.task import SearchSettings
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.jobs.training.training_target import read_target
from nasreplay.search import make
from nasreplay.settings import chosen
from nasreplay.train.recipe import recipe_of
from tests.support.command import CHECKOUT

FOLDERS = ("snas", "cnas", "sparse", "slnas")
PROGRAMS = sorted(
    path.relative_to(CHECKOUT / "scripts").as_posix()
    for folder in FOLDERS
    for path in (CHECKOUT / "scripts" / folder).glob("*.py")
    if "PROGRAM" in path.read_text()
)


@cache
def loaded(name: str) -> Any:
    """The module of a program, snas/train.py; modules beside it are not known to others."""
    path = CHECKOUT / "scripts" / name
    before = list(sys.path)
    sys.path[:0] = [str(path.parent), str(path.parents[1])]
    try:
        spec = importlib.util.spec_from_file_location(name.replace("/", "_").removesuffix(".py"), path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
        for other in path.parent.glob("*.py"):
            sys.modules.pop(other.stem, None)
    return module


def translated(name: str, *arguments: str) -> tuple[list[str], list[str]]:
    """The words of nasreplay's command line, and the remarks."""
    program = loaded(name).PROGRAM
    found = sys.modules["program"].translated(program, arguments, Path(name).name)
    return found.words, list(found.remarks)


def readme_commands() -> list[tuple[str, list[str]]]:
    """The programs of docs/coming-from.md that stand in scripts/, and what each is told there; without launchers."""
    found: dict[str, tuple[str, list[str]]] = {}
    for section in (CHECKOUT / "docs" / "coming-from.md").read_text().split("\n## "):
        folders = re.findall(r"in `scripts/(\w+)`", section)
        for line in re.findall(r"^\| `([^`…]*\.py[^`…]*)` \|", section, re.MULTILINE) if folders else ():
            words = shlex.split(line)
            place = next(number for number, word in enumerate(words) if word.endswith(".py"))
            found[line] = f"{folders[0]}/{words[place]}", words[place + 1 :]
    return list(found.values())


def resolve(words: list[str]) -> None:
    """Read a command line of nasreplay as far as that needs no images: options, settings, recipe, architecture."""
    name, *arguments = words
    with cli.make_context("nasreplay", words) as context:
        command = cli.get_command(context, name)
        assert command
        values = command.make_context(name, arguments, parent=context).params
    if name == "search":
        searcher = make(values["searcher"], preset="live")
        kind = evaluator_kinds.kind_of(values["evaluator"])
        kind.of(values, searcher)
        chosen(SearchSettings, values).searcher(searcher.name, "live", values["epochs"])
        recipe_of(values["training"])
    elif name == "retrain":
        settings = chosen(RetrainSettings, values)
        read_target(values["target"])
        settings.changed(recipe_of(settings.recipe or ""))
