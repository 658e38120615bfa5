"""The real command, as a process of its own or in this one, and what its results are compared by."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nasreplay.cli.main import main
from nasreplay.runs.result import ARRAYS, Result
from nasreplay.runs.store import read_comparison

CHECKOUT = Path(__file__).resolve().parents[2]

TINY = ("--dataset", "digits", "--channels", "4", "--cells", "1")
"""What makes a training or a live search small."""


def training(epochs: int, *more: str) -> tuple[str, ...]:
    """The words of a small training of so many epochs."""
    return ("train", "9930", *TINY, "--recipe", str(epochs), *more)


def searching(epochs: int, *more: str) -> tuple[str, ...]:
    """The words of a small live search of so many epochs."""
    return ("search", "gdas", "--evaluator", "supernet", *TINY, "--epochs", str(epochs), *more)


def start(*arguments: str, cwd: Path, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    """The command as a process in a group of its own, as a terminal would start it; by a launcher (`-m torchrun`)."""
    search = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "nasreplay", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": search},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def call(*arguments: str, cwd: Path) -> None:
    """The command in this process and a folder; it must end well."""
    with contextlib.chdir(cwd), pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert ended.value.code == 0


def wait_for(condition: Callable[[], object], process: subprocess.Popen, seconds: float = 90) -> None:
    """Wait until something is so while the process runs."""
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended too soon"
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.002)


def end(process: subprocess.Popen, status: int) -> tuple[str, str]:
    """What it printed; it must end soon and with this status."""
    try:
        out, err = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == status, err
    return out, err


def assert_equal(one: Result, other: Result) -> None:
    """The same in everything but wall seconds."""
    for name in ("searcher", "dataset", "oracle", "finished", "settings"):
        assert getattr(one, name) == getattr(other, name)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def log_of(folder: Path) -> list[dict]:
    """The events of a run without wall seconds."""
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "wall_s"} for line in lines]


def assert_same_results(one: Path, other: Path) -> None:
    """Assert that two folders of a replay hold equal results."""
    mine, theirs = read_comparison(one), read_comparison(other)
    assert [(r.dataset, r.searcher) for r in mine.results] == [
        (r.dataset, r.searcher) for r in theirs.results
    ]
    assert mine.results
    for result, reference in zip(mine.results, theirs.results, strict=True):
        assert_equal(result, reference)
