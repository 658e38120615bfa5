"""The package's page: what it lists, and that arguments of a wrong kind end in one named line of Python's words."""

# pyright: reportArgumentType=false, reportCallIssue=false
# wrong arguments are what is tested, and modules are called

import subprocess
import sys

import numpy as np
import pytest

import nasreplay
from nasreplay import Space, load_table, search
from nasreplay.errors import NasReplayError

TABLE = load_table("cifar10")
CELL = [[0, 0, 0, 0], [3, 0, 0, 0], [3, 3, 0, 0], [1, 3, 3, 0]]
JUNK = [None, 3.5, float("nan"), True, 10**5000, [1, 2], {1}, b"x", object(), "no such thing", np.arange(3)]


def short(value):
    return type(value).__name__


@pytest.mark.parametrize("module", [nasreplay, search, nasreplay.replay], ids=lambda module: module.__name__)
def test_dir_lists_what_is_public(module):
    public = [name for name in dir(module) if not name.startswith("_")]
    assert {"Any", "importlib", "annotations", "config", "random", "base", "driver"}.isdisjoint(public)
    assert all(getattr(module, name) is not None for name in public)
    assert module is nasreplay.replay or {"load_table", "query"} <= {*public} or {"REA", "run"} <= {*public}


@pytest.mark.slow
def test_it_stays_so_after_everything_was_used():
    code = (
        "import nasreplay as n; n.load_table('cifar10'); n.query(5); n.search.run('rea', n.load_table('cifar10'), "
        "n.search.Budget(evaluations=2)); print({*dir(n), *dir(n.search)} & {'jobs', 'random', 'data'})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "named", [9930, np.int64(9930), "9930", "333133", " 333133 ", CELL, np.array(CELL), str(CELL)], ids=str
)
def test_every_form_of_a_cell_is_read_by_every_call(named):
    assert nasreplay.query(named).index.tolist() == [9930]
    assert TABLE.query(named).official_index == 9930
    assert TABLE.accuracies([named]) == TABLE.accuracies([9930])


def test_several_in_a_list_are_to_be_given_one_by_one():
    for several in ([5, 6], (5, 6), [TABLE.space.at(5)], ("333133", 5)):
        with pytest.raises(NasReplayError, match="one by one"):
            nasreplay.query(several)


def test_genotypes_and_dictionaries_are_read():
    genotype = TABLE.space.genotype(TABLE.space.at(9930).codes)
    for named in (genotype, {"arch_str": str(TABLE.space.at(9930))}):
        assert nasreplay.query(named).index.tolist() == [TABLE.query(named).official_index] == [9930]


CALLS = {
    "query": nasreplay.query,
    "query best": lambda junk: nasreplay.query(best=junk if junk is not None else 3),
    "query count": lambda junk: nasreplay.query(best="cifar10", count=junk if junk is not None else "x"),
    "query max_params": lambda junk: nasreplay.query(
        best="cifar10", max_params="x" if junk is None or isinstance(junk, float) else junk
    ),
    "table.query": TABLE.query,
    "table.query trial": lambda junk: TABLE.query(5, trial=junk),
    "table.accuracies": lambda junk: TABLE.accuracies([junk]),
    "table.report": TABLE.report,
    "load_table": lambda junk: load_table(junk if junk is not None else 3),  # pyright: ignore[reportArgumentType]
    "load_table table": lambda junk: load_table("cifar10", table=junk if junk is not None else 3),
    "load_table rungs": lambda junk: load_table("cifar10", rungs=junk),
    "load_table trial": lambda junk: load_table("cifar10", trial=junk),
    "load_table steps": lambda junk: load_table("cifar10", steps_per_epoch=junk),
    "run searcher": lambda junk: search.run(junk, TABLE, search.Budget(evaluations=2)),
    "run evaluator": lambda junk: search.run("rea", junk, search.Budget(evaluations=2)),
    "run budget": lambda junk: search.run("rea", TABLE, junk),
    "run seed": lambda junk: search.run(
        "rea", TABLE, search.Budget(evaluations=2), seed="x" if isinstance(junk, int) else junk
    ),
    "run replicas": lambda junk: search.run("rea", TABLE, search.Budget(evaluations=2), replicas=junk),
    "make": search.make,
    "make changes": lambda junk: search.make("rea", {"population": junk}),
    "REA": lambda junk: search.REA(population=[] if isinstance(junk, int) else junk),
    "Budget": lambda junk: search.Budget(evaluations=junk if junk is not None else "x"),
    "compare": lambda junk: search.compare([junk], TABLE, replicas=2, evaluations=2),
    "compare table": lambda junk: search.compare(["rea"], junk, replicas=2, evaluations=2),
    "search": nasreplay.search,
    "search evaluator": lambda junk: nasreplay.search("rea", junk),
    "search evaluations": lambda junk: nasreplay.search("rea", evaluations="x" if junk is None else junk),
    "replay": lambda junk: nasreplay.replay(junk, evaluations=2, replicas=2),
    "replay replicas": lambda junk: nasreplay.replay("rea", replicas=junk if junk is not None else "x"),
    "replay datasets": lambda junk: nasreplay.replay("rea", datasets=junk if junk is not None else 3),
    "tabulate evaluator": lambda junk: nasreplay.tabulate("a.h5", junk),
    "tabulate sample": lambda junk: nasreplay.tabulate("a.h5", sample=junk if junk is not None else "x"),
    "gap": lambda junk: nasreplay.gap(
        None if isinstance(junk, str) else junk
    ),  # a folder would be opened by torch
    "Space": lambda junk: Space("mine", junk),
    "space.at": TABLE.space.at,
    "space.codes": lambda junk: TABLE.space.codes([junk]),
    "space.architecture": TABLE.space.architecture,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("junk", JUNK, ids=short)
def test_arguments_of_a_wrong_kind_are_named_in_one_line(call, junk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NasReplayError) as refused:
        call(junk)
    told = str(refused.value)
    assert "\n" not in told
    assert len(told) < 600
    assert " --" not in told
    assert not told.startswith("--")


def test_options_are_named_as_arguments_and_commands_stay_commands():
    with pytest.raises(NasReplayError, match=r"^max_params, max_flops, max_latency and n need best DATASET$"):
        nasreplay.query(5, max_params=3)
    with pytest.raises(NasReplayError, match="query has no setting 'nothing'; known: best, count"):
        nasreplay.query(5, nothing=3)


def test_data_sets_are_named_in_the_singular_and_the_plural():
    assert [*nasreplay.query(5, dataset="c10").datasets] == [
        *nasreplay.query(5, datasets=["cifar10"]).datasets
    ]
    with pytest.raises(NasReplayError, match="which are one"):
        nasreplay.query(5, dataset="cifar10", datasets="cifar100")


def test_representations_are_a_line():
    result = search.run("rea", TABLE, search.Budget(evaluations=5), replicas=200, seed=0)
    compared = search.compare(["rea", "random"], TABLE, replicas=2, evaluations=5)
    asked = nasreplay.query(5, 6)
    accuracy = asked.datasets["cifar10"]
    things = (
        TABLE,
        TABLE.final,
        TABLE.space,
        TABLE.space.at(5),
        result,
        result.truth,
        compared,
        asked,
        accuracy,
    )
    for thing in (*things, *accuracy.accuracies, search.make("gdas")):
        assert len(repr(thing)) < 300
        assert "\n" not in repr(thing)
        assert "array(" not in repr(thing)
    assert str(result.best()) in repr(result)


def test_results_show_themselves(tmp_path):
    result = search.run("rea", TABLE, search.Budget(evaluations=20), replicas=4, seed=0)
    frame = result.to_frame()
    assert TABLE.query(result.best()).accuracy == frame.validation_accuracy.max()
    assert frame.architecture.tolist() == [str(one) for one in result.found]
    (figure,) = result.plot(tmp_path / "regret.png")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_comparisons_show_themselves(tmp_path):
    compared = search.compare(["rea", "random"], TABLE, replicas=3, evaluations=10)
    frame = compared.to_frame()
    assert frame.groupby("searcher").size().to_dict() == {"rea": 3, "random": 3}
    assert TABLE.query(compared.best()["cifar10"]).accuracy == frame.validation_accuracy.max()
    assert compared.plot(tmp_path / "regret.svg") == (tmp_path / "regret.svg",)


def test_a_result_out_of_a_file_knows_its_best_by_what_it_was_told(tmp_path):
    from nasreplay.runs.store import load_result, save_result

    result = search.run(
        "random", load_table("cifar10", trial="mean"), search.Budget(evaluations=20), replicas=4, seed=0
    )
    save_result(tmp_path / "r.h5", result)
    read = load_result(tmp_path / "r.h5")
    assert (read.best(), read.to_frame().architecture.tolist()) == (
        result.best(),
        result.to_frame().architecture.tolist(),
    )
    with pytest.raises(NasReplayError, match="needs the table"):
        read.plot(tmp_path / "regret.png")


def test_a_recorded_search_knows_its_best(tmp_path):
    found = nasreplay.search("rea", evaluations=5, seed=0, out=tmp_path / "run")
    assert (str(found.best()), found.best().index) == (found.found, found.official_index)
    assert found.result.to_frame().architecture.tolist() == [found.found]
