"""A replay that is interrupted, or whose workers die, keeps what is finished and continues."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from nasreplay.runs.store import read_comparison
from tests.support.command import assert_equal, assert_same_results, call, end, start, wait_for

# each pair takes long enough to be interrupted, and all of them together take a second or two
LONG = ("replay", "snas", "darts-v1", "--set", "snas.epochs=80", "--set", "darts-v1.epochs=80")
LONG = (*LONG, "--replicas", "70", "--seed", "4", "--out", "run")


@pytest.fixture(scope="module")
def long(home, tmp_path_factory) -> Path:
    """The folder of LONG, not interrupted."""
    folder = tmp_path_factory.mktemp("long")
    call(*LONG, "--jobs", "1", cwd=folder)
    return folder / "run"


def finished(folder: Path) -> set[str]:
    return {path.name for path in (folder / "run/parts").glob("*.h5")}


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "how"), [("1", signal.SIGINT), ("2", signal.SIGINT), ("2", signal.SIGTERM)])
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_continues(run, tmp_path, long, jobs, how):
    process = start(*LONG, "--jobs", jobs, cwd=tmp_path)
    wait_for(lambda: finished(tmp_path), process)
    os.killpg(process.pid, how) if how == signal.SIGINT else os.kill(process.pid, how)
    _, err = end(process, 128 + how)
    assert err == "nasreplay: interrupted; continue with: nasreplay resume run\n"
    kept = read_comparison(tmp_path / "run")
    assert 0 < len(kept.results) < 6
    assert not finished(tmp_path)  # they are in results.h5
    whole = {(r.dataset, r.searcher): r for r in read_comparison(long).results}
    for result in kept.results:
        assert_equal(result, whole[result.dataset, result.searcher])
    run("resume", "run")
    seconds = {(r.dataset, r.searcher): r.wall_s for r in read_comparison(tmp_path / "run").results}
    assert all(seconds[r.dataset, r.searcher] == r.wall_s for r in kept.results)
    assert_same_results(tmp_path / "run", long)
    assert read_comparison(tmp_path / "run").settings == read_comparison(long).settings | {
        "command": json.loads((tmp_path / "run/run.json").read_text())["command"]
    }


@pytest.mark.slow
def test_ctrl_c_while_the_workers_start(home, tmp_path):
    process = start(*LONG, "--jobs", "2", cwd=tmp_path)
    wait_for(lambda: workers_of(process), process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = end(process, 130)
    assert err == "nasreplay: interrupted; continue with: nasreplay resume run\n"


def workers_of(process) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has ended since (a zombie, say)
            found += [child] if any("spawn_main" in word for word in child.cmdline()) else []
    return found


@pytest.mark.slow
def test_a_dead_worker_is_one_line_and_the_rerun_continues(run, tmp_path, long):
    process = start(*LONG, "--jobs", "2", cwd=tmp_path)
    wait_for(lambda: finished(tmp_path), process)
    workers = workers_of(process)
    assert len(workers) == 2
    workers[0].kill()
    _, err = end(process, 1)
    lines = err.splitlines()
    assert len(lines) == 1
    assert "a worker process died" in lines[0]
    assert "--out run --jobs 1 to continue" in lines[0]
    assert not psutil.wait_procs(workers, timeout=5)[1]
    assert len(finished(tmp_path)) < 6
    run(*LONG, "--jobs", "1")
    assert_same_results(tmp_path / "run", long)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(home, tmp_path, how):
    process = start(*LONG, "--jobs", "2", cwd=tmp_path)
    wait_for(lambda: finished(tmp_path), process)
    workers = workers_of(process)
    assert len(workers) == 2
    os.kill(process.pid, how)
    process.wait()
    assert not psutil.wait_procs(workers, timeout=5)[1]
    before = finished(tmp_path)
    time.sleep(0.2)
    assert finished(tmp_path) == before
    assert before or (tmp_path / "run/results.h5").exists()  # it wrote what was finished
    process.communicate()
