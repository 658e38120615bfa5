import io
import sys

import pytest

from nasreplay.cli import progress
from nasreplay.cli.progress import Progress


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
