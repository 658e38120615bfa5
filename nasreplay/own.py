"""What users name by place: classes, functions and values, as `my.py:Annealing` or `my_package.module:Annealing`.

A file is imported once, under a name of its own, so that no package is in its way and worker processes import the
same; its digest tells whether it is still the file that a run began with.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from nasreplay.errors import BadInput, BadOutput, BadSetting, NasReplayError, UnknownName, choices, shortened

GUARD = "put the call below `if __name__ == '__main__':`"


class OwnFile(NamedTuple):
    """A file of a user's, as it was when it was imported."""

    path: str
    """Absolute path."""
    sha256: str
    """Digest of its bytes."""


_files: dict[str, OwnFile] = {}  # by the name of its module
_importing: list[str] = []


def is_place(name: object) -> bool:
    """Whether a name says where something is: FILE.py:NAME, MODULE:NAME, or a .py file."""
    return isinstance(name, str) and (":" in name or name.endswith(".py"))


def found_at(place: str, fits: Callable[[Any], bool], noun: str) -> Any:
    """What stands at a place; `fits` says what may be meant, for errors, and `noun` what that is.

    Raises UnknownName or BadSetting: one line with the file, and the line of it where one is at fault.
    """
    where, _, name = place.rpartition(":")
    if place.endswith(".py"):
        where, name = place, ""
    module = import_file(Path(where)) if where.endswith(".py") else _module(where, place)
    there = [one for one, value in vars(module).items() if not one.startswith("_") and fits(value)]
    if name and hasattr(module, name):
        return getattr(module, name)
    here = [one for one in there if _is_of(module, vars(module)[one])]
    if not name:
        raise UnknownName(
            f"{place}: name the {noun}, as in {where}:{here[0] if here else 'NAME'}{choices('', here)}"
        )
    raise UnknownName(f"{where} has no {noun} {shortened(name)}{choices(name, here)}")


def _is_of(module: ModuleType, thing: Any) -> bool:
    """Whether a module made it: classes and functions say where they come from, other values are its own."""
    return not hasattr(thing, "__qualname__") or thing.__module__ == module.__name__


def import_file(path: Path) -> ModuleType:
    """The module of a file, imported once and again when it has changed. Raises BadInput."""
    try:
        path = path.expanduser().resolve()
        if path.exists() and not path.is_file():  # a pipe would never end
            raise BadSetting(f"{path}: cannot be read: no regular file")
        content = path.read_bytes()
    except OSError as problem:
        raise BadSetting(f"{path}: cannot be read: {problem.strerror}") from None
    except ValueError as problem:  # a zero byte in the path
        raise (
            problem if isinstance(problem, BadSetting) else BadSetting(f"{shortened(str(path))}: no file")
        ) from None
    name = f"{path.stem}@{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    file = OwnFile(str(path), hashlib.sha256(content).hexdigest())
    if _files.get(name) == file and name in sys.modules:
        return sys.modules[name]
    spec = spec_from_loader(name, SourceFileLoader(name, str(path)))
    assert spec
    module = module_from_spec(spec)
    if (folder := str(path.parent)) not in sys.path:
        sys.path.append(
            folder
        )  # it may import its neighbors; behind all others, as it may be called random.py
    before, sys.modules[name] = sys.modules.get(name), module
    try:
        with _in_import(str(path)):
            exec(compile(content, str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        if before:
            sys.modules[name] = before
        raise
    _files[name] = file
    return module


def file_of(thing: Any) -> OwnFile | None:
    """The user's file that a class, function or value was imported from by `import_file`; None for any other."""
    return _files.get(getattr(thing, "__module__", ""))


def place_of(thing: Any) -> str:
    """The place of a class, function or value, as `found_at` takes it."""
    file = file_of(thing)
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    return f"{file.path if file else thing.__module__}:{name}"


def import_again(files: Sequence[OwnFile]) -> None:
    """Import in a worker what its parent has imported. Raises BadOutput for a file that has changed since."""
    for file in files:
        import_file(Path(file.path))
        if file not in _files.values():
            raise BadOutput(f"{file.path}: has changed since this command began: run it again")


def every_file() -> tuple[OwnFile, ...]:
    """The files imported so far."""
    return tuple(_files.values())


def refuse_in_import(what: str) -> None:
    """Raise BadSetting where a script of a user's is imported for its classes, or by its own worker processes."""
    from multiprocessing import current_process

    if _importing:
        raise BadSetting(f"{_importing[-1]} calls {what} while it is imported: {GUARD}")
    if getattr(current_process(), "_inheriting", False):
        raise BadSetting(f"this script calls {what} in every worker process that it starts: {GUARD}")


@contextmanager
def blamed(thing: type) -> Iterator[None]:
    """A context in which an error in a user's file that `thing` came from becomes one line with its place."""
    file = file_of(thing)
    try:
        yield
    except NasReplayError:
        raise
    except (Exception, SystemExit) as problem:
        if not file:
            raise
        line = line_in(problem, file.path)
        raise NasReplayError(f"{file.path}{line}: {type(problem).__name__}: {problem}") from problem


# --- imports ---------------------------------------------------------------------------------------


@contextmanager
def _in_import(path: str) -> Iterator[None]:
    """A context of an import: whatever goes wrong becomes one line with the file's own."""
    _importing.append(path)
    try:
        yield
    except BadInput as problem:
        if str(problem).startswith(path):
            raise
        raise type(problem)(f"{path}{line_in(problem, path)}: {problem}") from problem
    except SyntaxError as problem:
        raise BadSetting(f"{problem.filename}, line {problem.lineno}: {problem.msg}") from problem
    except (Exception, SystemExit) as problem:
        told = f"{type(problem).__name__}: {problem}"
        raise BadSetting(f"{path}{line_in(problem, path)}: {told}") from problem
    finally:
        _importing.pop()


def _module(name: str, place: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise BadSetting(f"{shortened(place)}: must be FILE.py:NAME or MODULE:NAME")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        with _in_import(name):
            return import_module(name)
    except BadSetting as problem:
        if (
            isinstance(problem.__cause__, ModuleNotFoundError)
            and problem.__cause__.name == name.split(".")[0]
        ):
            raise UnknownName(f"{place}: no module {name} here; a file is named {name}.py:…") from None
        raise


def line_in(problem: BaseException, path: str) -> str:
    """The line of a file in which an error arose, as `, line 3`; empty for none."""
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == path]
    return f", line {lines[-1]}" if lines else ""
