"""Running a contract outside pytest: every promise that is broken, in words, with the line that found it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def check(suite: Any, what: str) -> None:
    """Run the tests of a contract, none of which takes arguments; AssertionError names the promises that fail."""
    names = [name for name in dir(suite) if name.startswith("test_")]
    broken = []
    for name in names:
        try:
            getattr(suite, name)()
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as problem:
            broken.append(f"- {name.removeprefix('test_').replace('_', ' ')}: {_what_went_wrong(problem)}")
    if broken:
        raise AssertionError(f"{what} breaks {len(broken)} of {len(names)} promises:\n" + "\n".join(broken))


def _what_went_wrong(problem: BaseException) -> str:
    """The error, the line of the contract that was being run, and its place."""
    frames = [
        frame for frame in traceback.extract_tb(problem.__traceback__) if HERE in Path(frame.filename).parents
    ]
    last = frames[-1]
    told = f"{type(problem).__name__}: {problem}" if str(problem) else "is not so"
    return f"{told}\n    expected: {last.line}\n    see {last.filename}:{last.lineno}, {last.name}"
