"""What a command was given besides its options: its arguments, with what files and standard input hold."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nasreplay.errors import BadArchitecture
from nasreplay.jobs import architectures
from nasreplay.spaces.read import Named


def given(arguments: Sequence[str], form: str | None = None) -> list[Named]:
    """The arguments; files, folders and `-` are replaced by what they hold, which one of several is told.

    form: of the genotype of a search, "all-edge" or None.
    """
    return architectures.given(arguments, lambda line: click.echo(f"nasreplay: {line}", err=True), form)


def faults_of(asked: Sequence[Named], arguments: Sequence[str]) -> list[str] | None:
    """A place for the faults of a list; None for what was typed, which is refused as a whole."""
    return [] if len(asked) > len(arguments) else None


def refuse_faults(faults: Sequence[str] | None, count: int) -> None:
    """Raise BadArchitecture for the faults of a list, whose other architectures have been answered for."""
    if faults:
        others = [fault.split(" of ")[0].removeprefix("architecture ") for fault in faults[1:21]]
        more = f"; also {', '.join(others)}{' and more' if len(faults) > 21 else ''}" if others else ""
        raise BadArchitecture(f"{len(faults):,} of {count:,} left out: {faults[0]}{more}")
