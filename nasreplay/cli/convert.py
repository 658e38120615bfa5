"""`nasreplay convert`: an architecture from any of its forms to any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import numpy as np

from nasreplay.cli.inputs import given, read
from nasreplay.errors import BadArchitecture
from nasreplay.spaces import SIZE, TOPOLOGY, Architecture
from nasreplay.spaces.genotypes.conversion import cell_of, genotype_of
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.genotypes.notation import WRITERS
from nasreplay.spaces.read import FORMS

CELL_FORMS: dict[str, Callable[[Sequence[int]], str]] = {
    "matrix": lambda codes: json.dumps(_matrix(codes)),
    "key": TOPOLOGY.key,
    "unique": TOPOLOGY.unique_string,
    "canonical": TOPOLOGY.canonical,
    "lists": lambda codes: json.dumps(TOPOLOGY.to_lists(codes)),
}
ALL_FORMS: dict[str, Callable[[Architecture], str]] = {
    "string": str,
    "index": lambda each: str(each.official_index),
    "json": lambda each: json.dumps(_everything(each)),
}


@click.command()
@click.argument("architectures", metavar="ARCH…", nargs=-1, required=True)
@click.option(
    "--to",
    "form",
    type=click.Choice([*ALL_FORMS, *CELL_FORMS, *(name for name in WRITERS if name not in ALL_FORMS)]),
    default="json",
    show_default=True,
    help="The wanted form.",
)
@click.option("--index", is_flag=True, help="Every ARCH is an official index.")
def convert(architectures: tuple[str, ...], form: str, index: bool) -> None:
    """Translate architectures, one line each.

    ARCH is an |op~i| string (in quotes), a six-digit key, an official index, widths such as 8:16:24:32:40, the
    JSON of a matrix or of lists, as this command prints them, a genotype in any form, or a name of `nasreplay zoo`.
    `-` reads standard input, one ARCH a line.

    Widths have the forms string, index and json. unique is the published string that equivalent cells share,
    canonical a stricter one; json has everything in one object. Genotypes have the forms darts, two-input,
    all-edge, xautodl, cnas, cnas-json and json; a genotype that is an |op~i| cell has that cell's forms, too, and
    every cell those of its genotype.
    """
    texts = given(architectures)
    if not texts:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    lines = [_convert(text, form, index, f"{place + 1} of {len(texts)}") for place, text in enumerate(texts)]
    click.echo("\n".join(lines))


def _convert(text: str, form: str, index: bool, place: str) -> str:
    try:
        each = read(text, index)
        if isinstance(each, Genotype):
            if form in WRITERS:
                return WRITERS[form](each)
            each = Architecture(TOPOLOGY, cell_of(each))
        if form in ALL_FORMS:
            return ALL_FORMS[form](each)
        if each.space is not TOPOLOGY:
            known = ", ".join(ALL_FORMS)
            raise BadArchitecture(
                f"{each} is of the {each.space.name} space and has no {form} form; it has {known}"
            )
        return CELL_FORMS[form](each.codes) if form in CELL_FORMS else WRITERS[form](genotype_of(each.codes))
    except BadArchitecture as problem:
        where = "" if place == "1 of 1" else f"architecture {place}: "
        raise BadArchitecture(f"{where}{problem}") from None


def _matrix(codes: Sequence[int]) -> list[list[int]]:
    return TOPOLOGY.to_matrix(codes).astype(int).tolist()


def _everything(each: Architecture) -> dict[str, Any]:
    about = {"space": each.space.name, "index": each.official_index, "string": str(each)}
    if each.space is SIZE:
        return {**about, "widths": SIZE.widths(np.array([each.codes]))[0].tolist()}
    texts = {form: CELL_FORMS[form](each.codes) for form in ("key", "unique", "canonical")}
    return {**about, **texts, "matrix": _matrix(each.codes), "lists": TOPOLOGY.to_lists(each.codes)}
