import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadOutput
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.evaluate.tabulate.log import AnswerLog
from tests.support.tabulating import FEW, SOME, live

pytestmark = pytest.mark.slow

KILLS = 12


def test_an_interrupted_tabulation_goes_on(tmp_path):
    whole = tabulate(live(), FEW, tmp_path / "whole.h5").path.read_bytes()
    out = tmp_path / "out.h5"
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(25), FEW, out, chunk=10)
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(15), FEW, out, chunk=10)
    assert not out.exists()
    last = live()
    told = []
    tabulate(last, FEW, out, chunk=7, progress=lambda done, total: told.append((done, total)))
    assert last.asked == 10
    assert told == [(37, 40), (40, 40)]
    assert out.read_bytes() == whole
    assert sorted(tmp_path.iterdir()) == [out, tmp_path / "whole.h5"]


def test_a_finished_table_is_not_asked_for_again(tmp_path):
    first = tabulate(live(), FEW, tmp_path / "out.h5")
    again = live(threads=4, device="cuda")  # the same table, made elsewhere
    assert tabulate(again, FEW, tmp_path / "out.h5").fingerprint == first.fingerprint
    assert again.asked == 0
    with pytest.raises(
        BadOutput, match=r"is a table with evaluator\.bn = not set, now 1: choose another --out"
    ):
        tabulate(live(bn=1), FEW, tmp_path / "out.h5")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadOutput, match="exists, and is not this tabulation"):
        tabulate(live(), FEW, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def begun(out: Path) -> Path:
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(25), FEW, out, chunk=10)
    return out.with_name(f"{out.name}.log")


@pytest.mark.parametrize("left", [0, 1, 100, -30, -1])
def test_a_line_that_was_cut_short_is_asked_for_again(tmp_path, left):
    out = tmp_path / "out.h5"
    log = begun(out)
    log.write_bytes(log.read_bytes()[:left])
    tabulate(live(), FEW, out)
    assert out.read_bytes() == tabulate(live(), FEW, tmp_path / "whole.h5").path.read_bytes()


def test_a_log_of_something_else_is_refused_and_kept(tmp_path):
    out = tmp_path / "out.h5"
    log = begun(out)
    content = log.read_bytes()
    with pytest.raises(BadOutput, match=r"out\.h5\.log: begun with evaluator.bn = not set, now 1"):
        tabulate(live(bn=1), FEW, out)
    with pytest.raises(BadOutput, match="begun with asked"):
        tabulate(live(), FEW[:-1], out)
    assert log.read_bytes() == content
    lines = content.splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(BadOutput, match="damaged; delete it"):
        tabulate(live(), FEW, out)
    log.write_bytes(b"my notes\n")
    with pytest.raises(BadOutput, match="not the log of a tabulation"):
        tabulate(live(), FEW, out)
    assert log.read_bytes() == b"my notes\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[[1]]", r"\[0\]: must be a list of 5"),
        (b"3", "must be a list, not 3"),
        (b'[[1, [0], ["x"], [1], [1]]]', r"\[0\]\[2\]\[0\]: must be a number"),
        (b"[" * 9999, "over 50 levels"),
        (b"9" * 5000, "thousands of digits"),
        (b"\xff", "not a text"),
    ],
)
def test_answers_of_another_type_are_refused(tmp_path, line, message):
    out = tmp_path / "out.h5"
    log = begun(out)
    log.write_bytes(log.read_bytes() + line + b"\n")
    with pytest.raises(BadOutput, match=f"out.h5.log.*{message}.*; delete it to start over"):
        tabulate(live(), FEW, out)


def test_a_pipe_or_device_is_no_log(tmp_path):
    out = tmp_path / "out.h5"
    out.with_name("out.h5.log").symlink_to("/dev/zero")
    with pytest.raises(BadOutput, match="a pipe, a device or a socket"):
        tabulate(live(), FEW, out)


def test_one_process_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    out = tmp_path / "out.h5"
    with AnswerLog(begun(out)), pytest.raises(BadOutput, match="another process is at this table"):
        tabulate(live(), FEW, out)


class SlowFile:
    """A file that takes its time over a write, so that a kill lands inside; `inside` says so to the parent."""

    def __init__(self, file: Any, inside: Any):
        self.file, self.inside = file, inside

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, content: bytes) -> None:
        self.inside.value = 1
        for start in range(0, len(content), 2_000):
            self.file.write(content[start : start + 2_000])
            self.file.flush()
            time.sleep(0.0005)
        self.inside.value = 0


def tabulate_slowly(source: Path, out: Path, inside: Any) -> None:
    opened = AnswerLog.__enter__

    def slow(self: Any) -> Any:
        opened(self)
        self._file = SlowFile(self._file, inside)
        return self

    AnswerLog.__enter__ = slow
    tabulate(load_table("pixels", table=source, trial="mean"), SOME, out, chunk=150)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_tabulation_goes_on_to_the_same_bytes(source, pixels, tmp_path):
    whole = tabulate(pixels, SOME, tmp_path / "whole.h5").path.read_bytes()
    out = tmp_path / "out" / "table.h5"
    out.parent.mkdir()
    draw, context, landed, torn, ended = random.Random(), multiprocessing.get_context("fork"), 0, 0, 0
    inside = context.Value("i", 0, lock=False)
    until = time.monotonic() + 60
    while landed < KILLS or not ended:
        assert time.monotonic() < until, f"only {landed} kills landed in a write"
        inside.value = 0
        child = context.Process(target=tabulate_slowly, args=(source.path, out, inside))
        child.start()
        patience = draw.uniform(0, 0.15) if landed < KILLS else 60
        child.join(patience)
        while child.is_alive() and not inside.value:  # until a line is under way, or all is done
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.004))
        assert child.pid is not None
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        log = out.with_name("table.h5.log")
        if child.exitcode:
            landed += inside.value or bool(list(out.parent.glob(".*.tmp")))
            torn += log.exists() and not log.read_bytes().endswith(b"\n")
        if out.exists():
            assert out.read_bytes() == whole
        if not child.exitcode:
            ended += 1
            assert [file.name for file in out.parent.iterdir()] == ["table.h5"]
            out.unlink()
    assert torn >= KILLS // 2


def test_the_log_is_plain_text(tmp_path):
    header, *chunks = map(json.loads, begun(tmp_path / "out.h5").read_text().splitlines())
    assert header["format"] == "nasreplay-tabulation/1"
    assert header["at"] == ["shared", 1]
    assert [len(chunk) for chunk in chunks] == [10, 10]
    assert chunks[0][1] == [1, [-1], [1 / 7], [1 / 63], [pytest.approx(np.nan, nan_ok=True)]]
