"""Settings come in as text or `.config` files and become dataclass fields, strictly.

A `.config` file is a JSON object; a value is plain (0.025) or a `["type", value]` pair with type one of str,
int, float, bool, none (the format of AutoDL-Projects). An unknown key is an error that lists the known ones.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from copy import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from nasreplay.errors import BadSetting, UnknownName, shortened
from nasreplay.files.typed import read_json
from nasreplay.numerals import outside, real, whole
from nasreplay.settings import check_kind

T = TypeVar("T")
_PAIR = {
    "str": str,
    "int": whole,
    "float": real,
    "bool": lambda value: bool(whole(int(value) if isinstance(value, bool) else value)),
    "none": lambda value: None,
}
_NUMBERS = {int: whole, float: real}


def folder() -> Path:
    """The folder of the shipped configurations: inside the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "configs"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "configs"


def load(path: str | Path) -> dict[str, Any]:
    """The settings of a `.config` file; raises BadSetting with the file, and line where known."""
    content = read_json(path, dict[str, Any], error=BadSetting)
    return {key: _plain(value, f"{path}: {key}") for key, value in content.items()}


def _plain(value: Any, where: str) -> Any:
    if not (isinstance(value, list) and len(value) == 2 and value[0] in _PAIR):
        return value
    kind, content = value
    try:
        return [_PAIR[kind](item) for item in content] if isinstance(content, list) else _PAIR[kind](content)
    except (TypeError, ValueError):
        raise BadSetting(f"{where}: {shortened(content)} is not {kind}") from None


def apply(settings: T, changes: Mapping[str, Any], where: str) -> T:
    """A copy of a settings dataclass with changes; values are converted to the type of the field's default.

    Raises UnknownName (lists the known names) or BadSetting.
    """
    known = {field.name: getattr(settings, field.name) for field in fields(settings) if field.init}  # pyright: ignore
    for name in changes:
        if name not in known:
            raise UnknownName.among(known, f"{where}: unknown setting", name)
    converted = {name: _convert(value, known[name], f"{where}.{name}") for name, value in changes.items()}
    if known.keys() <= inspect.signature(type(settings).__init__).parameters.keys():
        return replace(settings, **converted)  # pyright: ignore
    made = copy(settings)  # of a class with an __init__ of its own, which takes something else
    vars(made).update(converted)
    return made


def _convert(value: Any, default: Any, where: str) -> Any:
    kind = type(default)
    if default is None:  # which says nothing of a type
        return value
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "0": False, "false": False}[str(value).lower()]
        if isinstance(default, tuple):
            items = value.split(",") if isinstance(value, str) else value
            like = default or (0.0,) * len(items)  # an empty default stands for any number of numbers
            return tuple(_NUMBERS.get(type(d), type(d))(item) for d, item in zip(like, items, strict=True))
        return _NUMBERS.get(kind, kind)(value)
    except (KeyError, TypeError, ValueError):
        raise BadSetting(
            f"{where} = {shortened(value)}: must be of type {kind.__name__}, like {default!r}"
        ) from None


def check(where: str, value: object, like: object, most: float | None = None) -> None:
    """Raise BadSetting for a value of another kind than a default, of which None says nothing, and above `most`."""
    if isinstance(like, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(like):
            raise BadSetting(f"{where} is {shortened(value)}: it must be {len(like)} values, like {like!r}")
        for one, other in zip(value, like, strict=True):
            check(where, one, other)
    elif isinstance(like, bool | int | float | str):
        check_kind(where, value, type(like))
    if wrong := outside(value, most):
        raise BadSetting(f"{where} is {shortened(value)}: it {wrong}")


def positive(settings: Any, *names: str) -> None:
    """Raise BadSetting unless the named fields are above 0."""
    for name in names:
        value = getattr(settings, name)
        if not (value > 0 and math.isfinite(value)):
            raise BadSetting(f"{settings.name}.{name} is {value}: it must be above 0")
        check(f"{settings.name}.{name}", value, None)


def within(settings: Any, low: float, high: float, *names: str) -> None:
    """Raise BadSetting unless the named fields lie in [low, high]."""
    for name in names:
        if not low <= getattr(settings, name) <= high:
            raise BadSetting(
                f"{settings.name}.{name} is {getattr(settings, name)}: it must be {low} to {high}"
            )


def one_of(settings: Any, name: str, known: tuple[str, ...]) -> None:
    """Raise BadSetting unless the named field is one of the known words."""
    value = getattr(settings, name)
    if value not in known:
        raise BadSetting(f"{settings.name}.{name} is {shortened(value)}: one of {', '.join(known)}")
