"""Packages that are also functions: `nasreplay.replay(...)` is a call, `nasreplay.replay.plan` a module."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def callable_package(name: str, function: str) -> None:
    """Let calling the package `name` call `function`, given as module:name and imported at the first call."""

    class CallablePackage(ModuleType):
        def __call__(self, *arguments: Any, **settings: Any) -> Any:
            module, _, called = function.partition(":")
            return getattr(importlib.import_module(module), called)(*arguments, **settings)

    sys.modules[name].__class__ = CallablePackage
