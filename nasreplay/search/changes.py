"""Hyper-parameters of searchers as users write them: `.config` files and NAME.KEY=VALUE texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasreplay import config
from nasreplay.errors import BadSetting, UnknownName, choices, shortened
from nasreplay.search import SEARCHERS
from nasreplay.settings import setting

Changes = Mapping[str, Mapping[str, Any]]
"""Name of a searcher → name of a hyper-parameter → its value, or the text of it."""


@dataclass(frozen=True, kw_only=True)
class ChangeSettings:
    """Hyper-parameters that differ from a searcher's defaults."""

    sets: tuple[str, ...] = setting((), flags=("--set",), metavar="NAME.KEY=VALUE")
    """A hyper-parameter, e.g. rea.population=20."""
    configs: tuple[Path, ...] = setting((), flags=("--config",), metavar="NAME.config")
    """Hyper-parameters of searcher NAME (also NAME-anything.config)."""

    def changes(self, names: Collection[str]) -> Changes:
        """The changes by searcher, for those of these names. Raises BadSetting or UnknownName."""
        return changes_of(self.configs, self.sets, names)


def changes_of(configs: Sequence[Path], sets: Sequence[str], chosen: Collection[str]) -> Changes:
    """Hyper-parameters by searcher, from files first and then from NAME.KEY=VALUE texts.

    Settings of a searcher that is not among the chosen ones would have no effect and are refused.
    """
    changes: dict[str, dict[str, Any]] = {}
    for path in configs:
        changes.setdefault(_owner(path), {}).update(config.load(path))
    for text in sets:
        name, key, value = _parts(text)
        changes.setdefault(name, {})[key] = value
    for name in changes.keys() - set(chosen):
        raise BadSetting(f"settings for {name}, which is not among the searchers: {', '.join(chosen)}")
    return changes


def _owner(path: Path) -> str:
    """The searcher that a file is named after, the longest name that fits."""
    stem = path.stem.lower().replace("_", "-")
    fitting = [name for name in SEARCHERS if stem == name or stem.startswith(f"{name}-")]
    if not fitting:
        raise UnknownName(f"--config {path}: name the file after a searcher{choices(stem, SEARCHERS)}")
    return max(fitting, key=len)


def _parts(text: str) -> tuple[str, str, str]:
    target, equals, value = text.partition("=")
    name, dot, key = target.rpartition(".")
    name = name.lower().replace("_", "-")
    if not (equals and dot and name and key):
        raise BadSetting(
            f"--set {shortened(text)}: the form is NAME.KEY=VALUE, for example rea.population=20"
        )
    if name not in SEARCHERS:
        raise UnknownName.among(SEARCHERS, f"--set {shortened(text)}: unknown searcher", name)
    return name, key, value
