"""Options that several commands share, and how their texts become settings."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nasreplay.cli.main import ARGUMENTS
from nasreplay.errors import BadSetting, shortened
from nasreplay.numerals import real, whole
from nasreplay.settings import Setting, option_of, settings_of

EVALUATOR = click.option(
    "--evaluator",
    default="table",
    show_default=True,
    help="What answers: table, supernet, frozen, shared-table, scratch, or yours, as my.py:score.",
)


def together(*options: Callable) -> Callable:
    """One decorator of several options."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def options_of(
    *owners: type, but: Collection[str] = (), hidden: Collection[str] = (), **texts: str
) -> Callable:
    """Click options of all fields of settings classes, those of a common name once; help is the field's docstring.

    but: fields that are no options here; hidden: those that no help tells, for they are refused with a reason, where
    the others have no defaults, either; texts: another help for a field. A value that was not given is None, (), or
    False for none of them: `settings.chosen` leaves it to the class.
    """
    found: dict[str, Setting] = {}
    for owner in owners:
        found = {**settings_of(owner), **found}
    ordered = {name: found[name] for owner in owners for name in settings_of(owner)}
    made = [
        _option(one._replace(default=None) if hidden else one, texts.get(name, one.text), name in hidden)
        for name, one in ordered.items()
        if one.form.shown and name not in but
    ]
    return together(*made)


class _Digits(click.ParamType):
    """A finite number of plain digits."""

    read: Callable[[object], Any] = staticmethod(whole)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, if it is one and large enough."""
        try:
            return super().convert(self.read(value), param, ctx)
        except ValueError as problem:
            self.fail(f"{shortened(value)} is not a valid {self.name}: it {problem}", param, ctx)


class _Text(click.types.StringParamType):
    """A text that is not empty: an option that is given says something."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text, if there is one."""
        if not value:
            self.fail("must not be empty", param, ctx)
        return super().convert(value, param, ctx)


class _Path(click.Path):
    """A path that is not empty and may name something; whether anything is there is its owner's to check."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if not str(value) or "\0" in str(value):
            self.fail(f"{shortened(str(value))} is no path", param, ctx)
        return Path(value)


PATH = _Path(path_type=Path)
"""The type of every option and argument that is a path."""


class _Whole(_Digits, click.types.IntParamType):
    pass


class _WholeRange(_Digits, click.IntRange):
    name = "integer"


class _Real(_Digits, click.types.FloatParamType):
    read = staticmethod(real)


class _RealRange(_Digits, click.FloatRange):
    name, read = "float", staticmethod(real)


def _option(one: Setting, text: str, hidden: bool) -> Callable:
    flags = one.form.flags or (option_of(one),)
    if one.default not in (None, MISSING, (), "") and one.kind is not bool and "Default: " not in text:
        text = f"{text}  [default: {one.default}]"
    if one.kind is bool:
        return click.option(*flags, one.name, is_flag=True, default=None, help=text, hidden=hidden)
    kind: Any = one.kind
    if one.choices:
        kind = click.Choice(one.choices)
    elif one.kind is Path:
        kind = PATH
    elif one.kind is str:
        kind = _Text()
    elif one.kind in (int, float):
        plain, ranged = (_Whole, _WholeRange) if one.kind is int else (_Real, _RealRange)
        kind = plain() if one.form.least is None else ranged(one.form.least)
    return click.option(
        *flags,
        one.name,
        type=kind,
        metavar=one.form.metavar,
        help=text,
        multiple=one.several,
        required=one.default is MISSING,
        hidden=hidden,
    )


def refuse_given(reason: str, names: Collection[str]) -> None:
    """Raise BadSetting for an option among `names` that was given on the command line: it would have no effect."""
    context = click.get_current_context()
    for option in context.command.params:
        given_here = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given_here and option.name in names:
            raise BadSetting(f"{option.opts[0]} has no effect {reason}: leave it out")


def refuse_others(reason: str, *owners: type, also: Collection[str] = ()) -> None:
    """Raise BadSetting for a given option that is no field of these settings classes, nor among `also`."""
    own = {name for owner in owners for name in settings_of(owner)}
    every = {option.name or "" for option in click.get_current_context().command.params}
    refuse_given(reason, every - own - {*also})


def command_line() -> str:
    """What was typed, as runs record it."""
    import shlex

    return shlex.join(["nasreplay", *click.get_current_context().meta.get(ARGUMENTS, ())])
