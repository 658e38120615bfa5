"""What a command was given besides its options: its arguments, with what files and standard input hold."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nasreplay.jobs import architectures
from nasreplay.spaces.read import Named


def given(arguments: Sequence[str]) -> list[Named]:
    """The arguments; files, folders and `-` are replaced by what they hold, which one of several is told."""
    return architectures.given(arguments, lambda line: click.echo(f"nasreplay: {line}", err=True))
