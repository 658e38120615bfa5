"""What a command was given besides its options: its arguments, with `-` for standard input."""

from __future__ import annotations

from collections.abc import Sequence

import click


def given(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `-` replaced by the lines of standard input that are not empty."""
    texts = []
    for text in arguments:
        if text == "-":
            with click.open_file("-", encoding="utf-8", errors="replace") as stdin:
                texts += [line for line in stdin.read().splitlines() if line.strip()]
        else:
            texts.append(text)
    return texts
