"""The spaces known by name. A space registers itself; other packages offer theirs as entry points.

[project.entry-points."nasreplay.spaces"]
mine = "my_package.my_space"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from nasreplay import own
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.plugins import Registry

if TYPE_CHECKING:
    from nasreplay.spaces.base import Space

S = TypeVar("S", bound="Space")


def register_space(space: S, *aliases: str) -> S:
    """Make a space known by its name, and by other names; returns it. Raises BadSetting for a name that is taken.

    From then on packs, results and commands of this process can name it, and worker processes learn of it.
    """
    if isinstance(space, type):
        raise BadSetting(f"{space.__name__} is a class: give a space, as {space.__name__}()")
    if not isinstance(getattr(space, "name", None), str):
        raise BadSetting(f"{space!r} is no space: make a nasreplay.Space with a name and its options")
    SPACES.add(space, space.name, *aliases)
    return space


SPACES: Registry[Space] = Registry(
    "space",
    "nasreplay.spaces",
    lambda space: space.size,
    fits=lambda thing: (
        hasattr(thing, "options") and hasattr(thing, "decisions") and not isinstance(thing, type)
    ),
    adopt=register_space,
)


def space_named(name: str) -> Space:
    """The space of that name; also accepts NATS-Bench's `tss` and `sss`. Raises UnknownName."""
    try:
        return SPACES.named(name)
    except UnknownName as problem:
        for space in known_spaces():
            if isinstance(name, str) and (variant := space.variant(name)):
                return variant
        if own.is_place(name):
            raise
        raise UnknownName(f"{problem}; one of yours is named with --space, as my.py:SPACE") from None


def known_spaces() -> tuple[Space, ...]:
    """All registered spaces, each once."""
    return tuple(dict.fromkeys(SPACES.values()))


def owner_of(text: str, first: Space | None = None) -> Space | None:
    """The space in whose own notation a text is (`Space.owns`), or None. first: the one that is asked first."""
    return next((each for each in (first, *known_spaces()) if each and each.owns(text)), None)


def unpickled(name: str, kind: type[Space], state: dict[str, Any]) -> Space:
    """The registered space of that name; in a process that does not know it yet, the pickled one, registered."""
    if name not in SPACES:
        space = kind.__new__(kind)
        vars(space).update(state)
        register_space(space)
    return SPACES[name]
