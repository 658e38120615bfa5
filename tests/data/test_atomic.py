import os
import subprocess
import sys

import pytest

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import write_whole


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_leftovers_of_dead_builders_are_removed_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr("nasreplay.files.atomic._host", lambda: "here.local")
    dead = tmp_path / f".x.h5.here.local.{dead_process()}.abcd.tmp"
    kept = [
        tmp_path / f".x.h5.here.local.{os.getppid()}.abcd.tmp",  # a living process
        tmp_path / f".x.h5.elsewhere.{dead_process()}.abcd.tmp",  # another machine
        tmp_path / f".y.h5.here.local.{dead_process()}.abcd.tmp",  # another file
        tmp_path / ".x.h5.here.local.notes.abcd.tmp",
    ]
    for file in (dead, *kept):
        file.touch()
    write_whole(tmp_path / "x.h5", b"new")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "x.h5"])
    assert (tmp_path / "x.h5").read_bytes() == b"new"


def test_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_whole(path, b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["x"]
    assert path.read_bytes() == b"old"


def test_bad_place(tmp_path):
    with pytest.raises(BadOutput, match="absent/x: cannot be written: No such file or directory"):
        write_whole(tmp_path / "absent" / "x", b"")
