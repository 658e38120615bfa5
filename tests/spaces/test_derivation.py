"""Genotypes derived from the weights of searches equal those that the source systems derive."""

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture, UnknownName
from nasreplay.spaces.genotypes.derivation import RULES, derive, derive_cell, nodes_of, softmax
from nasreplay.spaces.genotypes.notation import from_mapping
from nasreplay.spaces.nasnet import DARTS, NASNET_SPACES
from tests.support.nasnet_facts import facts

CASES = facts("genotypes")["derivations"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']}-{len(case['logits'])}")
def test_recorded_derivations(case):
    weights = softmax(np.array(case["logits"]))
    np.testing.assert_allclose(weights.sum(1), 1)
    assert derive(weights, case["operations"], case["rule"]) == from_mapping(case["genotype"])


def test_every_rule_is_recorded():
    assert {case["rule"] for case in CASES} == set(RULES)


def test_fourteen_rows_are_a_normal_cell():
    case = next(case for case in CASES if case["rule"] == "top2" and len(case["logits"]) == 28)
    half = derive(softmax(np.array(case["logits"][:14])), case["operations"])
    assert half.normal == from_mapping(case["genotype"]).normal
    assert half.reduce is None


def test_ties_keep_the_lower_state_and_the_earlier_operation():
    level = np.full((14, 8), 1 / 8)
    assert derive_cell(level, DARTS).nodes == ((("max_pool_3x3", 0), ("max_pool_3x3", 1)),) * 4
    assert derive_cell(level, DARTS, "none").nodes == ((("none", 0), ("none", 1)),) * 4
    assert derive_cell(level, DARTS, "pairs").nodes == ((("max_pool_3x3", 0), ("avg_pool_3x3", 0)),) * 4
    assert [len(node) for node in derive_cell(level, DARTS, "all-edge").nodes] == [2, 3, 4, 5]


def test_logits_that_float32_cannot_tell_apart_are_equal():
    level, near = np.zeros((14, 8)), np.zeros((14, 8))
    near[:, DARTS.index("sep_conv_3x3")] = 1e-9
    assert derive_cell(softmax(near), DARTS) != derive_cell(softmax(level), DARTS)
    assert derive_cell(softmax(near, np.float32), DARTS) == derive_cell(softmax(level), DARTS)
    space = NASNET_SPACES["nasnet"]
    one, other = space.derive(np.stack([np.tile(near, (2, 1)), np.tile(level, (2, 1))]))
    assert one.tolist() == other.tolist()


def test_edges_of_a_cell():
    assert [nodes_of(rows) for rows in (0, 2, 5, 9, 14, 20, 28, 3)] == [0, 1, 2, 3, 4, 5, 0, 0]


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4, -np.inf]])), [[0.5, 0.5, 0]])


@pytest.mark.parametrize("shape", [(13, 8), (14, 7), (0, 8), (28, 9)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(BadArchitecture, match="belong to no cell of 8 operations"):
        derive(np.ones(shape), DARTS)


def test_unknown_rules_and_failed_searches_are_refused():
    with pytest.raises(UnknownName, match="known: top2, none, all-edge, pairs"):
        derive(np.ones((14, 8)), DARTS, "best")
    with pytest.raises(BadArchitecture, match="NaN"):
        derive(np.full((14, 8), np.nan), DARTS)


@pytest.mark.parametrize("value", [1.0, 0.2, -0.125, np.inf, 0.0])
def test_rows_that_are_no_probabilities_are_refused(value):
    weights = np.full((14, 8), 1 / 8)
    assert derive(weights.astype(np.float16), DARTS).normal == derive(weights, DARTS).normal
    weights[3, 2] = value
    for rule in ("top2", "none", "all-edge", "pairs"):
        with pytest.raises(BadArchitecture, match="rows that sum to one"):
            derive(weights, DARTS, rule)
        with pytest.raises(BadArchitecture, match="rows that sum to one"):
            derive_cell(weights, DARTS, rule)


def test_what_is_no_matrix_of_numbers_is_refused():
    for weights in ([], [1.0], [["x"]], [[1.0], [1.0, 2.0]], np.ones((2, 2, 2)), None):
        with pytest.raises(BadArchitecture):
            derive(weights, DARTS)  # pyright: ignore[reportArgumentType]
