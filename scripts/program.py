"""Programs of other projects by their names: what they are told becomes a command line of nasreplay, which runs.

A program is a table of its flags. Each says which option or setting of nasreplay it stands for, or why it has no
effect here; unfamiliar ones are refused. As argparse does, a flag may be shortened as long as it is clear; hyphens do
for underscores. What comes after a lone `--` goes to nasreplay as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, NoReturn

from nasreplay.errors import BadInput, choices, shortened
from nasreplay.files.text import harmless
from nasreplay.jobs.rank_zero import is_first
from nasreplay.numerals import real, whole

Given = argparse.Namespace
"""The value of each flag by its name; `told` has the names of those that were given."""


@dataclass(frozen=True)
class Flag:
    """A flag of a program."""

    names: str
    """Its spellings, separated by spaces."""
    default: bool | int | float | str = ""
    """The original's default, whose type is the flag's; a truth value makes a switch."""
    to: str | Callable[[Given], Iterable[object]] = ""
    """An option of nasreplay, `--channels`; a setting of the searcher, `.samples`; a key of the recipe, `recipe.LR`;
    or the words that it and other flags become. Empty for those others."""
    about: str = ""
    """What else its help says."""
    inert: str = ""
    """Why it has no effect here."""
    known: Sequence[str | int] = ()
    """Its values, where there are few."""
    positional: bool = False
    """Whether it is the program's argument."""

    @property
    def name(self) -> str:
        """Its attribute of `Given`."""
        spellings = self.names.split()
        long = next((name for name in spellings if name.startswith("--")), spellings[0])
        return long.lstrip("-").replace("-", "_")

    def words(self, given: Given) -> list[str]:
        """What it is for nasreplay."""
        value = getattr(given, self.name)
        if callable(self.to):
            return [_text(word) for word in self.to(given)]
        if not self.to or value == "":
            return []
        if self.to.startswith("."):
            return [f"{self.to}={_text(value)}"]
        if self.to.startswith("recipe."):
            return [f"{self.to}={_text(value)}"] * (self.name in given.told or value != self.default)
        if isinstance(value, bool):
            return [self.to] * value
        return [self.to, _text(value)]

    def is_idle(self, given: Given) -> bool:
        """Whether it was given, and has no effect."""
        return bool(self.inert) and self.name in given.told and getattr(given, self.name) != self.default

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Make it known to argparse."""
        ours = self.to.lstrip(".") if isinstance(self.to, str) else ""
        parts = [self.about, f"no effect: {self.inert}" if self.inert else "", f"here {ours}" if ours else ""]
        text = "; ".join(filter(None, parts)).replace("%", "%%") or " "
        told = {"default": argparse.SUPPRESS, "choices": list(self.known) or None}
        if self.positional:
            parser.add_argument(self.name, nargs="?", help=text, **told)
        elif isinstance(self.default, bool):
            parser.add_argument(
                *self.names.split(), dest=self.name, action="store_true", default=argparse.SUPPRESS, help=text
            )
        else:
            kind = {int: _whole, float: _real}.get(type(self.default), str)
            text = f"{text} [{self.default}]" if self.default != "" else text
            parser.add_argument(
                *self.names.split(), dest=self.name, type=kind, metavar=self.name.upper(), help=text, **told
            )


@dataclass(frozen=True)
class Program:
    """A program of another project."""

    about: str
    """Its help: the docstring of its file."""
    command: Callable[[Given], Iterable[object]]
    """The first words of nasreplay's command line: the command, and what is searched with or trained."""
    flags: Sequence[Flag]
    """All that it may be told."""
    recipe: Callable[[Given], tuple[str, str]] = lambda given: ("", "")
    """The option that takes a recipe, and the shipped one that has the defaults of the flags `recipe.KEY`."""
    remarks: Callable[[Given], Iterable[str]] = lambda given: ()
    """What to tell of the flags that were given together. Raises BadInput for what cannot be."""
    on_all: Callable[[Given], bool] = lambda given: False
    """Whether it runs on all visible GPUs, a process on each."""
    epochs: str = "epochs"
    """The flag that says for how many epochs a run with `resume` goes on."""
    forced: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Data set → other defaults for it, by names of flags; the original forces them."""


class Translation(NamedTuple):
    """What a program becomes."""

    words: list[str]
    """The words of nasreplay's command line."""
    remarks: Sequence[str] = ()
    """What to tell of its flags."""
    on_all: bool = False
    """Whether it runs on all visible GPUs."""


def translated(program: Program, arguments: Sequence[str], name: str = "program") -> Translation:
    """What a command line of a program becomes.

    Ends the process with status 2 and one line on stderr for what the program would not understand.
    """
    arguments = list(arguments)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = _Parser(
        prog=name, description=program.about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--local-rank", "--local_rank", help=argparse.SUPPRESS)  # of launchers
    for flag in program.flags:
        flag.add_to(parser)
    known = [name for flag in program.flags for name in flag.names.split()]
    given, unfamiliar = parser.parse_known_args([_spelled(word, known) for word in arguments[:cut]])
    if unfamiliar:
        parser.error(f"unknown argument {shortened(unfamiliar[0])}{choices(unfamiliar[0], known)}")
    given = _whole_of(program, given)
    if "resume" in given.told:
        return Translation([*_resumed(program, parser, given), *arguments[cut + 1 :]])
    idle = [flag for flag in program.flags if flag.is_idle(given)]
    try:
        remarks = [f"{flag.names.split()[0]} has no effect: {flag.inert}" for flag in idle]
        remarks += program.remarks(given)
        words = [word for flag in program.flags for word in flag.words(given)]
    except BadInput as problem:
        parser.error(str(problem))
    words = [*_joined(program, given, words), *arguments[cut + 1 :]]
    return Translation(words, remarks, program.on_all(given))


def _spelled(word: str, known: Sequence[str]) -> str:
    """A flag, or its beginning, with the hyphens or underscores of a known one that is alike; else as it stands."""
    name, *value = word.split("=", 1)
    if not name.startswith("--") or any(one.startswith(name) for one in known):
        return word
    alike = name.replace("_", "-")
    found = next((one for one in known if one.replace("_", "-").startswith(alike)), name)
    return "=".join([found[: len(name)], *value])


def _whole_of(program: Program, told: Given) -> Given:
    """What was given, with the defaults of all other flags."""
    usual = {flag.name: flag.default for flag in program.flags}
    forced = program.forced.get({**usual, **vars(told)}.get("train_dataset", ""), {})
    return Given(**{**usual, **forced, **vars(told)}, told=vars(told).keys())


def _resumed(program: Program, parser: _Parser, given: Given) -> list[str]:
    """The words that continue the run of a folder, or of a file in it; for longer, if it is told so."""
    path = Path(given.resume)
    run = next((folder for folder in (path, *path.parents) if (folder / "run.json").is_file()), None)
    if run is None:
        parser.error(
            f"--resume {shortened(given.resume)}: neither a run folder of nasreplay nor a file of one"
        )
    longer = ["--epochs", _text(getattr(given, program.epochs))] if program.epochs in given.told else []
    return ["resume", str(run), *longer]


def _joined(program: Program, given: Given, words: Sequence[str]) -> list[str]:
    """The words of the flags behind those of the command; settings and keys of the recipe as nasreplay takes them."""
    command, plain, keys = [_text(word) for word in program.command(given)], list[str](), list[str]()
    for word in words:
        if word.startswith("recipe."):
            keys.append(word.removeprefix("recipe."))
        else:
            plain += ["--set", command[1] + word] if word.startswith(".") and "=" in word else [word]
    option, name = program.recipe(given)
    recipe = [option, ",".join([name, *keys])] if option else []
    return [*command, *plain, *recipe]


def run(program: Program) -> None:
    """Run the command that this process was started with, as nasreplay's."""
    name = Path(sys.argv[0]).name
    found = translated(program, sys.argv[1:], name)
    if found.on_all:
        _launch(found.words)
    if is_first():
        for line in (*found.remarks, f"the same as: nasreplay {shlex.join(found.words)}"):
            print(f"{name}: {line}", file=sys.stderr, flush=True)
    sys.argv = ["nasreplay", *found.words]
    from nasreplay.__main__ import main

    main()


def _launch(words: Sequence[str]) -> None:
    """Start this program anew in a process for each visible GPU, or as many as divide the batch; launchers did so."""
    import torch

    batch = next((int(after) for word, after in reversed([*pairwise(words)]) if word == "--batch"), 1)
    count = max((n for n in range(1, torch.cuda.device_count() + 1) if batch % n == 0), default=1)
    if count > 1 and "RANK" not in os.environ:
        several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        os.execv(sys.executable, [sys.executable, *several, *sys.argv])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, of one process."""
        self.exit(2, f"{self.prog}: error: {harmless(message, 600)}\n" if is_first() else None)


def _whole(text: str) -> int:
    return _read(whole, text)


def _real(text: str) -> float:
    return _read(real, text)


def _read(reader: Callable, text: str):
    try:
        return reader(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{shortened(text)} {problem}") from None


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


# --- what several flags of several programs become ---------------------------------------------------


LINES = "each epoch has a line"
IN_MEMORY = "small images are in memory"


def gpu(given: Given) -> list[object]:
    """A device that was chosen; else nasreplay chooses, and so it does where each process has its own."""
    return ["--device", f"cuda:{given.gpu}"] if given.gpu and processes() == 1 else []


def processes() -> int:
    """The number of processes that a launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def architecture(given: Given, **aliases: str) -> list[str]:
    """What is trained: a name of the zoo, a path, or a name that stands in the project's own genotypes.py.

    aliases: names that mean something else there.
    """
    from nasreplay.spaces.genotypes.published_genotypes import is_known

    if not is_known(given.arch) and not Path(given.arch).exists() and given.arch.isidentifier():
        for file in sorted(Path(sys.argv[0]).parent.glob("**/genotypes.py")):
            if re.search(rf"^{given.arch}\b", file.read_text(encoding="utf-8"), re.MULTILINE):
                return [f"{file}:{given.arch}"]
    return [aliases.get(given.arch, given.arch)]


def images(given: Given, usual: str, fetch: bool) -> list[str]:
    """The words of a flag `data`: the original's usual folder where it is there, else nasreplay's place.

    fetch: whether the original fetches what is in neither; never into another folder that was named.
    """
    named = ["--data", given.data] if given.data != usual or Path(usual).exists() else []
    return [*named, *(["--download"] if fetch and given.data == usual else [])]


def folder(pattern: str, given: Given, time_form: str = "%Y%m%d-%H%M%S") -> list[str]:
    """The run folder: a pattern with names of flags, and {time} for now, written as time_form says."""
    words = {name: re.sub(r"[^\w.+=-]+", "_", str(value)) for name, value in vars(given).items()}
    return ["--out", pattern.format(**words, time=time.strftime(time_form))]
