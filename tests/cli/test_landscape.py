"""Landscapes: the accuracies of a run's shared weights after several epochs in one table."""

import json

import numpy as np
import pytest

from nasreplay.data.pack import Pack
from nasreplay.jobs import searches, tabulation

pytestmark = pytest.mark.slow

RUN = {"dataset": "digits", "channels": 2, "cells": 1, "fraction": 0.1, "threads": 1, "epochs": 4, "seed": 3}
SOME = ("--sample", "9")


@pytest.fixture(scope="module")
def kept(home, tmp_path_factory):
    """A short search with kept epochs."""
    folder = tmp_path_factory.mktemp("landscape") / "gdas"
    searches.search("gdas", "supernet", **RUN, keep_every=2, out=folder)
    return str(folder)


def test_a_landscape_is_the_tables_of_its_epochs(kept, run, tmp_path):
    told = run("tabulate", "--run", kept, "--at", "4,2", *SOME, "--out", "both.h5").out
    assert "after 2 epochs" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.h5"]
    both, path = Pack.open(tmp_path / "both.h5"), "digits/shared/x-valid/accuracy"
    for epoch in (2, 4):
        one = tabulation.tabulate(tmp_path / f"{epoch}.h5", run=kept, at=str(epoch), sample=9)
        assert np.array_equal(both.at_epoch(path, epoch), one.column(path), equal_nan=True)
    assert np.isnan(both.at_epoch(path, 3)).all()
    (meaning,) = {both.meaning("digits", "x-valid").sentence}
    for words in (
        "shared weights of gdas with seed 3",
        "512 fixed validation images of digits",
        "running statistics",
    ):
        assert words in meaning
    before = (tmp_path / "both.h5").stat().st_mtime_ns
    run("tabulate", "--run", kept, "--at", "2,4", *SOME, "--out", "both.h5")  # finished: not asked again
    assert (tmp_path / "both.h5").stat().st_mtime_ns == before
    names = ("digits", "digits@shared:2", "--table", "both.h5")
    found = json.loads(run("correlate", *names, "--by-epoch", "--figure", "tau.svg", "--json").out)
    assert [*found] == ["2", "4"]
    assert found["2"]["kendall_tau"] == pytest.approx(1)
    assert (tmp_path / "tau.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--run", "{kept}", "--at", "3"), "epoch 3 was not kept; kept: 2, 4"),
        (("--run", "{kept}", "--at", "2,x"), "must be epochs, counted from 1"),
        (("--at", "2"), "--at is of a run: give --run DIR"),
        (("--run", "{kept}", "--at", "2,4", "--shard", "1/2"), "--shard divides the table of one epoch"),
    ],
)
def test_bad_input_is_one_line(kept, refused, arguments, words):
    told = refused("tabulate", *(each.format(kept=kept) for each in arguments), "--out", "it.h5")
    assert words in told
