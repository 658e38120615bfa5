"""Settings: frozen dataclasses at their owners, one documented line under each field.

Everything else is made from them: command-line options and help (`cli.options`), `.config` files (`config`),
run.json and Python signatures. So an option is written once, and it applies where a settings class has its field.

@dataclass(frozen=True, kw_only=True)
class Machine:
    threads: int | None = setting(None, least=1)
    \"\"\"CPU threads. Default: PyTorch's.\"\"\"
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, field, fields, is_dataclass
from functools import cache, wraps
from itertools import pairwise
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from nasreplay.errors import BadSetting, UnknownName, shortened
from nasreplay.numerals import LARGEST, outside, real, whole

T = TypeVar("T")
KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    list: "a list",
    tuple: "a tuple",
    Mapping: "a dictionary",
    Callable: "a function",
}
"""What errors call the kinds of values."""
FILES = ("FILE", "PACK", "RUN")
"""How a metavar begins whose text may name a file or a folder."""
Json = dict[str, Any]
"""An object of JSON: what is read from files and written to them, and passes between no modules otherwise."""


class Form(NamedTuple):
    """How a field is written on the command line."""

    flags: tuple[str, ...] = ()
    """Names of the option; () is the field's own name with dashes."""
    metavar: str | None = None
    """What stands for the value in the help."""
    least: int | None = None
    """The smallest allowed number."""
    most: float | None = None
    """The largest allowed number; None: the usual one (`numerals.outside`)."""
    shown: bool = True
    """Whether it is an option at all."""


def setting(
    default: Any,
    *,
    flags: tuple[str, ...] = (),
    metavar: str | None = None,
    least: int | None = None,
    most: float | None = None,
    shown: bool = True,
) -> Any:
    """A field whose option has another name, a metavar, or limits; or that is no option (`shown=False`)."""
    return field(default=default, metadata={"form": Form(flags, metavar, least, most, shown)})


class Setting(NamedTuple):
    """One field of a settings class, ready to become an option or a parameter."""

    name: str
    kind: type
    """bool, int, float, str or Path."""
    kinds: tuple[type, ...]
    """All that a value may be, `kind` among them."""
    several: bool
    """Whether it is a tuple of any length."""
    choices: tuple[str, ...]
    """The allowed words; () for any."""
    default: Any
    """MISSING where a value must be given."""
    text: str
    """The docstring under the field, on one line."""
    form: Form


@cache
def settings_of(owner: type) -> dict[str, Setting]:
    """The fields of a settings class by name, in order, with the docstrings that stand under them."""
    hints, texts = get_type_hints(owner), _texts(owner)
    return {
        one.name: _setting(one, hints[one.name], texts.get(one.name, "")) for one in fields(owner) if one.init
    }


def _setting(one: Field[Any], hint: Any, text: str) -> Setting:
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [part for part in parts if part is not type(None)]
    kind, several, choices = kinds[-1], False, ()
    if get_origin(kind) is tuple:
        kind, several = get_args(kind)[0], True
    if get_origin(kind) is Literal:
        kind, choices = str, get_args(kind)
    form = one.metadata.get("form", Form())
    kinds = (kind,) if several or choices else tuple(kinds)
    return Setting(one.name, kind, kinds, several, choices, one.default, text, form)


def _texts(owner: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if is_dataclass(base):
            found |= _own_texts(base)
    return found


def _own_texts(owner: type) -> dict[str, str]:
    path, node = owner.__qualname__.split("."), None
    for name in path:
        inside = node.body if node else _tree_of(owner.__module__).body
        node = next((one for one in inside if isinstance(one, ast.ClassDef) and one.name == name), None)
        if node is None:  # made in a function: found by its lines
            node = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
            assert isinstance(node, ast.ClassDef)
            break
    found = {}
    for line, below in pairwise(node.body if node else ()):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[line.target.id] = " ".join(text.split())
    return found


@cache
def _tree_of(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def chosen(owner: type[T], values: Mapping[str, Any], **fixed: Any) -> T:
    """Settings out of what was given, by a caller, a command line or run.json: values of the class's own fields.

    None and () mean "not given"; texts become paths, lists tuples, one text a tuple of itself. Raises BadSetting for
    a word that is no choice, for a number that is too small, and from the class's own checks.
    """
    known = settings_of(owner)
    given = {name: _typed(known[name], values[name]) for name in known if is_given(values.get(name))}
    return owner(**{**given, **fixed})


def check_kind(name: str, value: object, *kinds: type) -> None:
    """Raise BadSetting for a value of none of these kinds; integers are numbers, and True is none."""
    for kind in kinds:
        base = {int: Integral, float: Real, bool: bool, Path: (str, PathLike)}.get(kind, kind)
        if isinstance(value, base) and (kind is bool or not isinstance(value, bool)):
            text = str(value) if isinstance(value, str | PathLike) else name
            if "\0" in text or (kind is Path and not text):
                raise BadSetting(f"{name} is {shortened(text)}: it must be a name without zero bytes")
            if isinstance(value, Integral) and abs(int(value)) > LARGEST:
                raise BadSetting(f"{name} is {shortened(value)}: it must be a number of 64 bits")
            return
    words = " or ".join(KINDS[kind] for kind in kinds if kind in KINDS)
    raise BadSetting(f"{name} is {shortened(value)}: it must be {words}")


def is_given(value: Any) -> bool:
    """Whether this stands for a value: None and () do not."""
    return value is not None and not (isinstance(value, tuple) and not value)


def by_field(values: Mapping[str, Any], what: str, *owners: type) -> dict[str, Any]:
    """The values by the fields of these classes; the option's name of a field means it, too, and so does its plural.

    Raises UnknownName for a given value that is no field, BadSetting for one that is given twice; `what` was called.
    """
    known = {name: one for owner in owners for name, one in settings_of(owner).items()}
    names = {option_of(one).strip("-").replace("-", "_"): name for name, one in known.items()}
    names |= {f"{name}s": name for name in known} | {name: name for name in known}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if not is_given(value):
            continue
        if name not in names:
            raise UnknownName.among(sorted(known), f"{what} has no setting", name)
        if found.setdefault(names[name], value) is not value:
            raise BadSetting(f"{what} is given {names[name]} and {name}, which are one: leave one out")
    return found


def option_of(one: Setting) -> str:
    """The option's name on the command line."""
    return one.form.flags[0] if one.form.flags else f"--{one.name.replace('_', '-')}"


def to_plain(settings: Any) -> dict[str, Any]:
    """Every field as a JSON value, paths absolute, also those of files that are there, for run.json."""
    known = settings_of(type(settings))
    return {
        name: _plain(value, name in known and (known[name].form.metavar or "").startswith(FILES))
        for name, value in asdict(settings).items()
    }


def _plain(value: Any, names_file: bool = False) -> Any:
    if isinstance(value, Path) or (names_file and isinstance(value, str) and Path(value).exists()):
        return str(Path(value).expanduser().resolve())
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _typed(one: Setting, value: Any) -> Any:
    if one.several:
        parts = (value,) if isinstance(value, str | Path | Real) else value
        if not isinstance(parts, list | tuple):
            raise BadSetting(f"{one.name} is {shortened(value)}: must be a list")
        return tuple(_typed(one._replace(several=False), part) for part in parts)
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if one.kind is str and isinstance(value, PathLike):
        value = str(value)
    number = {int: whole, float: real}.get(one.kind)
    try:
        value = number(value) if number and (one.kind is int or isinstance(value, str)) else value
        if one.kind is float:
            real(value)
    except ValueError as problem:
        raise BadSetting(f"{one.name} is {shortened(value)}: it {problem}") from None
    if one.kind in KINDS:
        check_kind(one.name, value, *one.kinds)
    if one.choices and value not in one.choices:
        raise BadSetting(f"{one.name} is {shortened(value)}: one of {', '.join(one.choices)}")
    if one.form.least is not None and value < one.form.least:
        raise BadSetting(f"{one.name} is {value}: it must be at least {one.form.least}")
    if one.kind in (int, float) and (wrong := outside(value, one.form.most)):
        raise BadSetting(f"{one.name} is {shortened(value)}: it {wrong}")
    return Path(value) if one.kind is Path else value


def with_settings(owner: type) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Let a function of a settings object (its last parameter, `settings`) be called with the fields by keyword.

    The signature and the docstring of the result list every option. Raises UnknownName for another keyword.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        parameters = inspect.signature(function).parameters.values()
        named = {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_POSITIONAL}

        @wraps(function)
        def called(*arguments: Any, settings: Any = None, **values: Any) -> T:
            kept = {name: values.pop(name) for name in named & values.keys()}
            if settings is None:
                settings = chosen(owner, by_field(values, function.__name__, owner))
            elif values or not isinstance(settings, owner):
                raise BadSetting(
                    f"{function.__name__}: settings is a {owner.__name__} and has all the others in it"
                )
            return function(*arguments, **kept, settings=settings)

        list_settings(called, function, owner)
        return called

    return decorate


def list_settings(called: Callable[..., Any], function: Callable[..., Any], *owners: type) -> None:
    """Let the signature and the docstring of `called` list the fields of these classes that are options.

    They stand in place of the parameters `settings` and `**values` of `function`.
    """
    found = {
        name: one for owner in reversed(owners) for name, one in settings_of(owner).items() if one.form.shown
    }
    own = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.name != "settings" and one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    keywords = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=one.kind,
        )
        for one in found.values()
        if one.name not in {parameter.name for parameter in own}
    ]
    called.__signature__ = inspect.Signature([*own, *keywords])  # pyright: ignore[reportFunctionMemberAccess]
    lines = (f"    {one.name}: {one.text}" for one in found.values())
    called.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Settings:", *lines])
