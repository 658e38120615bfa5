"""JSON from outside as values of stated types: what is of another type is refused with its place.

A form is what a type annotation says: str, int, float, bool, None, list[…], tuple[…], dict[str, …], a NamedTuple (an
object with these keys; further ones are left out), `… | …`, Opaque, or Any. A text becomes `harmless`, an integer
fits into 64 bits, an integer is a float, too. Values of Any are JSON as it was, not too deep.
"""

from __future__ import annotations

import json
import types
from functools import cache
from pathlib import Path
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from nasreplay.errors import BadInput
from nasreplay.files.text import harmless, place, read_text

LIMIT = 8  # MB of a file, which become some 200 in memory
DEEPEST = 50  # objects and lists within each other
LONGEST = 10_000  # characters of a text that has a type

T = TypeVar("T")
Opaque = NewType("Opaque", object)
"""The form of values that are not looked at, such as arrays of a checkpoint."""
_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    types.NoneType: "null",
}


def read_json(path: str | Path, form: type[T], *, limit: int = LIMIT, error: type[BadInput] = BadInput) -> T:
    """The JSON value of a file (`-`: standard input), checked as in `typed`. Raises `error`, which says where."""
    return parse_json(read_text(path, limit=limit, error=error), form, place(path), error=error)


def parse_json(text: str | bytes, form: type[T], where: str, *, error: type[BadInput] = BadInput) -> T:
    """The value of a JSON text, checked as in `typed`; `where` is what errors call the text."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        raise error(f"{where}, line {problem.lineno}: not JSON ({problem.msg})") from None
    except RecursionError:
        raise error(f"{where}: JSON of over {DEEPEST} levels") from None
    except UnicodeDecodeError:
        raise error(f"{where}: not a text") from None
    except ValueError:  # from Python's own limit on digits
        raise error(f"{where}: holds an integer of thousands of digits") from None
    return typed(value, form, where, error=error)


def typed(value: Any, form: type[T], where: str, *, error: type[BadInput] = BadInput) -> T:
    """The JSON value as `form` says; raises `error`: "WHERE, steps[3]: must be a number, not 'x'"."""
    try:
        return cast(T, _shaped(value, form, "", DEEPEST))
    except _Misfit as problem:
        at = f"{where}, {problem.at}" if problem.at else where
        raise error(f"{at}: {problem.what}") from None


class _Misfit(Exception):
    def __init__(self, at: str, what: str, mistyped: bool = False):
        self.at, self.what, self.mistyped = harmless(at), what, mistyped


def _shaped(value: Any, form: Any, at: str, deep: int) -> Any:
    if deep < 0:
        raise _Misfit("", f"JSON of over {DEEPEST} levels")
    if form is Opaque:
        return value
    if form is Any:
        return _checked(value, at, deep)
    if form in _WORDS:
        return _plain(value, form, at)
    kind, inner = get_origin(form), get_args(form)
    if kind in (Union, types.UnionType):
        return _union(value, inner, at, deep)
    if kind is list and isinstance(value, list):
        return [_shaped(item, inner[0], f"{at}[{n}]", deep - 1) for n, item in enumerate(value)]
    if kind is tuple and isinstance(value, list):
        forms = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(forms) == len(value):
            pairs = enumerate(zip(value, forms, strict=True))
            return tuple(_shaped(item, each, f"{at}[{n}]", deep - 1) for n, (item, each) in pairs)
    if kind is dict and isinstance(value, dict):
        if inner[1] is Any:
            return _checked(value, at, deep)
        return {harmless(k): _shaped(each, inner[1], _below(at, k), deep - 1) for k, each in value.items()}
    if kind is None and issubclass(form, tuple) and isinstance(value, dict):
        return _named(value, form, at, deep)
    raise _wrong(value, form, at)


def _checked(value: Any, at: str, deep: int) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            _shaped(item, Any, _below(at, key), deep - 1)
    elif isinstance(value, list):
        for item in value:
            _shaped(item, Any, at, deep - 1)
    elif type(value) is int:
        _plain(value, int, at)
    elif isinstance(value, str) and "\0" in value:
        raise _Misfit(at, "a text with a zero byte")
    return value


def _plain(value: Any, form: Any, at: str) -> Any:
    if form is float and type(value) is int and abs(value) < 2**63:
        return float(value)
    if type(value) is not form:
        raise _wrong(value, form, at)
    if form is int and abs(value) >= 2**63:
        raise _Misfit(at, "an integer of over 64 bits")
    if isinstance(value, str) and len(value) > LONGEST:
        raise _Misfit(at, f"a text of over {LONGEST:,} characters")
    return harmless(value, LONGEST) if isinstance(value, str) else value


def _union(value: Any, forms: tuple[Any, ...], at: str, deep: int) -> Any:
    within = None
    for form in forms:
        try:
            return _shaped(value, form, at, deep)
        except _Misfit as problem:
            within = within or (problem if problem.at != harmless(at) or not problem.mistyped else None)
    raise within or _wrong(value, forms, at)


def _named(value: dict[str, Any], form: Any, at: str, deep: int) -> Any:
    missing = [name for name in form._fields if name not in value and name not in form._field_defaults]
    if missing:
        raise _Misfit(at, f"lacks {', '.join(missing)}")
    hints = _hints(form)
    return form(
        **{
            name: _shaped(value[name], hints[name], _below(at, name), deep - 1)
            for name in form._fields
            if name in value
        }
    )


@cache
def _hints(form: Any) -> dict[str, Any]:
    return get_type_hints(form)


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _wrong(value: Any, form: Any, at: str) -> _Misfit:
    forms = form if isinstance(form, tuple) else (form,)
    words = " or ".join(dict.fromkeys(_word(each) for each in forms))
    shown = {dict: "an object", list: "a list"}.get(type(value)) or _shown(value)
    return _Misfit(at, f"must be {words}, not {shown}", mistyped=True)


def _shown(value: Any) -> str:
    plain = value is None or isinstance(value, str | int | float)
    return json.dumps(value)[:60] if plain else f"a {type(value).__name__}"


def _word(form: Any) -> str:
    if form in _WORDS:
        return _WORDS[form]
    kind, inner = get_origin(form), get_args(form)
    if kind is tuple and inner[1:] != (...,):
        return f"a list of {len(inner)}"
    return "a list" if kind in (list, tuple) else "an object"
