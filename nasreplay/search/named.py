"""Searchers as they are asked for: a name, a place, a class, or an object with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from nasreplay import config
from nasreplay.errors import BadSetting, UnknownName, shortened
from nasreplay.own import found_at, is_place
from nasreplay.search.base import SEARCHERS, Searcher, is_searcher, register_searcher
from nasreplay.settings import check_kind

PRESETS = ("table", "live", "published")


def searcher_of(asked: str | Searcher | type[Searcher]) -> Searcher:
    """The searcher of a name or of a class, or itself. Raises UnknownName, or BadSetting for what is none."""
    if isinstance(asked, Searcher):
        return asked
    if isinstance(asked, type) and issubclass(asked, Searcher):
        return asked()
    if not isinstance(asked, str):
        raise BadSetting(
            f"{shortened(asked)} is no searcher: give a name, as 'rea', or an object, as search.REA()"
        )
    return make(asked)


def make(
    name: str, changes: Mapping[str, Any] | None = None, *, preset: str | None = None, **more: Any
) -> Searcher:
    """A searcher by name or place (`my.py:Annealing`), with `changes` of its settings, which may be keywords as well.

    All others are those for the evaluator that it runs on (`Searcher.settle`), until then those for tables. A preset
    fixes them: "table", "live", or "published", the defaults of the fields, which are the published live values.
    Raises UnknownName or BadSetting.
    """
    check_kind("name", name, str)
    check_kind("changes", {} if changes is None else changes, Mapping)
    changes = {**(changes or {}), **more}
    found = found_at(name, _is_meant, "searcher") if is_place(name) else None
    if isinstance(found, Searcher):
        kind = register_searcher(type(found))
    else:
        kind = SEARCHERS.named(name if is_place(name) else name.lower().replace("_", "-"))
    if preset not in (None, *PRESETS):
        raise UnknownName.among(PRESETS, "unknown preset", preset)
    searcher = copy(found) if isinstance(found, Searcher) else kind()
    given = searcher.chosen
    searcher.settle(preset or "table")
    searcher = config.apply(searcher, changes, kind.name)
    searcher.chosen = frozenset(searcher.settings() if preset else given | changes.keys())
    return searcher


def _is_meant(thing: Any) -> bool:
    return is_searcher(thing) or isinstance(thing, Searcher)
