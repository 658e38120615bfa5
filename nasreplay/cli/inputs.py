"""What a command was given besides its options: its arguments, with `-` for standard input."""

from __future__ import annotations

from collections.abc import Sequence

from nasreplay.files.text import read_text


def given(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `-` replaced by the lines of standard input that are not empty."""
    texts = []
    for text in arguments:
        if text == "-":
            texts += [line for line in read_text("-").splitlines() if line.strip()]
        else:
            texts.append(text)
    return texts
