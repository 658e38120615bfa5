"""`nasreplay data verify --official`: the official package answers as the pack does, or it is told where not."""

import sys

import pytest

from nasreplay.jobs import table_files
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.archives import synthetic

pytest.importorskip("nats_bench")
NUMBERS = [0, 11, 284]


@pytest.mark.slow
@pytest.mark.parametrize("space", [TOPOLOGY, SIZE], ids=lambda space: space.name)
def test_a_pack_answers_as_the_official_package(space, tmp_path):
    archive = synthetic(space, tmp_path, NUMBERS)
    table_files.convert_archive(archive, out=tmp_path / "pack.h5", jobs=1, allow_missing=True)
    told: list[tuple[int, int]] = []

    class Told:
        def __init__(self, what: str, unit: str):
            assert (what, unit) == ("asking nats_bench", "architectures")

        def __enter__(self):
            return lambda done, total: told.append((done, total))

        def __exit__(self, *exception: object) -> None: ...

    done = table_files.verify(tmp_path / "pack.h5", official=str(archive), progress=Told)
    assert (done.problems, done.compared) == ([], {f"nats_bench over {archive}": 3})
    assert told == [(1, 3), (2, 3), (3, 3)]
    (tmp_path / "other").mkdir()
    other = synthetic(space, tmp_path / "other", NUMBERS, seed=1)
    problems = table_files.verify(tmp_path / "pack.h5", official=str(other)).problems
    assert len(problems) == 3
    assert all(problem.startswith("architecture ") for problem in problems)


@pytest.mark.slow
def test_without_the_package(tmp_path, monkeypatch, capsys):
    from nasreplay.cli.main import main

    archive = synthetic(TOPOLOGY, tmp_path, NUMBERS)
    table_files.convert_archive(archive, out=tmp_path / "pack.h5", jobs=1, allow_missing=True)
    monkeypatch.setitem(sys.modules, "nats_bench", None)
    with pytest.raises(SystemExit):
        main(["data", "verify", str(tmp_path / "pack.h5"), "--official", str(archive)])
    assert capsys.readouterr().err == (
        "nasreplay: error: nasreplay data needs the official package nats-bench: pip install 'nasreplay[official]'\n"
    )
