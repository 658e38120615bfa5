"""Packages that are also functions: `nasreplay.replay(...)` is a call, `nasreplay.replay.plan` a module."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def function_at(place: str) -> Callable[..., Any]:
    """What stands at module:name, imported now: of a room that the caller's own must not import."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def callable_package(name: str, function: str) -> None:
    """Let calling the package `name` call `function`, given as module:name and imported at the first call."""

    class CallablePackage(ModuleType):
        @property
        def __signature__(self) -> inspect.Signature:
            return inspect.signature(self._called())

        def __call__(self, *arguments: Any, **settings: Any) -> Any:
            return self._called()(*arguments, **settings)

        def _called(self) -> Callable[..., Any]:
            return function_at(function)

    sys.modules[name].__class__ = CallablePackage
