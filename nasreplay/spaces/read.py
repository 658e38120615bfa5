"""What a text or a file names: the one reader of every notation of architectures, one at a time or thousands at once.

| text                           | what it names                                                              |
|--------------------------------|----------------------------------------------------------------------------|
| one to five digits, or # first | an official index of the space in question                                 |
| six digits                     | the key of a NAS-Bench-201 cell                                            |
| `[…]`                          | the JSON of a NAS-Bench-201 cell (4 × 4 matrix, lists), or lists of SLNAS  |
| `Genotype(…)`, `{…}`           | a genotype in any form of `genotypes.notation`                             |
| `{…}`                          | decisions of another library (`genotypes.decisions`), or one of these forms |
|                                | under arch_str, string, channels, arch, architecture, genotype or values   |
| a name of `nasreplay zoo`      | that published genotype                                                    |
| `|op~0|+…`, `8:16:24:32:40`, … | an architecture of the space whose mark the text has, or that can parse it |

Around genotypes, dictionaries and cells of six operations anything may stand: comments, log lines, a program. Of
several the last is meant, as at the end of a log, or what a log of nasreplay says was found; where a program gives
them names, one must be chosen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.files import text as files
from nasreplay.spaces.base import MEMO_LIMIT, Architecture, Space
from nasreplay.spaces.genotypes.decisions import read_decisions
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.genotypes.literal import NoArchitecture
from nasreplay.spaces.genotypes.notation import from_mapping, is_genotype, plain, read_genotype
from nasreplay.spaces.genotypes.published_genotypes import entry, is_known, zoo
from nasreplay.spaces.registry import known_spaces, owner_of
from nasreplay.spaces.texts import chosen, held_in, is_alone, may_hold, stripped, without_comments
from nasreplay.spaces.topology import TOPOLOGY

FORMS = (
    "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, a six-digit key such as 333133, an official index such as 9930, "
    "widths such as 8:16:24:32:40, Genotype(…), a name of `nasreplay zoo`, or a file with one"
)
MANY = 300  # from here on, making the dictionary of all texts costs less than parsing each
LONGEST = 200  # characters of what is no genotype and no JSON
WITHIN = ("arch_str", "string", "channels", "arch", "architecture", "genotype", "values")
"""Fields of dictionaries that name an architecture in one of the other forms, the first that is there."""

Named = str | int | Architecture | Genotype
"""An architecture as Python callers name it: a text, an official index, or the value itself."""


class Reading(NamedTuple):
    """What a text or a file names."""

    value: Architecture | Genotype
    """The architecture, or the genotype."""
    where: str = ""
    """Which of several it is, in words; "" for the only one."""


def read(text: str, *, index: bool = False, space: Space | None = None) -> Architecture | Genotype:
    """The architecture or the genotype that a text names, see above. Raises BadArchitecture pointing at the fault.

    index: the text is an official index, whatever its length. space: which one indices count in, the topology space
    by default; its own texts are read first. Spaces and quotes around the text don't matter.
    """
    return read_named(text, index=index, space=space).value


def read_named(text: str, name: str = "", *, index: bool = False, space: Space | None = None) -> Reading:
    """What a text names, as `read` does it, and which of several it is. name: the one that the text calls so."""
    text = without_comments(text)
    word = stripped(text)
    held = [] if index or not (name or may_hold(word)) else held_in(text)
    if not (name or held) and (home := owner_of(word, space)):
        return Reading(home.architecture(word))
    if name or held or is_genotype(word):
        try:
            if not (name or held):
                return Reading(read_genotype(word))
            return Reading(*chosen(text, held, _one, name))
        except NoArchitecture as problem:
            raise BadArchitecture(f"{problem}; or {FORMS}") from None
    if word.startswith("[") or re.fullmatch(r"\([\d\s,.]+\)", word):
        return Reading(_of_list(word))
    if word.isidentifier() and is_known(word):
        return Reading(entry(word).genotype)
    return Reading(_located(word, index, space or TOPOLOGY))


def read_file(path: Path, name: str = "") -> Reading:
    """What a text file names, as `read_named`; of a `.npy` file the best by its logits (`spaces.logits`)."""
    where = files.place(path)
    if path.suffix in {".npy", ".npz"}:
        from nasreplay.spaces.logits import read_logits

        return Reading(*read_logits(files.read_bytes(path, limit=1, error=BadArchitecture), where))
    text = files.read_text(path, error=BadArchitecture)
    try:
        found = read_named(text, name)
        if not name and (lines := lines_of(text)):
            raise BadArchitecture(f"it holds a list of {len(lines):,} architectures: give one of them")
        return found
    except BadArchitecture as problem:
        raise BadArchitecture(f"{where}: {problem}") from None


def lines_of(text: str) -> list[str]:
    """The lines of a list of architectures, one each, without comments; [] for any other text."""
    lines = [line for line in map(stripped, without_comments(text).splitlines()) if line]
    return lines if len(lines) > 1 and all(is_alone(line) for line in (lines[0], lines[-1])) else []


def _one(text: str) -> Architecture | Genotype:
    """What a text names that stands for itself."""
    if home := owner_of(text):
        return home.architecture(text)
    if text.startswith("|") or text[0].isdigit():
        return _located(text, False, TOPOLOGY)
    value = plain(text)
    return _of_mapping(value) if isinstance(value, Mapping) else from_mapping(value)


def _of_mapping(value: Mapping[str, Any]) -> Architecture | Genotype:
    for field in (*WITHIN, "config"):
        text = repr(inner) if isinstance(inner := value.get(field), list) and owner_of(repr(inner)) else inner
        if isinstance(text, str) and field in WITHIN:
            return read(text)
        if isinstance(inner, Mapping):
            return _of_mapping(inner)
    found = read_decisions(value)
    if isinstance(found, str):
        return TOPOLOGY.architecture(found)
    return from_mapping(value) if found is None else found


def read_architecture(named: Named, *, index: bool = False, space: Space | None = None) -> Architecture:
    """The architecture of `space` (of the topology space by default) that is named; forms as in `read`.

    A genotype becomes the architecture that it is in that space. Raises BadArchitecture.
    """
    named = _as_text(named)
    found = read(named, index=index, space=space) if isinstance(named, str) else named
    if isinstance(found, Architecture):
        return found
    home = space or TOPOLOGY
    if isinstance(found, Genotype):
        return Architecture(home, home.encode(found))
    return home.at(found)


def _as_text(named: Any) -> Any:
    """A matrix, lists, dictionary or another library's Genotype as the text that it has; anything else as it is."""
    if isinstance(named, np.ndarray) and named.ndim == 2:
        named = named.tolist()
    if type(named) is tuple:
        named = list(named)
    if isinstance(named, list) and not all(isinstance(row, list | tuple) for row in named):
        raise BadArchitecture(
            f"{shortened(named)} is a list: give several architectures one by one, (a, b, c)"
        )
    is_foreign = isinstance(named, tuple) and hasattr(named, "_fields") and not isinstance(named, Genotype)
    return repr(named) if is_foreign or isinstance(named, list | Mapping) else named


def read_many(
    every: Sequence[Named],
    *,
    index: bool = False,
    space: Space | None = None,
    faults: list[str] | None = None,
) -> tuple[Space, np.ndarray]:
    """The one space of all that is named, and flat indices int64 [N]; forms as in `read_architecture`.

    `space`: the space that all must belong to; None means the first one's (indices count in the topology space). The
    first bad one raises BadArchitecture; with a list of `faults` bad ones are told there and left out, but for all.
    """
    if not every:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    known: dict[Any, int] = {}
    flats = []
    for place, named in enumerate(every):
        flat = known.get(named) if isinstance(named, str) else None
        if flat is None:
            try:
                found = _one_of_many(named, index, space, place_of(place, len(every)))
            except BadArchitecture as problem:
                if faults is None or len(faults) == len(every) - 1:
                    raise
                faults.append(str(problem))
                continue
            flat = found.flat
            if space is None or place == 0:
                space = found.space
                whole = len(every) >= MANY and space.size <= MEMO_LIMIT and not index
                known = _texts_and_indices(space) if whole else {}
        flats.append(flat)
    assert space is not None
    return space, np.array(flats, dtype=np.int64 if space.indexed else object)


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
            f"{where}{shortened(shown)} belongs to the {found.space.name} space, but this is about the "
            f"{space.name} space: ask for the two apart, and name a table of the right space with --table"
        )
    return found


def _located(text: str, index: bool, space: Space) -> Architecture:
    if not text:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    if len(text) > LONGEST:
        raise BadArchitecture(f"{text[:40]!r}… ({len(text):,} characters) is not an architecture: {FORMS}")
    if text[0] == "#":  # as an index is printed
        text, index = text[1:], True
    digits = text.isascii() and text.isdecimal()
    if digits and (index or len(text) <= 5):
        return space.at(int(text))
    if index:
        raise BadArchitecture(f"{text!r} is not an official index (0 to {space.size - 1})")
    if digits and len(text) == 6:
        try:
            return Architecture(TOPOLOGY, TOPOLOGY.parse_key(text))
        except BadArchitecture:
            raise BadArchitecture(
                f"{text!r} is no key, which has six digits 0 to 4, and no official index, which is at most "
                f"{space.size - 1:,}"
            ) from None
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
    near = choices(text, zoo()) if text.isidentifier() else ""
    meant = near.partition("? ")[0] + "? or " if near.startswith(":") else ": "
    raise BadArchitecture(f"{shortened(text)} is not an architecture{meant}{FORMS}")


def _is_of(space: Space, text: str) -> bool:
    """Whether a text is meant for a space: it has one of its marks or, in a space without any, it parses."""
    if space.mark:
        words = text.split(space.separator) if space.separator == space.mark else ["0"]
        plausible = all(map(str.isdecimal, words)) or any({*words} & {*names} for names in space.options)
        return plausible and any(mark in text for mark in space.mark)
    try:
        space.parse(text)
    except BadArchitecture:
        return False
    return True


def _of_list(text: str) -> Architecture:
    """The cell of a 4 × 4 matrix or of three lists of [operation, source] pairs, or the network of five widths."""
    try:
        value = plain(text)
    except BadArchitecture as problem:
        raise BadArchitecture(f"{text[:60]!r} is not the JSON of a matrix or of lists: {problem}") from None
    if isinstance(value, list) and len(value) == 6 and all(type(each) is int for each in value):
        raise BadArchitecture(
            f"{shortened(value)} may be a key of ours, written {''.join(map(str, value))[:60]}, or NASLib's, written "
            f"op_indices={shortened(value)}: say which"
        )
    entries = [entry for row in value if isinstance(row, list) for entry in row]
    if not entries:
        words = ":".join(map(str, value))
        if value and words in [each.text for each in held_in(words)]:
            return _located(words, False, TOPOLOGY)
        raise BadArchitecture(f"{shortened(value)} is not an architecture: {FORMS}")
    if not any(isinstance(entry, int | float) for entry in entries):
        return Architecture(TOPOLOGY, TOPOLOGY.from_lists(value))
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadArchitecture("a cell matrix is four lists of four numbers each") from None
    return Architecture(TOPOLOGY, TOPOLOGY.from_matrix(matrix))
