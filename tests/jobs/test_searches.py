"""Searches, tabulations and gaps as Python calls: what the commands do, without a command line."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

import nasreplay
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.jobs.searches import search
from nasreplay.jobs.searches.gaps import GapSettings, gap
from nasreplay.jobs.searches.table_search import TableFound
from nasreplay.jobs.tabulation import tabulate
from nasreplay.live.trained import trained
from nasreplay.runs.record import result_of
from nasreplay.spaces import TOPOLOGY

LIVE = {"dataset": "digits", "epochs": 1, "channels": 4, "cells": 1, "seed": 3, "threads": 1}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A finished run on shared weights, and what it found."""
    folder = tmp_path_factory.mktemp("live") / "run"
    told = []
    found = search("gdas", "supernet", **LIVE, out=folder, tell=told.append)
    return folder, found, told


def test_the_public_page_lists_what_there_is():
    page = dir(nasreplay)
    assert {"query", "search", "replay", "retrain", "tabulate", "gap", "load_table"} <= set(page)
    for name in page:
        assert getattr(nasreplay, name), name
    assert callable(nasreplay.search)
    assert nasreplay.search.make("rea").name == "rea"


def test_a_search_on_the_table_is_one_call(tmp_path):
    found = nasreplay.search("rea", evaluations=25, seed=2, out=tmp_path / "run")  # pyright: ignore
    assert found.evaluations == 25
    assert (
        result_of(tmp_path / "run").found_flat[0] == TOPOLOGY.flat(np.array([TOPOLOGY.parse(found.found)]))[0]
    )
    again = search("rea", evaluations=25, seed=2, out=str(tmp_path / "again"))
    assert isinstance(again, TableFound)
    assert (again.found, again.validation_accuracy) == (found.found, found.validation_accuracy)
    assert json.loads(json.dumps(found.plain()))["rank"] == found.rank


def test_a_searcher_is_a_name_or_an_object(tmp_path):
    told = [
        search(one, evaluations=30, seed=2, out=tmp_path / name, sets=sets)
        for name, one, sets in (
            ("named", "rea", ("rea.population=4",)),
            ("made", nasreplay.search.make("rea", {"population": 4}), ()),
        )
    ]
    assert told[0].found == told[1].found
    assert result_of(tmp_path / "made").settings["searcher"]["population"] == 4


def test_every_option_is_in_the_signature():
    known = set(inspect.signature(search).parameters)
    assert {"searcher", "evaluator", "evaluations", "trial", "channels", "bn", "device", "out"} <= known
    assert "channels: Channels of the first stage" in (search.__doc__ or "")


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"evalutions": 3}, UnknownName, "no setting 'evalutions': did you mean evaluations"),
        ({"channels": 3}, UnknownName, "a search with evaluator 'table' has no setting 'channels'"),
        ({"resume": True}, BadSetting, "--resume needs --out"),
        ({"trial": "some"}, BadSetting, "drawn, mean, or the seed"),
    ],
)
def test_wrong_settings_are_named(values, error, words):
    with pytest.raises(error, match=words):
        search("rea", **values)


@pytest.mark.slow
def test_a_live_search_tells_and_records_its_settings(live):
    folder, found, told = live
    assert told[0].startswith("gdas, seed 3: digits (718, 719 images), topology space")
    assert told[-1].startswith("epoch 1/1")
    options = json.loads((folder / "run.json").read_text())["options"]
    assert (options["evaluator"], options["searcher"], options["channels"]) == ("supernet", "gdas", 4)
    assert found.found == TOPOLOGY.format(
        result_of(folder).from_flat(result_of(folder).found_flat[:1])[0].tolist()
    )


@pytest.mark.slow
def test_the_settings_of_a_run_open_its_evaluator_again(live):
    folder, _, _ = live
    evaluator, settings = trained(folder)
    assert (settings.dataset, settings.network.settings()["channels"], settings.threads) == ("digits", 4, 1)
    assert evaluator.network == settings.network


@pytest.mark.slow
def test_what_a_run_learned_is_tabulated_and_compared(live, tmp_path):
    folder, _, _ = live
    cells = [TOPOLOGY.format(TOPOLOGY.from_flat([index])[0].tolist()) for index in (3, 777, 15000)]
    pack = tabulate(tmp_path / "table.h5", run=folder, archs=cells)
    accuracy, _, _ = pack.accuracy("digits", "valid")
    assert np.isfinite(accuracy).sum() == 3
    full = tabulate(tmp_path / "sample.h5", run=folder, sample=40, seed=1)
    assert full.path.exists()
    with pytest.raises(BadSetting, match="exclude each other"):
        tabulate(tmp_path / "no.h5", run=folder, archs=cells, sample=3)
    with pytest.raises(BadSetting, match="a fresh supernet has learned nothing"):
        tabulate(tmp_path / "no.h5", "supernet", dataset="digits")


def test_a_gap_needs_a_sample():
    with pytest.raises(BadSetting, match="tau needs at least 2"):
        gap("run", sample=1)
    assert set(inspect.signature(gap).parameters) == {"run", "show", *vars(GapSettings())}


OWN_KIND = """
from nasreplay.evaluate.kinds import EvaluatorSettings
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing.made_up import Formula

class Mine(Formula):
    dataset = "mine"

class Settings(EvaluatorSettings, kind="formula"):
    def open(self, asker=None):
        return Mine(TOPOLOGY)
"""
USE_IT = """
from nasreplay import evaluate
from nasreplay.errors import BadSetting
from nasreplay.jobs.searches import search
from nasreplay.jobs.tabulation import tabulate

evaluate.__path__.append("more")
print(tabulate("formula.h5", "formula", sample=20, seed=1).title)
try:
    search("rea", "formula")
except BadSetting as refused:
    print(refused)
found = search("rea", "formula", evaluations=12, seed=1)
print(found.dataset, found.evaluations)
"""


@pytest.mark.slow
def test_a_new_file_is_a_new_kind_that_is_tabulated_and_searched(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "formula.py").write_text(OWN_KIND)
    done = subprocess.run(
        [sys.executable, "-c", USE_IT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    title, refused, found = done.stdout.splitlines()
    assert "20 of 15,625 architectures" in title
    assert refused.endswith("has no published budget: give --evaluations N")
    assert found == "mine 12"
