"""Reading architectures as people write them: any of four forms, one at a time or thousands at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.base import MEMO_LIMIT, Architecture, Space
from nasreplay.spaces.size import SIZE
from nasreplay.spaces.topology import TOPOLOGY

FORMS = (
    "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, a six-digit key such as 333133, "
    "an official index such as 9930, or widths such as 8:16:24:32:40"
)
MANY = 300  # from here on, making the dictionary of all texts costs less than parsing each
LONGEST = 200  # characters that an error repeats


def read_architecture(text: str, *, index: bool = False, space: Space = TOPOLOGY) -> Architecture:
    """The architecture that a text names: `|op~i|` string, six-digit key, official index, or widths.

    One to five bare digits are an official index of `space`; with `index`, any number of digits is. Spaces and
    quotes around the text don't matter. Raises BadArchitecture, which points at the wrong character.
    """
    found, flat = _locate(_bare(text), index, space)
    return found.at(flat)


def read_many(
    texts: Sequence[str], *, index: bool = False, space: Space | None = None
) -> tuple[Space, np.ndarray]:
    """The one space of all texts, and their flat indices int64 [N]; forms as in `read_architecture`.

    `space`: the space that the texts must belong to and that indices count in; None means the first text's
    (indices count in the topology space). The first bad text raises BadArchitecture.
    """
    if not texts:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    known: dict[str, int] = {}
    flats = []
    for place, text in enumerate(map(_bare, texts)):
        flat = known.get(text)
        if flat is None:
            found, flat = _locate_in_list(text, index, space, f"{place + 1} of {len(texts)}")
            if space is None or place == 0:
                space = found
                known = space.texts if len(texts) >= MANY and space.size <= MEMO_LIMIT and not index else {}
        flats.append(flat)
    assert space is not None
    return space, np.array(flats, dtype=np.int64)


def _locate_in_list(text: str, index: bool, space: Space | None, place: str) -> tuple[Space, int]:
    where = "" if place == "1 of 1" else f"architecture {place}: "
    try:
        found, flat = _locate(text, index, space or TOPOLOGY)
    except BadArchitecture as problem:
        raise BadArchitecture(f"{where}{problem}") from None
    if space is not None and found is not space:
        raise BadArchitecture(
            f"{where}{text!r} belongs to the {found.name} space, but this is about the {space.name} space: "
            "ask for the two apart, and name a table of the right space with --table"
        )
    return found, flat


def _locate(text: str, index: bool, space: Space) -> tuple[Space, int]:
    """The space and flat index of a text without spaces and quotes around it."""
    if len(text) > LONGEST:
        raise BadArchitecture(f"{text[:40]!r}… ({len(text):,} characters) is not an architecture: {FORMS}")
    digits = text.isascii() and text.isdecimal()
    if digits and (index or len(text) <= 5):
        return space, _flat_of_official(int(text), space)
    if index:
        raise BadArchitecture(f"{text!r} is not an official index (0 to {space.size - 1})")
    if digits and len(text) == 6:
        return TOPOLOGY, Architecture(TOPOLOGY, TOPOLOGY.parse_key(text)).index
    for candidate, mark in ((TOPOLOGY, "|"), (SIZE, ":"), (TOPOLOGY, "~")):
        if mark in text:
            return candidate, candidate.architecture(text).index
    raise BadArchitecture(f"{text!r} is not an architecture: {FORMS}")


def _flat_of_official(official: int, space: Space) -> int:
    if official >= space.size:
        raise space.no_such_index(official)
    return int(space.official_to_flat[official])


def _bare(text: str) -> str:
    return text.strip(" \t\r\n\f\v\"'")
