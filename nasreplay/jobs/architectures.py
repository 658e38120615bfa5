"""Architectures as callers name them: besides texts (`spaces.read`) files, run folders and search checkpoints.

A file holds a list, one architecture a line, or a text that names one, or is a search checkpoint; `FILE:NAME` is the
one that a program calls so (`jobs.named_files`), `FILE:LINE` the one in that line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from nasreplay.errors import BadArchitecture
from nasreplay.files.text import place, read_text
from nasreplay.jobs.named_files import is_checkpoint, named_file
from nasreplay.spaces.read import Named, lines_of, read_file, read_named
from nasreplay.spaces.texts import stripped, without_comments


def given(
    every: Iterable[Named], tell: Callable[[str], None] = lambda line: None, form: str | None = None
) -> list[Named]:
    """All that is named: files, folders and `-`, standard input, are replaced by what they hold.

    tell: is told which one of several was taken; form: of the genotype of a search, "all-edge" or None, see
    `read_target`. Raises BadInput and its kinds.
    """
    found: list[Named] = []
    for named in every:
        if isinstance(named, str) and named == "-":
            found += listed(read_text("-", error=BadArchitecture))
        elif isinstance(named, str) and (file := named_file(named)):
            found += _held(*file, tell, form)
        else:
            found.append(named)
    return found


def listed(text: str) -> list[Named]:
    """The architectures of a text: its lines, or the one that it holds; lines, too, where neither is readable."""
    if lines := lines_of(text):
        return [*lines]
    try:
        return [read_named(text).value]
    except BadArchitecture:
        return [line for line in map(stripped, without_comments(text).splitlines()) if line]


def _held(path: Path, name: str, tell: Callable[[str], None], form: str | None) -> list[Named]:
    if path.is_dir() or is_checkpoint(path):
        from nasreplay.jobs.training.training_target import read_target

        return [read_target(str(path), form=form).cell]
    if (
        not name
        and path.suffix not in {".npy", ".npz"}
        and (lines := lines_of(read_text(path, error=BadArchitecture)))
    ):
        return [*lines]
    reading = read_file(path, name)
    if reading.where and not name:
        tell(f"{place(path)}: {reading.where}; another as {place(path)}:LINE")
    return [reading.value]
