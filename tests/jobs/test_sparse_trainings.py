"""Trainings of the sparse CNAS's networks: compact and dense, any number of cells, stems; and those begun before."""

import json

import pytest

from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.jobs.searches import search
from nasreplay.jobs.training import retrain
from nasreplay.jobs.training.training_target import read_target
from nasreplay.spaces import space_named
from nasreplay.spaces.genotypes.notation import read_genotype, to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry

NAME = "DARTS_MORE_NONE_V1"
TINY = {
    "dataset": "digits",
    "recipe": "2",
    "fraction": 0.05,
    "batch": 32,
    "channels": 4,
    "threads": 1,
    "seed": 1,
}


def test_compact_and_dense_are_two_trainings(tmp_path):
    told = []
    for number, compact in enumerate((False, True)):
        result = retrain(NAME, compact=compact, layers=3, epochs=1, out=str(tmp_path / str(number)), **TINY)
        told.append(result)
        assert result.header["network"]["cells"] == 3
        assert result.header["network"]["dialect"] == "sparse"
    dense, compact = told
    assert compact.facts.parameters < dense.facts.parameters
    assert compact.header["architecture"] == to_darts(entry(NAME).genotype.compact())
    assert compact.training.target.name == f"{NAME}-compact"


@pytest.mark.parametrize(
    ("settings", "stem"),
    [({}, "cifar"), ({"stem_level": 1}, "level-1"), ({"stem_level": 2, "shuffle_groups": 2}, "level-2")],
)
def test_the_stem_and_the_groups_are_options(tmp_path, settings, stem):
    result = retrain(NAME, cells=1, epochs=1, out=str(tmp_path / "run"), **settings, **TINY)
    network = result.header["network"]
    assert (network["stem"], network["shuffle_groups"]) == (stem, settings.get("shuffle_groups", 1))


def test_a_training_goes_on_with_the_layers_that_it_began_with(tmp_path):
    folder = tmp_path / "run"
    retrain(NAME, dialect="darts", cells=1, epochs=1, out=str(folder), **TINY)
    header = json.loads((folder / "run.json").read_text())
    del header["network"]["shuffle_groups"]  # as written when these genotypes had DARTS's networks
    (folder / "run.json").write_text(json.dumps(header))
    result = retrain(NAME, cells=1, out=str(folder), resume=True, **TINY)
    assert result.header["network"]["dialect"] == "darts"
    assert [epoch.epoch for epoch in result.epochs] == [1, 2]


@pytest.mark.parametrize(
    ("target", "settings", "error", "told"),
    [
        (NAME, {"layers": 4, "cells": 1}, BadSetting, "--layers 4 and --cells 1 both say how many cells"),
        (NAME, {"layers": 2}, BadSetting, "layers is 2: it must be at least 3"),
        (NAME, {"stem_level": 3}, BadSetting, "stem level 3: there are 0, 1 and 2"),
        (333111, {"layers": 4}, BadSetting, "--layers does not apply to"),
        (333111, {"compact": True}, BadSetting, "--compact does not apply to"),
        (
            "Genotype(normal=[('none', 0), ('none', 1)], normal_concat=[2], reduce=None)",
            {"compact": True},
            BadArchitecture,
            "normal cell: only none leads to the nodes of its output, 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(target, settings, error, told):
    with pytest.raises(error, match=told):
        retrain(read_target(target), **{**TINY, **settings})


# --- searches --------------------------------------------------------------------------------------

SEARCH = {
    "space": "nasnet-sparse",
    "dataset": "digits",
    "fraction": 0.02,
    "batch": 8,
    "channels": 2,
    "threads": 1,
}


@pytest.mark.slow
def test_a_search_of_three_nodes_and_what_is_done_with_it(tmp_path):
    run = tmp_path / "run"
    about = {"nodes": 3, "layers": 3, "derive": "none", "auxiliary": 0.4, "cutout": 4, "seed": 5}
    found = search("darts-v1", "supernet", epochs=1, out=run, **about, **SEARCH)
    header = json.loads((run / "run.json").read_text())
    assert header["evaluator"]["space"] == "nasnet-sparse-3"
    assert header["evaluator"]["recipe"]["cutout"] == 4
    best = found.best()
    assert best is not None
    assert best.space is space_named("nasnet-sparse-3")
    assert [len(cell.nodes) for cell in read_genotype(found.found).cells().values()] == [3, 3]
    for place in (run, run / "checkpoint" / "seed-5-basic.pth"):
        target = read_target(str(place))
        assert (str(target), target.dialect) == (found.found, "sparse")
    result = retrain(str(run), layers=3, epochs=1, out=str(tmp_path / "net"), **TINY)
    assert result.header["architecture"] == to_darts(read_genotype(found.found))
    other = {**SEARCH, "nodes": 3, "layers": 3, "auxiliary": 0.4, "weights": str(run)}
    asked = search("random", "supernet", evaluations=2, seed=1, out=tmp_path / "random", **other)
    assert asked.evaluations == 2
