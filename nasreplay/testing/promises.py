"""Running a contract outside pytest: every promise that is broken, in words, with the line that found it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def refused(error: type[Exception], question: str, where: str) -> Iterator[None]:
    """A context that must raise this error; AssertionError says for what, and where to look."""
    try:
        yield
    except error:
        return
    except Exception as problem:
        raise AssertionError(
            f"{question} raises {error.__name__}, not {type(problem).__name__}: {problem} ({where})"
        ) from problem
    raise AssertionError(f"{question} raises {error.__name__}, and nothing was raised ({where})")


def _what_went_wrong(problem: BaseException) -> str:
    """The error, the line of the contract that was being run, and its place."""
    every = traceback.extract_tb(problem.__traceback__)
    frames = [frame for frame in every if HERE in Path(frame.filename).parents and frame.filename != __file__]
    last = frames[-1]
    said = str(problem).partition("\nassert ")[0]  # without what pytest adds
    told = said if said and isinstance(problem, AssertionError) else f"{type(problem).__name__}: {problem}"
    return f"{told}\n    expected: {last.line}\n    see {last.filename}:{last.lineno}, {last.name}"
