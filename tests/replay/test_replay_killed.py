import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from nasreplay.replay.comparing import compare
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.runs.result import ARRAYS, Result
from nasreplay.runs.store import load_result, read_comparison

pytestmark = pytest.mark.slow

KILLS = 20
PLAN = Plan(
    searchers=searchers_of(("random", "rea", "local-search"), "plain"),
    datasets=("cifar10", "cifar100"),
    replicas=100,
    evaluations=50,
    seed=6,
)


def replay(folder: Path) -> None:
    compare(PLAN, folder, tell=lambda done, total, what: None)


def replay_on_a_slow_disk(folder: Path) -> None:
    os.fsync = lambda descriptor: time.sleep(0.005)  # in a process of its own
    replay(folder)


def content(result: Result) -> tuple:
    """Everything but wall seconds."""
    plain = ("searcher", "dataset", "oracle", "finished", "settings")
    return (*(getattr(result, n).tobytes() for n in ARRAYS), *(getattr(result, n) for n in plain))


def temporaries(folder: Path) -> set[Path]:
    return {*folder.glob(".*.tmp"), *folder.glob("parts/.*.tmp")}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killing_a_replay_never_leaves_a_file_that_loads_wrongly(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    replay(tmp_path / "whole")
    header = json.loads((tmp_path / "whole/run.json").read_text())
    expected = {
        f"{result.dataset}--{result.searcher}.h5": content(result)
        for result in read_comparison(tmp_path / "whole").results
    }
    assert len(expected) == 6
    folder, draw, context = tmp_path / "run", random.Random(), multiprocessing.get_context("fork")
    landed: list[str] = []
    until = time.monotonic() + 120
    while len(landed) < KILLS:
        assert time.monotonic() < until, f"only {len(landed)} kills landed in a write"
        before = temporaries(folder)
        child = context.Process(target=replay_on_a_slow_disk, args=(folder,))
        child.start()
        time.sleep(draw.uniform(0, 0.2))  # some writes end well
        while child.is_alive() and not temporaries(folder) - before:  # until the next one begins
            pass
        time.sleep(draw.uniform(0, 0.006))
        child.kill()
        child.join()
        # only a kill inside a write leaves the temporary file
        landed += [path.name for path in temporaries(folder) - before]
        check(folder, header, expected)
        if (folder / "results.h5").exists() and not (folder / "parts").exists():
            (folder / "results.h5").unlink()  # so that there is more to write
    assert any("--" in name for name in landed)  # part files were among them
    replay(folder)
    check(folder, header, expected)
    assert not temporaries(folder)
    assert not (folder / "parts").exists()
    assert [content(result) for result in read_comparison(folder).results] == [
        content(result) for result in read_comparison(tmp_path / "whole").results
    ]


def check(folder: Path, header: dict, expected: dict[str, tuple]) -> None:
    """Every file that is there is right."""
    for path in folder.glob("parts/*.h5"):
        assert content(load_result(path)) == expected[path.name]
    if (folder / "results.h5").exists():
        for result in read_comparison(folder).results:
            assert content(result) == expected[f"{result.dataset}--{result.searcher}.h5"]
    if (folder / "run.json").exists():
        assert json.loads((folder / "run.json").read_text()) == header
