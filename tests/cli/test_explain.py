"""`nasreplay explain` of finished digits runs: parts that sum, kept rungs, and what is refused."""

import json

import pytest

import nasreplay
from tests.support.command import call

pytestmark = pytest.mark.slow

TINY = ("--dataset", "digits", "--channels", "2", "--cells", "1", "--threads", "1")
RUN = ("--evaluator", "supernet", *TINY, "--fraction", "0.1", "--seed", "9")


@pytest.fixture(scope="module")
def runs(home, tmp_path_factory):
    """A run of two epochs that has kept both, a random search on its weights, and a table of six cells."""
    folder = tmp_path_factory.mktemp("runs")
    call("search", "gdas", *RUN, "--epochs", "2", "--keep-every", "1", "--out", "gdas", cwd=folder)
    call("search", "random", *RUN, "--weights", "gdas", "--evaluations", "3", "--out", "random", cwd=folder)
    asked = ("--evaluator", "scratch", *TINY, "--fraction", "0.1", "--epochs", "1", "--sample", "6")
    call("tabulate", *asked, "--out", "cells.h5", cwd=folder)
    return folder


@pytest.fixture
def asked(runs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    table = ("--table", str(runs / "cells.h5"), "--sample", "4", "--replicas", "3", "--threads", "1")
    return lambda run, *more: ("explain", str(runs / run), *table, *more)


def test_a_run_is_explained_twice_alike(asked, run, tmp_path):
    told = run(*asked("gdas", "--out", "kept", "--figure", "why.svg", "--json"))
    found = json.loads(told.out)
    assert sum(part["points"] for part in found["parts"]) == pytest.approx(found["regret"], abs=1e-9)
    assert [part["name"] for part in found["parts"]] == [
        "searcher and schedule",
        "proxy + sample",
        "rank error",
        "unmeasured + relaxation and loss",
        "estimator",
        "learning",
        "discretization",
    ]
    assert (tmp_path / "why.svg").read_text().startswith("<?xml")
    assert "estimator: 1 search of" in told.err
    (tmp_path / "kept" / "estimator.json").unlink()
    again = run(*asked("gdas", "--out", "kept", "--json"))
    assert json.loads(again.out) == found
    assert "rank error" not in again.err  # only what was deleted is searched again
    shown = run(*asked("gdas", "--out", "kept")).out.splitlines()
    assert max(map(len, shown)) <= 80
    assert any(line.startswith("sum ") for line in shown)
    python = nasreplay.explain(
        found["run"], table=asked("")[3], sample=4, replicas=3, out=tmp_path / "own", threads=1
    )
    assert python.attribution.whole == found["regret"]
    assert [part.points for part in python.attribution.parts] == [part["points"] for part in found["parts"]]


def test_a_sampling_search_has_no_rungs_with_slopes(asked, run):
    found = json.loads(run(*asked("random", "--out", "kept", "--json")).out)
    assert [part["name"] for part in found["parts"]][-1] == (
        "unmeasured + relaxation and loss + estimator + learning + discretization"
    )
    assert sum(part["points"] for part in found["parts"]) == pytest.approx(found["regret"], abs=1e-9)


def test_kept_epochs_and_other_questions(asked, run, refused, runs):
    run(*asked("gdas", "--at", "1", "--out", "kept"))
    assert "holds another explanation: choose another --out" in refused(*asked("gdas", "--out", "kept"))
    assert "epoch 7 was not kept; kept: 1, 2" in refused(*asked("gdas", "--at", "7"))


def test_what_is_refused(asked, run, refused, runs):
    told = refused("explain", str(runs / "gdas"))
    assert (
        "no table of the topology space knows digits: make one with `nasreplay tabulate`, then --table"
        in told
    )
    run("search", "rea", "--evaluations", "3", "--out", "rea")
    assert "not a run with shared weights" in refused("explain", "rea")
    assert "holds no run (no run.json)" in refused("explain", "nowhere")
    assert "--sample 7: the table has measured 6 architectures" in refused(*asked("gdas", "--sample", "7"))
    assert "why.txt: " in refused(*asked("gdas", "--figure", "why.txt"))
    run("tabulate", "--evaluator", "table", "--dataset", "cifar10", "--sample", "3", "--out", "other.h5")
    assert "digits" in refused("explain", str(runs / "gdas"), "--table", "other.h5")
