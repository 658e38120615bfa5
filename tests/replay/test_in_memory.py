"""`search.compare`: the command's comparison in this process, drawn, extended, and refused by name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from nasreplay import load_table, search
from nasreplay.errors import BadInput, BadOutput, BadSetting
from nasreplay.jobs import comparison as jobs
from nasreplay.jobs.comparison import replay
from nasreplay.search import REA
from tests.support.command import assert_equal


@dataclass
class Lazy(search.SamplingSearcher):
    """Asks for the same architecture again and again."""

    name: ClassVar[str] = "lazy"
    source: ClassVar[str] = "a test"

    def ask(self, live):
        return search.Question(self.state.best_codes[live.rows], live.rows)


@pytest.fixture(scope="module")
def table():
    return load_table("cifar10")


@pytest.fixture(scope="module")
def made(table):
    return search.compare([Lazy(), "rea", "random"], table, evaluations=15, replicas=20)


def test_it_is_what_the_command_makes(made, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "_write_report", lambda *_: None)
    done = replay(
        Lazy(),
        "rea",
        "random",
        datasets=("cifar10",),
        evaluations=15,
        replicas=20,
        jobs=1,
        out=tmp_path / "run",
    )
    for one, other in zip(made.results, done.comparison.results, strict=True):
        assert_equal(one, other)
    assert [replace(row, wall_s=0, wall_s_per_500_replicas=0) for row in made.rows] == [
        replace(row, wall_s=0, wall_s_per_500_replicas=0) for row in done.rows
    ]
    assert made.notes == done.comparison.notes
    assert made.rows[-1].searcher == "lazy"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")])
def test_a_figure_by_its_ending(made, tmp_path, name, magic):
    assert made.plot(tmp_path / name) == (tmp_path / name,)
    assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.mark.slow
def test_several_data_sets_have_a_figure_each(table, tmp_path):
    both = search.compare(["random"], [table, load_table("cifar100")], evaluations=3, replicas=2)
    assert [path.name for path in both.plot(tmp_path / "a.svg")] == ["a-cifar10.svg", "a-cifar100.svg"]
    assert [path.name for path in both.plot(tmp_path / "b.svg", "cifar100")] == ["b.svg"]


def test_a_comparison_is_extended(table, made):
    more = search.compare(["local-search", "random"], table, evaluations=15, replicas=20)
    both = made.merged(more)
    assert [one.searcher for one in both.results] == ["lazy", "rea", "random", "local-search"]
    assert len(both.rows) == 4
    with pytest.raises(BadInput, match="differ in seed, 0 and 1"):
        made.merged(search.compare(["local-search"], table, evaluations=15, replicas=20, seed=1))


@pytest.mark.parametrize(
    ("searchers", "words"),
    [
        ("rea", "takes a list of searchers, names or objects such as search.REA.., not 'rea'"),
        (["rea", 3], "not 3"),
        ([], "one searcher or more"),
        ([Path], "not <class"),
        (["raa"], "unknown searcher 'raa'"),
        ([REA(), REA(population=3)], "a searcher is compared once: rea, rea"),
    ],
)
def test_bad_searchers(table, searchers, words):
    with pytest.raises(BadInput, match=words):
        search.compare(searchers, table)


def test_bad_tables_and_figures(table, made):
    for wrong in ("cifar10", None, [], [table, "x"]):
        with pytest.raises(BadSetting, match="compare takes a table"):
            search.compare(["rea"], wrong)  # pyright: ignore
    with pytest.raises(BadSetting, match="each of another data set"):
        search.compare(["rea"], [table, table])
    with pytest.raises(BadSetting, match=r"plot: name the file .* ends in \.png"):
        made.plot()
    with pytest.raises(BadSetting, match=r"a figure ends in \.png, \.svg or \.pdf"):
        made.plot("a.jpg")
    with pytest.raises(BadSetting, match="no data set 'x' was compared: cifar10"):
        made.plot("a.png", "x")
    with pytest.raises(BadOutput, match="nowhere"):
        made.plot(Path("nowhere/at/all.png"))
