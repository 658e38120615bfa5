"""Every error that nasreplay raises on purpose: one line that says where, what, and the way out.

`exit_status` is what the command line returns: 2 for bad usage or input, 1 for a run that failed.
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_QUOTE = 60
"""Characters of a wrong value that an error repeats."""
MOST_LISTED, LONGEST_LIST = 60, 300
"""Names that an error lists, and their characters."""


class NasReplayError(Exception):
    """Base of all named errors; a run that failed."""

    exit_status = 1


class BadInput(NasReplayError, ValueError):
    """Something that the user gave cannot be used as it is."""

    exit_status = 2


class BadArchitecture(BadInput):
    """A text, key, index or matrix that names no architecture of the space; points at the character."""


class UnknownName(BadInput):
    """A searcher, data set, space, hyper-parameter or column that does not exist; lists the known ones."""

    @classmethod
    def among(cls, known: Iterable[str], what: str, name: object) -> UnknownName:
        """The error of a name that is none of the known ones; `what` is what it should name, and where."""
        return cls(f"{what} {shortened(name)}{choices(name, known)}")


def choices(name: object, known: Iterable[str]) -> str:
    """How an error goes on that has quoted a wrong name: the known one nearest to it, if any, then all of them."""
    from difflib import get_close_matches  # slow to import

    names = {each.lower(): each for each in known}
    word = name if isinstance(name, str) else shortened(name)
    near = get_close_matches(word.lower()[:LONGEST_QUOTE], names, 1)
    meant = f": did you mean {names[near[0]]}? " if near else "; "
    return f"{meant}known: {listed(names.values()) or '(none)'}"


def listed(names: Iterable[str]) -> str:
    """Names as an error lists them, never endlessly many."""
    every = [*names]
    shown = min(len(every), MOST_LISTED)
    while len(", ".join(every[:shown])) > LONGEST_LIST:
        shown //= 2
    return ", ".join(every[:shown]) + (f" and {len(every) - shown:,} more" if shown < len(every) else "")


def shortened(value: object) -> str:
    """A value as an error quotes it: on one line, and never all of a long one."""
    try:
        text = repr(value[: LONGEST_QUOTE + 1] if isinstance(value, str) else value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, lists within lists
        text = f"{type(value).__name__} too long to show"
    text = " ".join(text.split()) if "\n" in text else text  # an array
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


class BadSetting(BadInput):
    """A hyper-parameter, budget or configuration value outside its range or of the wrong type."""


class NotMeasured(BadInput):
    """A number that the table does not hold; lists what it holds."""


class BadPack(BadInput):
    """A pack that is missing, truncated, damaged, or of another format."""


class BadData(BadInput):
    """An image data set that is missing, damaged, or of another layout than its name says."""


class UnsafePickle(BadInput):
    """A pickle that names something outside the allow-list; nothing of it was executed."""


class LacksCapability(BadInput):
    """An evaluator cannot do what a searcher needs; names the evaluators that can."""


class BadOutput(BadInput):
    """An output folder or file that cannot be written, or that belongs to another run."""


class WriteFailed(NasReplayError):
    """A run whose folder could no longer be written, on a full disk say; its last checkpoint is intact."""


class Interrupted(NasReplayError):
    """A run that was asked to stop; says how it continues."""


class ReplayDiverged(NasReplayError):
    """A re-driven run asked for something else than its record holds."""


class TrainingFailed(NasReplayError):
    """A training whose loss is no longer a number; its last checkpoint is intact."""
