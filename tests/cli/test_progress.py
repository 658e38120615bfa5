import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from nasreplay.cli import progress
from nasreplay.cli.main import main
from nasreplay.cli.progress import Progress
from tests.support.command import searching, training


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_a_minute(clock, capsys):
    with Progress("tabulating", "architectures") as show:
        for clock[0] in (1.0, 59.0, 60.0, 61.0, 119.0, 121.0):
            show(int(clock[0]), 15_625)
    assert capsys.readouterr().err == "[60/15,625] architectures\n[121/15,625] architectures\n"


def test_a_job_with_lines_of_its_own_gets_none(clock, capsys):
    with Progress("searching") as show:
        clock[0] = 500.0
        show(1, 2)
        show(2, 2, "the second")
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_goes(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with Progress("replaying", "searches") as show:
        show(1, 3, "rea on cifar10")
    told = sys.stderr.getvalue()  # pyright: ignore
    assert "1/3" in told
    assert "rea on cifar10" in told
    assert told.endswith("\x1b[2K")  # the line is cleared


def on_a_terminal(*words: str, cwd: Path) -> str:
    """What a command shows on a terminal of 80 columns, without what only moves and colors."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(cwd)
        os.environ.update(TERM="xterm")
        os.environ.pop("COLUMNS", None)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
        status: object = 3
        try:
            main([*words])
        except SystemExit as end:
            status = end.code
        finally:
            sys.stdout.flush()
            os._exit(status if isinstance(status, int) else 0)
    shown = b""
    with suppress(OSError):  # its end
        while part := os.read(terminal, 65536):
            shown += part
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [training(2), ("retrain", *training(2)[1:]), searching(2)],
    ids=lambda words: words[0],
)
def test_text_and_bar_share_no_line(home, tmp_path, words):
    shown = on_a_terminal(*words, "--seed", "1", "--threads", "1", "--out", "it", cwd=tmp_path)
    lines = [line for line in re.split(r"[\r\n]+", shown) if line.strip()]
    assert any("━" in line for line in lines)
    told = [line for line in lines if re.search(r"epoch \d/2", line)]
    assert len(told) == 2
    assert all(line.startswith("epoch ") and "━" not in line for line in told)
    assert max(map(len, lines)) <= 80
