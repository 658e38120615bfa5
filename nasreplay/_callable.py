"""Packages that are also functions: `nasreplay.replay(...)` is a call, `nasreplay.replay.plan` a module."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar

from nasreplay.errors import BadSetting, NasReplayError

F = TypeVar("F", bound=Callable[..., Any])
OPTION = re.compile(r"`[^`]*`|(?<![\w-])--?([a-z][a-z0-9-]*)")
"""An option in an error; what stands in backticks is a command and stays."""


def in_python_words(function: F) -> F:
    """The function, whose errors name arguments where a command's errors name options."""

    @wraps(function)
    def called(*arguments: Any, **settings: Any) -> Any:
        try:
            return function(*arguments, **settings)
        except NasReplayError as problem:
            problem.args = (OPTION.sub(_argument, str(problem)),)
            raise
        except TypeError as problem:
            if str(problem).startswith(f"{function.__name__}() "):  # arguments that it does not take
                raise BadSetting(str(problem)) from None
            raise

    return called  # pyright: ignore[reportReturnType]


def _argument(found: re.Match[str]) -> str:
    return found[1].replace("-", "_") if found[1] else found[0]


def function_at(place: str) -> Callable[..., Any]:
    """What stands at module:name, imported now: of a room that the caller's own must not import."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def callable_package(name: str, function: str) -> None:
    """Let calling the package `name` call `function`, given as module:name and imported at the first call."""

    class CallablePackage(ModuleType):
        def __dir__(self) -> list[str]:
            return vars(self)["__all__"]

        @property
        def __signature__(self) -> inspect.Signature:
            return inspect.signature(self._called())

        def __call__(self, *arguments: Any, **settings: Any) -> Any:
            return in_python_words(self._called())(*arguments, **settings)

        def _called(self) -> Callable[..., Any]:
            return function_at(function)

    sys.modules[name].__class__ = CallablePackage
