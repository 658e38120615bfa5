"""What a text names: the one reader of every notation of architectures, one at a time or thousands at once.

| text                           | what it names                                                              |
|--------------------------------|----------------------------------------------------------------------------|
| one to five digits             | an official index of the space in question                                 |
| six digits                     | the key of a NAS-Bench-201 cell                                            |
| `[…]`                          | the JSON of a NAS-Bench-201 cell: a 4 × 4 matrix, or lists of pairs        |
| `Genotype(…)`, `{…}`           | a genotype in any form of `genotypes.notation`                             |
| a name of `nasreplay zoo`      | that published genotype                                                    |
| `|op~0|+…`, `8:16:24:32:40`, … | an architecture of the space whose mark the text has, or that can parse it |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.base import MEMO_LIMIT, Architecture, Space
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.genotypes.notation import is_genotype, read_genotype
from nasreplay.spaces.genotypes.published_genotypes import entry, is_known
from nasreplay.spaces.registry import known_spaces
from nasreplay.spaces.topology import TOPOLOGY

FORMS = (
    "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, a six-digit key such as 333133, "
    "an official index such as 9930, or widths such as 8:16:24:32:40"
)
MANY = 300  # from here on, making the dictionary of all texts costs less than parsing each
LONGEST = 200  # characters of what is no genotype and no JSON

Named = str | int | Architecture | Genotype
"""An architecture as Python callers name it: a text, an official index, or the value itself."""


def read(text: str, *, index: bool = False, space: Space | None = None) -> Architecture | Genotype:
    """The architecture or the genotype that a text names, see above. Raises BadArchitecture pointing at the fault.

    index: the text is an official index, whatever its length. space: which one indices count in, the topology space
    by default; its own texts are read first. Spaces and quotes around the text don't matter.
    """
    text = text.strip(" \t\r\n\f\v\"'")
    if text.startswith("["):
        return Architecture(TOPOLOGY, _json_cell(text))
    if is_genotype(text):
        return read_genotype(text)
    if text.isidentifier() and is_known(text):
        return entry(text).genotype
    return _located(text, index, space or TOPOLOGY)


def read_architecture(named: Named, *, index: bool = False, space: Space | None = None) -> Architecture:
    """The architecture of `space` (of the topology space by default) that is named; forms as in `read`.

    A genotype becomes the architecture that it is in that space. Raises BadArchitecture.
    """
    found = read(named, index=index, space=space) if isinstance(named, str) else named
    if isinstance(found, Architecture):
        return found
    home = space or TOPOLOGY
    if isinstance(found, Genotype):
        return Architecture(home, home.encode(found))
    return home.at(found)


def read_many(
    every: Sequence[Named], *, index: bool = False, space: Space | None = None
) -> tuple[Space, np.ndarray]:
    """The one space of all that is named, and flat indices int64 [N]; forms as in `read_architecture`.

    `space`: the space that all must belong to; None means the first one's (indices count in the topology space). The
    first bad one raises BadArchitecture.
    """
    if not every:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    known: dict[Any, int] = {}
    flats = []
    for place, named in enumerate(every):
        flat = known.get(named)
        if flat is None:
            found = _one_of_many(named, index, space, place_of(place, len(every)))
            flat = found.flat
            if space is None or place == 0:
                space = found.space
                whole = len(every) >= MANY and space.size <= MEMO_LIMIT and not index
                known = _texts_and_indices(space) if whole else {}
        flats.append(flat)
    assert space is not None
    return space, np.array(flats, dtype=np.int64)


def _texts_and_indices(space: Space) -> dict[Any, int]:
    """The flat index of everything that most lists consist of; a longer search finds the rest."""
    return space.flat_by_text | dict(
        zip(map(str, range(space.size)), space.official_to_flat.tolist(), strict=True)
    )


def place_of(place: int, count: int) -> str:
    """How an error begins that is about one of several architectures."""
    return "" if count == 1 else f"architecture {place + 1} of {count}: "


def _one_of_many(named: Named, index: bool, space: Space | None, where: str) -> Architecture:
    try:
        found = read_architecture(named, index=index, space=space)
    except BadArchitecture as problem:
        raise BadArchitecture(f"{where}{problem}") from None
    if space is not None and found.space is not space:
        shown = named.strip() if isinstance(named, str) else str(found)
        raise BadArchitecture(
            f"{where}{shown!r} belongs to the {found.space.name} space, but this is about the {space.name} space: "
            "ask for the two apart, and name a table of the right space with --table"
        )
    return found


def _located(text: str, index: bool, space: Space) -> Architecture:
    if len(text) > LONGEST:
        raise BadArchitecture(f"{text[:40]!r}… ({len(text):,} characters) is not an architecture: {FORMS}")
    digits = text.isascii() and text.isdecimal()
    if digits and (index or len(text) <= 5):
        return space.at(int(text))
    if index:
        raise BadArchitecture(f"{text!r} is not an official index (0 to {space.size - 1})")
    if digits and len(text) == 6:
        return Architecture(TOPOLOGY, TOPOLOGY.parse_key(text))
    fitting = [space] if _is_of(space, text) else [each for each in known_spaces() if _is_of(each, text)]
    if len(fitting) > 1:
        names = ", ".join(each.name for each in fitting)
        raise BadArchitecture(
            f"{text!r} is of several spaces, {names}: name one (--space), or its table (--table)"
        )
    if fitting:
        return fitting[0].architecture(text)
    if not space.mark:
        return space.architecture(text)  # which says what is wrong
    more = ", a genotype, or a name of `nasreplay zoo`" if text.isidentifier() else ""
    raise BadArchitecture(f"{text!r} is not an architecture: {FORMS}{more}")


def _is_of(space: Space, text: str) -> bool:
    """Whether a text is meant for a space: it has one of its marks or, in a space without any, it parses."""
    if space.mark:
        return any(mark in text for mark in space.mark)
    try:
        space.parse(text)
    except BadArchitecture:
        return False
    return True


def _json_cell(text: str) -> tuple[int, ...]:
    """Codes of a 4 × 4 matrix, or of three lists of [operation, source] pairs."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadArchitecture(f"{text[:60]!r} is not the JSON of a matrix or of lists: {problem}") from None
    entries = [entry for row in value if isinstance(row, list) for entry in row]
    if not any(isinstance(entry, int | float) for entry in entries):
        return TOPOLOGY.from_lists(value)
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadArchitecture("a cell matrix is four lists of four numbers each") from None
    return TOPOLOGY.from_matrix(matrix)
