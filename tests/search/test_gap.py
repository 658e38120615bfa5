"""The total gap: a live run's searcher on the table, with the run's own settings where a table has use for them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nasreplay.cli.views.gap_text import total_rows
from nasreplay.evaluate.table.load import load_table
from nasreplay.jobs.searches.gaps import EVALUATIONS, on_table, total_gap
from nasreplay.jobs.searches.published_searches import published_searches
from nasreplay.search import SEARCHERS, make
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import synthetic_table


def recorded(name, **changes):
    """A live run's searcher as its header has it."""
    searcher = make(name, changes, preset="live")
    return json.loads(json.dumps({"name": name, "source": searcher.source, **searcher.settings()}))


@pytest.mark.parametrize("name", SEARCHERS)
def test_without_changes_it_is_the_tables_searcher(name):
    searcher, own = on_table(recorded(name))
    assert own == {}
    assert searcher.settings() == make(name).settings()


@pytest.mark.parametrize(
    ("name", "changes", "kept"),
    [
        ("rea", {"population": 4, "tournament": 2}, {"population": 4, "tournament": 2}),
        ("gdas", {"tau_max": 5.0, "epochs": 2, "learning_rate": 0.1}, {"tau_max": 5.0}),
        ("darts-v1", {"betas": (0.9, 0.99)}, {"betas": [0.9, 0.99]}),
        ("rsps", {"epochs": 1, "candidates": 4}, {"candidates": 4}),
        ("tas", {"warmup": 0.3}, {}),
    ],
)
def test_own_settings_are_kept_where_a_table_has_use_for_them(name, changes, kept):
    searcher, own = on_table(recorded(name, **changes))
    assert own == kept
    for key, value in searcher.settings().items():
        assert value == (changes[key] if key in kept else make(name).settings()[key])


def test_the_output_says_the_settings_and_the_cut():
    table, found = synthetic_table(TOPOLOGY), np.zeros((1, 6), dtype=np.int8)
    gap = total_gap({"searcher": recorded("rsps", candidates=4), "seed": 3}, found, table)
    assert gap.cut
    assert gap.own_settings == {"candidates": 4}
    told = dict(total_rows(gap))["with settings"]
    assert "the run's candidates 4; the table's epochs 250, draw network; cut at 150 looks" in told
    gap = total_gap({"searcher": recorded("rea", population=4), "seed": 3}, found, table)
    assert not gap.cut
    assert f"{EVALUATIONS} looks at the table" in dict(total_rows(gap))
    plain = json.loads(json.dumps(gap.plain()))
    assert plain["gap"] == plain["table"]["table_valid"] - plain["live"]["table_valid"]


def test_other_settings_end_elsewhere():
    table, found = synthetic_table(TOPOLOGY), np.zeros((1, 6), dtype=np.int8)
    one, other = (
        total_gap({"searcher": recorded("rea", **changes), "seed": 3}, found, table)
        for changes in ({}, {"population": 140})
    )
    assert one.on_table != other.on_table


def test_published_searches_of_the_data_set_stand_beside_it():
    table, found = synthetic_table(TOPOLOGY), np.zeros((1, 6), dtype=np.int8)
    gap = total_gap({"searcher": recorded("rea"), "seed": 3}, found, table)
    assert gap.published == ()
    rows = published_searches("topology", "cifar10", "gdas")
    told = [text for label, text in total_rows(replace(gap, published=rows)) if label == "published"]
    assert told == [
        " 89.89 ± 0.08 % valid,  93.61 ± 0.09 % test  [NAS-Bench-201 (2020), table 5, first batch-norm setting; "
        "reprinted]",
        " 89.68 ± 0.72 % valid,  93.23 ± 0.58 % test  [NATS-Bench (2021), recomputed from the cells that it names]",
    ]
    assert replace(gap, published=rows).plain()["published"][0]["test"] == (93.61, 0.09)
    assert published_searches("size", "cifar10", "gdas") == ()


CELLS = {  # the official indices that NATS-Bench's page and its rows name
    ("gdas", "cifar10"): (3928, 138, 6168),
    ("darts-v1", "cifar10"): (1835, 1835, 2299),
    ("darts-v2", "cifar10"): (1835, 2299, 2299),
    ("darts-v1", "cifar100"): (3521, 3521, 12830),
    ("darts-v2", "cifar100"): (12669, 561, 2057),
    ("gdas", "cifar100"): (12218, 3203, 12940),
    ("darts-v1", "ImageNet16-120"): (12686, 12686, 4771),
    ("gdas", "ImageNet16-120"): (6960, 6960, 6960),
    ("enas", "cifar10"): (1462, 1462, 1462),
    ("enas", "ImageNet16-120"): (1462, 1462, 1462),
}


@pytest.mark.parametrize(("searcher", "dataset"), CELLS)
def test_recomputed_rows_are_those_of_the_embedded_table(searcher, dataset):
    (row,) = (one for one in published_searches("topology", dataset, searcher) if "recomputed" in one.source)
    known = load_table(dataset, trial="mean").report(TOPOLOGY.codes(CELLS[searcher, dataset])).valid
    assert row.valid == pytest.approx((known.mean(), known.std()), abs=0.006)
