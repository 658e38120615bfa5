from collections.abc import Iterator
from pathlib import Path

import pytest

from nasreplay.cli.main import main


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def home(cache) -> Iterator[Path]:
    """A cache folder of the tests' own, also for the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(cache))
        yield cache


@pytest.fixture
def run(home, tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder: what it printed, after a check of its exit status."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, status: int = 0):
        found = 0
        try:
            main(list(arguments))
        except SystemExit as end:
            found = end.code
        told = capsys.readouterr()
        assert found == status, told.err
        return told

    return call


@pytest.fixture
def refused(run, tmp_path):
    """The single line on stderr of a command that must be refused before it writes anything."""

    def call(*arguments: str, writes: bool = False) -> str:
        before = sorted(tmp_path.rglob("*"))
        told = run(*arguments, status=2)
        assert told.out == ""
        assert told.err.count("\n") == 1, told.err
        assert told.err.startswith("nasreplay: error: ")
        assert writes or sorted(tmp_path.rglob("*")) == before
        return told.err

    return call
