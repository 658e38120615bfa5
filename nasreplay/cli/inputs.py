"""The architectures that a command was given: its arguments, with `-` for standard input, in any notation."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
import numpy as np

from nasreplay.errors import BadArchitecture
from nasreplay.spaces import TOPOLOGY, Architecture, Genotype
from nasreplay.spaces.genotypes.notation import is_genotype, read_genotype
from nasreplay.spaces.genotypes.zoo import entry, is_known
from nasreplay.spaces.read import FORMS, read_architecture


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


def read(text: str, index: bool = False) -> Architecture | Genotype:
    """What a text names: an architecture in any notation, a genotype, or a name of the zoo. Raises BadArchitecture.

    index: the text is an official index.
    """
    if text.lstrip().startswith("["):
        return _from_json(text)
    if is_genotype(text):
        return read_genotype(text)
    name = text.strip()
    if is_known(name):
        return entry(name).genotype
    if name.isidentifier() and not index:
        raise BadArchitecture(
            f"{name!r} is not an architecture: {FORMS}, a genotype, or a name of `nasreplay zoo`"
        )
    return read_architecture(text, index=index)


def _from_json(text: str) -> Architecture:
    """The cell of a 4 × 4 matrix, or of three lists of [operation, source] pairs."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadArchitecture(f"{text[:60]!r} is not the JSON of a matrix or of lists: {problem}") from None
    entries = [entry for row in value if isinstance(row, list) for entry in row]
    if not any(isinstance(entry, int | float) for entry in entries):
        return Architecture(TOPOLOGY, TOPOLOGY.from_lists(value))
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadArchitecture("a cell matrix is four lists of four numbers each") from None
    return Architecture(TOPOLOGY, TOPOLOGY.from_matrix(matrix))
