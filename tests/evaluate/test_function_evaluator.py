"""An evaluator out of one function: the contract, searches, tables, the command line, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay import evaluate, search, tabulate
from nasreplay.cli.main import main
from nasreplay.errors import BadInput, BadSetting, NasReplayError, NotMeasured
from nasreplay.evaluate.base import EvaluatorBase
from nasreplay.evaluate.table.load import load_table
from nasreplay.jobs.searches import search as recorded_search
from nasreplay.jobs.searches.own_search import OwnFound
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.testing import check_evaluator, check_searcher

FILE = """
from nasreplay import Space, evaluate

SPACE = Space("{name}", (("conv", "pool", "skip"), ("8", "16", "32", "64"), ("relu", "gelu")))


def score(architecture):
    return 50.0 + 7 * architecture.codes[1] + architecture.codes[0]


def broken(architecture):
    return 1 / 0


EVALUATOR = evaluate.from_function(score, SPACE, seconds=2)
"""


def convolutions(architecture):
    return 40.0 + 9 * sum("conv" in word for word in TOPOLOGY.operations_of(architecture.codes)) / 2


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(FILE.replace("{name}", f"space-{tmp_path.name[-9:]}"))
    return "mine.py"


@pytest.mark.parametrize("space", ["topology", SIZE, Space("other", (("a", "b"), ("c", "d", "e")))])
@pytest.mark.parametrize("seconds", [None, 3, lambda architecture: 1.5 + architecture.codes[0]])
def test_it_keeps_the_promises_of_evaluators(space, seconds):
    check_evaluator(evaluate.from_function(lambda one: 30.0 + sum(one.codes) % 7, space, seconds=seconds))


def test_searchers_run_on_it_and_find_its_best():
    made = evaluate.from_function(convolutions, seconds=10)
    result = search.run(
        search.make("local-search"), made, search.Budget(simulated_s=2_000), seed=0, replicas=3
    )
    assert set(result.evaluations) == {200}
    assert np.array_equal(
        made.report(result.from_flat(result.found_flat)).valid, np.nanmax(result.observed, axis=1)
    )
    check_searcher(search.make("rea"), evaluate.from_function(convolutions, seconds=1))


def test_a_recorded_search_and_its_resume(tmp_path):
    found = recorded_search(
        "rea", evaluate.from_function(convolutions), evaluations=20, seed=3, out=tmp_path / "run"
    )
    assert isinstance(found, OwnFound)
    assert found.accuracy == convolutions(TOPOLOGY.architecture(found.found))
    assert (found.evaluations, found.dataset) == (20, "own")
    again = recorded_search(
        "rea", evaluate.from_function(convolutions), evaluations=20, seed=3, out=tmp_path / "run", resume=True
    )
    assert again.found == found.found


def test_a_table_of_it(tmp_path):
    some = Space("tabled", (("a", "b", "c"), ("d", "e")))
    made = evaluate.from_function(
        lambda one: 10.0 * (1 + one.codes[0]) + one.codes[1], some, seconds=4, dataset="mine"
    )
    tabulate(tmp_path / "mine.h5", made)
    table = load_table("mine", table=tmp_path / "mine.h5")
    assert table.final.mean_flat.tolist() == [10, 11, 20, 21, 30, 31]
    assert set(table.levels[0].seconds) == {4}


@pytest.mark.parametrize(
    ("score", "kind", "words"),
    [
        (lambda one: None, NotMeasured, "<lambda> gives no accuracy for .*: None"),
        (lambda one: float("nan"), NotMeasured, "gives no accuracy for .*: nan"),
        (lambda one: 100.5, BadSetting, "gives 100.5 for .*: an accuracy in percent is 0 to 100"),
        (lambda one: -1, BadSetting, "gives -1 for"),
        (lambda one: "much", BadSetting, "gives 'much' for .*: it must give a number"),
        (
            lambda one: one.color,
            NasReplayError,
            "test_function_evaluator.py, line .*: <lambda> failed for .*: Attrib",
        ),
    ],
)
def test_wrong_answers_are_told_with_their_architecture(score, kind, words):
    with pytest.raises(kind, match=words) as problem:
        search.run(search.make("random"), evaluate.from_function(score), search.Budget(evaluations=3), seed=0)
    assert "\n" not in str(problem.value)


def test_fractions_are_not_taken_for_percent():
    made = evaluate.from_function(lambda one: sum(one.codes) / 24)
    with pytest.raises(
        BadSetting, match=r"3 accuracies of at most 1, as .*: give percent, 93\.2, not 0\.932"
    ):
        search.run(search.make("random"), made, search.Budget(evaluations=30), seed=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"score": 3}, "3 is no function: it must take an architecture"),
        ({"score": abs, "space": "nowhere"}, "unknown space 'nowhere'"),
        ({"score": abs, "seconds": -1}, "seconds is -1"),
        ({"score": abs, "dataset": "cifar10"}, "cannot be called 'cifar10': that means cifar10"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(BadInput, match=words):
        evaluate.from_function(**arguments)


# --- by place --------------------------------------------------------------------------------------


def called(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([*arguments])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


@pytest.mark.slow
def test_function_space_and_table_on_the_command_line(mine, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    where = ("--space", f"{mine}:SPACE")
    run = (
        "search",
        "rea",
        "--evaluator",
        f"{mine}:score",
        *where,
        "--evaluations",
        "12",
        "--seed",
        "0",
        "--out",
    )
    status, out, err = called(capsys, *run, "run", "--seconds", "3", "--json")
    found = json.loads(out)
    assert (status, found["evaluations"], found["simulated_s"]) == (0, 12, 36), err
    assert "what the function score gives, percent" in found["meaning"]
    status, _, err = called(capsys, "tabulate", "--evaluator", f"{mine}:score", *where, "--out", "own.h5")
    assert status == 0, err
    status, out, err = called(capsys, "query", "pool/64/gelu", "--table", "own.h5", *where)
    assert status == 0, err
    assert "72.00" in out
    short = ("--evaluations", "5", "--replicas", "2", "--jobs", "1", "--json", "--out", "replayed")
    status, out, err = called(capsys, "replay", "rea", "random", "--table", "own.h5", *where, *short)
    assert status == 0, err
    assert {row["dataset"] for row in json.loads(out)} == {"own"}
    status, out, err = called(capsys, *run, "other", "--table", "own.h5")
    assert (status, "--table has no effect with --evaluator" in err) == (2, True)


def test_an_evaluator_by_place(mine, capsys):
    status, out, err = called(
        capsys, "search", "rea", "--evaluator", f"{mine}:EVALUATOR", "--evaluations", "5", "--out", "run"
    )
    assert status == 0, err
    assert "5 evaluations, 10 simulated s" in out


BOTH = """
from dataclasses import dataclass

from nasreplay import evaluate
from nasreplay.search import SamplingSearcher
from nasreplay.spaces import TOPOLOGY


@dataclass
class Mine(SamplingSearcher):
    name, source = "mine", "a test"

    def ask(self, live):
        return self.space.sample(self.draws(live.rows))


def fair(architecture):
    return 50.0


EVALUATOR = evaluate.from_function(fair)
"""


def test_only_what_fits_is_offered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("both.py").write_text(BOTH)
    status, _, err = called(capsys, "search", "rea", "--evaluator", "both.py")
    assert status == 2
    assert err.endswith("name the evaluator, as in both.py:fair; known: fair, EVALUATOR\n")
    for words in (("replay", "both.py"), ("search", "both.py")):
        status, _, err = called(capsys, *words)
        assert status == 2
        assert err.endswith("name the searcher, as in both.py:Mine; known: Mine\n")
    assert called(capsys, "search", "rea", "--evaluator", "both.py:Mine")[0] == 2


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("scare", 2, "mine.py has no evaluator 'scare': did you mean score?"),
        (
            "SPACE",
            2,
            "mine.py:SPACE: is neither a function that gives an accuracy in percent nor an evaluator",
        ),
        ("broken", 1, "mine.py, line 12: broken failed for |"),
    ],
)
def test_wrong_places_are_one_line(mine, capsys, name, status, words):
    found, out, err = called(capsys, "search", "rea", "--evaluator", f"{mine}:{name}", "--evaluations", "5")
    assert (found, out) == (status, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_class_by_place_is_made(tmp_path, monkeypatch):
    from nasreplay.evaluate.function_evaluator import adopt

    class Mine(EvaluatorBase):
        kind, dataset, space = "mine", "none", TOPOLOGY

    assert isinstance(adopt(Mine)().open(), Mine)
