"""The closed forms equal the numbers recorded from the networks of five releases."""

import pytest

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.spaces.costs.nasnet_cost import cost, operation_cost
from nasreplay.spaces.costs.network_plan import DIALECTS, Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from tests.support.nasnet_facts import facts

ROWS = facts("nasnet_costs")["rows"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_recorded_network(dialect):
    # P-DARTS's networks are those of DARTS with the ImageNet head of AutoDL-Projects; up to 10 classes those of the
    # sparse CNAS are DARTS's
    recorded = {"pdarts": "xautodl", "cnas": "darts", "sparse": "darts"}.get(dialect, dialect)
    rows = [row[1:] for row in ROWS if row[0] == recorded]
    assert len(rows) >= 20
    for name, channels, cells, classes, stem, auxiliary, parameters, multiply_adds in rows:
        if dialect == "sparse" and classes > 10:
            continue
        plan = Plan(channels, cells, classes, stem, auxiliary, dialect)
        counted = cost(entry(name).genotype, plan, 224 if stem == "imagenet" else 32)
        assert counted.parameters == parameters, (name, plan)
        assert multiply_adds in (None, counted.multiply_adds), (name, plan)


def test_known_exceptions_stay_visible():
    both = [cost(entry("DARTS_V2").genotype, Plan(dialect=name)).parameters for name in ("darts", "snas")]
    assert both == [3_349_342, 3_351_502]
    assert cost(entry("SNAS_mild").genotype, Plan(dialect="snas")).parameters == 2_663_542  # published: 2.9 M


def test_gates_are_never_without_a_hidden_channel():
    assert operation_cost("cweight_com", 8, 1, 8).parameters == 8 + 1 + 8 + 8


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (UnknownName, {"dialect": "pnas"}),
        (UnknownName, {"stem": "mnist"}),
        (BadSetting, {"cells": 2}),
        (BadSetting, {"channels": 1}),
        (BadSetting, {"classes": 1}),
    ],
)
def test_plans_that_cannot_be(error, settings):
    with pytest.raises(error):
        Plan(**settings)
