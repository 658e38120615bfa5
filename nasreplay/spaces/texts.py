"""Places of a text that name architectures: among comments, lines of a log or a program, in a printed dictionary.

What is found is a text that stands for itself (a call `Genotype(…)`, a dictionary, a cell `|op~0|+…`, five
widths, NASLib's `op_indices`), with the name that a program gives it, as in `NAME = Genotype(…)`. Nothing is read
here; `spaces.read` does that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from nasreplay.errors import MOST_LISTED, BadArchitecture, choices, listed, shortened
from nasreplay.files.text import harmless
from nasreplay.spaces.genotypes.literal import LONGEST, NoArchitecture

T = TypeVar("T")
NEAR = 100  # characters before a place in which its name stands
MOST_OPEN = 20  # brackets that nothing closes, after which a text is not searched further
_START = re.compile(  # every branch begins with a letter of its own, which makes the search fast
    r"""Genotype(?:\.from_arch)?\s*\(|Configuration\s*\(|\{(?=\s*['"])|\|(?=[\w-]{1,40}~\d)[\w|~+-]+"""
    r"""|op_indices['"]?\s*[=:]\s*(?:[\w.]{1,20}\s*\(\s*)?[\[(]|channels['"]?\s*[=:]\s*['"]\d+(?::\d+)+['"]"""
    r"""(?:,\s*['"]?genotype['"]?\s*[=:]\s*Structure\([^)]*\))?|found\s+\d+(?::\d+)+"""
    r"""|OrderedDict\s*\((?=\s*\[\s*\(\s*['"](?:[^'"\s]{0,40}/)?(?:(?:op|input)_\d|hp_x\d|\d(?:_|<-)\d))"""
    r"""|\[\[(?<=[\s=:"']\[\[)[\d, ]{39,}\], ?\[[\d, ]{39,}\]\](?!\s*[],])"""
    r"""|(?<![\w.])(?<!\d:)(?:8|16|24|32|40|48|56|64)(?::(?:8|16|24|32|40|48|56|64)){4}(?![\w:.]*\w)"""
)
_BRACKETS = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\#[^\n]*|[()\[\]{}'"]""")
_ABOUT = re.compile(  # keys of dictionaries that name architectures
    r"""normal|arch|['"](?:string|channels|genotype|values|op_indices|hp_x\d|(?:[^'"]*/)?\d(?:_|<-)\d)['"]"""
)
_CHANNELS = re.compile(r"""channels['"]?\s*[=:]\s*['"](\d+(?::\d+)+)['"]""")
_VALUE = re.compile(r"^[ \t]*(\S+), Value: (.+)$", re.MULTILINE)
_NAMED = re.compile(
    r"""(?:^\s*([A-Za-z_]\w*)\s*(?::[^=]*)?=|['"]([A-Za-z_]\w*)['"]\s*[,:])\s*\(?(?:\w+\.)*(?:CNN)?$"""
)
_ALIAS = re.compile(r"^([A-Za-z_]\w*)[ \t]*=[ \t]*([A-Za-z_]\w*)[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^#(?!\d+\s*$).*$|(?<=[^\S\n])#.*$", re.MULTILINE)
_FOUND = re.compile(r"(?:live )?found\s")  # how lines of nasreplay's own output begin
_BESIDE = re.compile(
    r"oracle \(exact slope\)|[\d,]+ looks at the table|best by weights|Best one-edit neighbor"
)


class Held(NamedTuple):
    """One place of a text that names an architecture."""

    name: str
    """The name that it is given there; "" if none."""
    text: str
    """What names it, alone."""
    line: int
    """Its line, from 1."""
    cut: bool = False
    """Whether the text ends within it, as the log of a run that was killed."""


def without_comments(text: str) -> str:
    """A text without byte order marks and comments, from a # at the start of a line or after a space.

    A line that is # and digits, as an index is printed, is none.
    """
    text = text.replace("\ufeff", "")
    return _COMMENT.sub("", text) if "#" in text else text


def stripped(text: str) -> str:
    """A text without the spaces and quotes around it."""
    return text.strip().strip("\"' \t\r\n").strip()


def may_hold(text: str) -> bool:
    """Whether a text is worth a search; a single word, such as a cell, is not, so that its faults are pointed at."""
    return any(mark in text for mark in ("{", "(", "['", '["', "=")) or len(text.split(None, 1)) > 1


def is_alone(line: str) -> bool:
    """Whether a line names one architecture and says nothing else, but for the name that it gives to it."""
    held = held_in(line) if may_hold(line) else []
    if held:
        return len(held) == 1 and len(line.replace(held[0].text, "", 1).replace("=", " ").split()) < 2
    return len(line.split()) == 1 or (line.startswith("[") and line.count("[") == line.count("]"))


def held_in(text: str) -> list[Held]:
    """All places of a text that name an architecture, in their order."""
    found: list[Held] = []
    place = line = counted = unclosed = 0
    while unclosed < MOST_OPEN and (start := _START.search(text, place)):
        first, end = start.start(), _end(text, start)
        unclosed += end is None
        place = end or start.end()
        alone = _alone(text[first : end or first + LONGEST + 1])
        if not alone:
            continue
        line += text.count("\n", counted, first)
        counted = first
        near = max(0, first - NEAR)
        named = _NAMED.search(text[text.rfind("\n", near, first) + 1 or near : first])
        short = alone[0] == "|" and (alone.count("~") < 6 or alone[-1] != "|") and end == len(text.rstrip())
        cut = short or (end is None and len(text) - first <= LONGEST)
        found.append(Held((named[1] or named[2]) if named else "", alone, line + 1, cut))
    if not found and (
        values := _VALUE.findall(text) if ", Value: " in text else ()
    ):  # as ConfigSpace once printed
        found.append(Held("", str({key: value.strip("\r '\"") for key, value in values}), 1))
    return found


def chosen(text: str, held: Sequence[Held], read: Callable[[str], T], name: str = "") -> tuple[T, str]:
    """The value that `read` makes of the one of that name or line, or of the last; and which it is ("": the only).

    In nasreplay's own output the last is meant that was found. Places that are about something else (NoArchitecture)
    are passed over. Raises BadArchitecture where a name must be chosen, and where the last line holds several.
    """
    named = {each.name: each for each in held if each.name}
    if name.isdecimal():
        if not (there := [each for each in held if str(each.line) == name.lstrip("0")]):
            lines = listed([f"{each.line}" for each in held])
            raise BadArchitecture(f"line {harmless(name)} holds no architecture; lines that do: {lines}")
        return chosen(text, there, read)[0], f"line {name}"
    if name:
        meant = dict(_ALIAS.findall(text)).get(name, name)
        if meant not in named:
            raise BadArchitecture(f"no architecture {shortened(name)}{choices(name, named)}")
        return read(named[meant].text), name
    named = list(islice((each.name for each in named.values() if _reads(read, each)), MOST_LISTED + 1))
    if len(named) > 1:
        raise BadArchitecture(f"it holds several, {listed(named)}: choose one, as in FILE:{named[-1]}")
    problem: BadArchitecture | None = None
    held, cut = list(held), ""
    while len(held) > 1 and held[-1].cut and _is_faulty(read, held[-1]):
        cut = f"the last complete one (line {held.pop().line:,} is cut)"
    meant, which = _meant(text, held)
    for last in reversed(meant):
        try:
            value = read(last.text)
        except NoArchitecture as found:
            problem = found
            continue
        others = [each for each in held if each.text != last.text]
        if any(each.line == last.line and _reads(read, each) for each in others):
            raise BadArchitecture(f"line {last.line:,} holds several architectures: give one of them")
        several = any(_reads(read, each) for each in reversed(others))
        return value, f"{cut or which}, line {last.line:,}" if several or cut else ""
    raise problem or BadArchitecture("it names no architecture")


def _meant(text: str, held: Sequence[Held]) -> tuple[Sequence[Held], str]:
    """The places of which the last counts, and what it is; not what nasreplay itself prints for comparison."""
    lines = text.split("\n") if len(held) > 1 else []
    labels = [_label(lines, each.line - 1) for each in held] if lines else []
    if found := [each for each, label in zip(held, labels, strict=False) if _FOUND.match(label)]:
        return found, "the one found"
    own = [each for each, label in zip(held, labels, strict=False) if not _BESIDE.match(label)]
    return own or held, "the last one"


def _label(lines: Sequence[str], place: int) -> str:
    """The line at a place, or the one that it continues, which is not indented."""
    return next((lines[n] for n in range(place, max(-1, place - NEAR), -1) if lines[n][:1].strip()), "")


def _is_faulty(read: Callable[[str], T], held: Held) -> bool:
    try:
        read(held.text)
    except BadArchitecture:
        return True
    return False


def _reads(read: Callable[[str], T], held: Held) -> bool:
    """Whether it is about an architecture, be it a faulty one."""
    try:
        read(held.text)
    except BadArchitecture as problem:
        return not isinstance(problem, NoArchitecture)
    return True


def _end(text: str, start: re.Match[str]) -> int | None:
    """The end of what begins there; None where its bracket is not closed within LONGEST characters."""
    if start[0][-1] not in "([{":
        return start.end()
    depth = 0
    for mark in _BRACKETS.finditer(text, start.end() - 1, start.start() + LONGEST):
        if mark[0] in ("'", '"'):  # a quote that nothing closes
            return None
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth == 0 and len(mark[0]) == 1:
            return mark.end()
    return None


def _alone(text: str) -> str:
    """What begins so, as a text of its own; "" for a dictionary about something else."""
    if (text[0] == "{" or text.startswith("channels")) and (sizes := _CHANNELS.search(text)):
        return sizes[1]
    if text[0] == "{" and not _ABOUT.search(text):
        return ""
    if text.startswith("found"):
        return text.split()[-1]
    if text[0] == "o":
        numbers = re.split(r"[=:]\s*(?:[\w.]+\s*\()?\s*", text, maxsplit=1)[-1]
        return f"{{'op_indices': {numbers}}}"
    return text
