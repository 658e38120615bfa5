"""Where a text names architectures: among comments, the lines of a log, a program, a dictionary that was printed.

What is found is a text that stands for itself (a call `Genotype(…)`, a dictionary, a cell `|op~0|+…`, widths after
`channels`, NASLib's `op_indices`), with the name that a program gives it, as in `NAME = Genotype(…)`. Nothing is read
here; `spaces.read` does that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.spaces.genotypes.literal import LONGEST, NoArchitecture

T = TypeVar("T")
MOST_OPEN = 20  # brackets that nothing closes, after which a text is not searched further
_START = re.compile(
    r"""\b(?:CNN)?Genotype(?:\.from_arch)?\s*(?P<call>\()
      | \bConfiguration\s*(?P<made>\()
      | (?P<dictionary>\{)(?=\s*['"])
      | (?P<cell>\|(?=[\w-]{1,40}~\d)[\w|~+-]+)
      | \bop_indices['"]?\s*[=:]\s*(?P<list>[\[(])
      | \bchannels['"]?\s*[=:]\s*['"](?P<widths>\d+(?::\d+)+)['"]
        (?:,\s*['"]?genotype['"]?\s*[=:]\s*Structure\([^)]*\))?
      | (?P<lines>(?:^[ \t]*[^\s,]+,[ ]Value:[ ].+\n?)+)
    """,
    re.VERBOSE | re.MULTILINE,
)
_BRACKETS = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\#[^\n]*|[()\[\]{}]""")
_VALUE = re.compile(r"^[ \t]*(\S+), Value: (.+)$", re.MULTILINE)
_NAMED = re.compile(
    r"""(?:^\s*([A-Za-z_]\w*)\s*(?::[^=]*)?=|['"]([A-Za-z_]\w*)['"]\s*[,:])\s*\(?(?:\w+\.)*$"""
)
_ALIAS = re.compile(r"^([A-Za-z_]\w*)[ \t]*=[ \t]*([A-Za-z_]\w*)[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)


class Held(NamedTuple):
    """One place of a text that names an architecture."""

    name: str
    """The name that it is given there; "" if none."""
    text: str
    """What names it, alone."""
    line: int
    """Its line, from 1."""


def without_comments(text: str) -> str:
    """A text without byte order marks and comments, from a # at the start of a line or after a space."""
    return _COMMENT.sub("", text.replace("\ufeff", ""))


def stripped(text: str) -> str:
    """A text without the spaces and quotes around it."""
    return text.strip(" \t\r\n\f\v\"'")


def may_hold(text: str) -> bool:
    """Whether a text is worth a search; a single word, such as a cell, is not, so that its faults are pointed at."""
    return any(mark in text for mark in ("{", "(", "['", '["')) or len(text.split(None, 1)) > 1


def is_alone(line: str) -> bool:
    """Whether a line names one architecture and says nothing else, but for the name that it gives to it."""
    held = held_in(line) if may_hold(line) else []
    if held:
        return len(held) == 1 and len(line.replace(held[0].text, "", 1).replace("=", " ").split()) < 2
    return len(line.split()) == 1 or line.startswith("[")


def held_in(text: str) -> list[Held]:
    """All places of a text that name an architecture, in their order."""
    found: list[Held] = []
    place = line = unclosed = 0
    counted = 0
    while unclosed < MOST_OPEN and (start := _START.search(text, place)):
        end = _end(text, start)
        if end is None:
            unclosed += 1
        line += text.count("\n", counted, start.start())
        counted = start.start()
        begun = text.rfind("\n", 0, start.start()) + 1
        before = text[max(begun, start.start() - 100) : start.start()]
        named = _NAMED.search(before)
        name = (named[1] or named[2]) if named else ""
        found.append(
            Held(name, _alone(start, text[start.start() : end or start.start() + LONGEST]), line + 1)
        )
        place = start.end() if end is None else end
    return found


def chosen(text: str, held: Sequence[Held], read: Callable[[str], T], name: str = "") -> tuple[T, str]:
    """What `read` makes of the one of that name, or of the last one, and which one that is ("" for the only one).

    Places that are about something else (NoArchitecture) are passed over. Raises BadArchitecture where a name must be
    chosen, and where the last line holds several.
    """
    named = {each.name: each for each in held if each.name and _reads(read, each)}
    if name:
        meant = dict(_ALIAS.findall(text)).get(name, name)
        if meant not in named:
            raise BadArchitecture(f"no architecture {shortened(name)}{choices(name, named)}")
        return read(named[meant].text), name
    if len(named) > 1:
        raise BadArchitecture(f"it holds several, {', '.join(named)}: choose one, as in FILE:{[*named][-1]}")
    problem: BadArchitecture | None = None
    for last in reversed(held):
        try:
            value = read(last.text)
        except NoArchitecture as found:
            problem = found
            continue
        others = [each for each in held if each.text != last.text]
        if any(each.line == last.line and _reads(read, each) for each in others):
            raise BadArchitecture(f"line {last.line:,} holds several architectures: give one of them")
        return value, f"the last one, line {last.line:,}" if others else ""
    raise problem or BadArchitecture("it names no architecture")


def _reads(read: Callable[[str], T], held: Held) -> bool:
    """Whether it is about an architecture, be it a faulty one."""
    try:
        read(held.text)
    except BadArchitecture as problem:
        return not isinstance(problem, NoArchitecture)
    return True


def _end(text: str, start: re.Match[str]) -> int | None:
    """Where what begins there ends; None where its bracket is not closed within LONGEST characters."""
    if start.lastgroup not in ("call", "made", "dictionary", "list"):
        return start.end()
    depth = 0
    for mark in _BRACKETS.finditer(text, start.start(start.lastgroup), start.start() + LONGEST):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth == 0 and len(mark[0]) == 1:
            return mark.end()
    return None


def _alone(start: re.Match[str], text: str) -> str:
    match start.lastgroup:
        case "widths":
            return start["widths"]
        case "list":
            return f"{{'op_indices': {text[start.start('list') - start.start() :]}}}"
        case "lines":
            return str({key: value.strip().strip("'\"") for key, value in _VALUE.findall(text)})
    return text
