"""Nested states as safe files, no pickle: what has its own binary form is stored by name, the rest is a JSON text.

A state is nested dictionaries and lists whose leaves are arrays or JSON values; dictionaries may have number keys, as
an optimizer's have. `split` and `join` are the one codec; `save_state` writes .npz files with it, and
`train.checkpoint` PyTorch's.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.errors import BadOutput, NasReplayError, shortened
from nasreplay.files.atomic import write_whole

# what numpy and zipfile raise for files that are damaged or something else
DAMAGE = (
    OSError,
    EOFError,
    ArithmeticError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    zipfile.BadZipFile,
)
MARKS = {"tensor", "array", "items"}
"""The only key of a dictionary that stands for something else: {"array": name}, {"items": [[key, value], …]}."""


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically; leaves are arrays or JSON values. Raises BadOutput."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(split(state, {"array": np.ndarray}, arrays))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, json=np.frombuffer(text.encode(), np.uint8), **arrays)
    write_whole(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; raises BadOutput for anything else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return join(json.loads(file["json"].tobytes()), {"array": file.__getitem__})
    except DAMAGE as problem:
        raise BadOutput(f"{path}: not a checkpoint, or damaged ({problem})") from None


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """A context in which a state that is read from a file is taken over: raises BadOutput where it does not fit."""
    try:
        yield
    except NasReplayError:
        raise
    except (*DAMAGE, AttributeError, AssertionError) as problem:
        reason = shortened(" ".join(f"{type(problem).__name__}: {problem}".split()))
        raise BadOutput(f"{path}: does not fit this run, or is damaged ({reason})") from None


def split(value: Any, kinds: Mapping[str, type], leaves: dict[str, Any]) -> Any:
    """The JSON part of a state; leaves of these kinds go to `leaves` and leave {kind: name} behind."""
    for mark, kind in kinds.items():
        if isinstance(value, kind):
            name = str(len(leaves))
            leaves[name] = value
            return {mark: name}
    match value:
        case dict():
            if all(isinstance(key, str) for key in value) and not (len(value) == 1 and MARKS & value.keys()):
                return {key: split(item, kinds, leaves) for key, item in value.items()}
            return {"items": [[key, split(item, kinds, leaves)] for key, item in value.items()]}
        case list() | tuple():
            return [split(item, kinds, leaves) for item in value]
        case np.generic():
            return value.item()
    return value


def join(value: Any, leaves: Mapping[str, Callable[[str], Any]]) -> Any:
    """The state that `split` took apart; leaves: for each kind a function from names to leaves."""
    if isinstance(value, list):
        return [join(item, leaves) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(mark, name)] = value.items()
        if mark in leaves:
            return leaves[mark](name)
        if mark == "items":
            return {key: join(item, leaves) for key, item in name}
    return {key: join(item, leaves) for key, item in value.items()}


def difference(one: Any, other: Any, name: str = "") -> tuple[str, str, str] | None:
    """(dotted name, one value, other value) of the first thing in which two JSON values differ, shortened."""
    if isinstance(one, dict) and isinstance(other, dict):
        dot = f"{name}." if name else ""
        inner = (difference(one.get(key), other.get(key), f"{dot}{key}") for key in one | other)
        return next(filter(None, inner), None)
    return None if one == other else (name, _short(one), _short(other))


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
