import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.data.pack.fingerprint import digest_of
from nasreplay.errors import BadArchitecture
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import EDGES, OPERATIONS

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
cells = st.tuples(*[st.integers(0, 4)] * 6)


def test_official_order_is_the_published_one():
    lines = "".join(f"{TOPOLOGY.at_flat(flat)}\n" for flat in TOPOLOGY.official_to_flat)
    known = "b24e2a8b6802be1326de041d81d564998ca8aa923055352f3a95c30d59ce7048"
    assert hashlib.sha256(lines.encode()).hexdigest() == known


def test_official_order_equals_the_recorded_lines(shared):
    lines = (shared / "golden" / "tss_arch_order.txt").read_text().split()
    np.testing.assert_array_equal(TOPOLOGY.flat_of(lines), TOPOLOGY.official_to_flat)


def test_official_order_inverts():
    every = np.arange(TOPOLOGY.size)
    np.testing.assert_array_equal(TOPOLOGY.flat_to_official[TOPOLOGY.official_to_flat], every)
    assert TOPOLOGY.architecture(BEST).official_index == 9930


@pytest.mark.parametrize(("consider_zero", "distinct"), [(True, 6466), (False, 12751), (None, 15625)])
def test_numbers_of_unique_strings(consider_zero, distinct):
    strings = {TOPOLOGY.unique_string(codes, consider_zero) for codes in TOPOLOGY.all_codes.tolist()}
    assert len(strings) == distinct


def test_unique_string_keeps_zero_terms_literally():
    assert TOPOLOGY.unique_string((0, 0, 0, 0, 0, 1)) == "#+#+#+#"  # node 2 is "#+#", its skip copies that
    assert TOPOLOGY.unique_string((3, 4, 0, 1, 2, 0)) == "#+((0)@nor_conv_3x3)@nor_conv_1x1+0"


def test_unique_class_groups_equal_strings():
    strings = np.array([TOPOLOGY.unique_string(codes) for codes in TOPOLOGY.all_codes.tolist()])
    assert len(np.unique(TOPOLOGY.unique_class)) == 6466
    np.testing.assert_array_equal(strings, strings[TOPOLOGY.unique_class])
    assert digest_of(TOPOLOGY.unique_class) == TOPOLOGY.class_digest


def test_canonical_is_stricter_and_never_splits_a_sum():
    assert TOPOLOGY.canonical((0, 0, 0, 0, 0, 1)) == "0"
    assert TOPOLOGY.canonical((3, 4, 0, 1, 2, 0)) == "nor_conv_1x1(nor_conv_3x3(x))+x"
    canonical = [TOPOLOGY.canonical(codes) for codes in TOPOLOGY.all_codes.tolist()]
    assert len(set(canonical)) < 6466
    connected = TOPOLOGY.is_connected(TOPOLOGY.all_codes)
    np.testing.assert_array_equal(np.array(canonical) == "0", ~connected)


def test_connected_cells():
    assert TOPOLOGY.is_connected(TOPOLOGY.all_codes).sum() == 15284


@given(cells)
def test_every_form_returns_the_same_cell(codes):
    assert TOPOLOGY.parse(TOPOLOGY.format(codes)) == codes
    assert TOPOLOGY.parse_key(TOPOLOGY.key(codes)) == codes
    assert TOPOLOGY.from_matrix(TOPOLOGY.to_matrix(codes)) == codes
    assert TOPOLOGY.from_lists(TOPOLOGY.to_lists(codes)) == codes


@given(st.text("|~+0123456789 noneskipcv_x", max_size=110).map(lambda text: text[:100]))
def test_format_is_the_only_text_of_a_cell(text):
    try:
        codes = TOPOLOGY.parse(text)
    except BadArchitecture:
        return
    assert TOPOLOGY.format(codes) == text


@pytest.mark.parametrize(
    ("text", "character", "reason"),
    [
        ("", 1, "expected '|', found 'the end'"),
        (BEST.replace("nor_conv_3x3~1|+", "nor_conv_5x5~1|+"), 34, "unknown operation 'nor_conv_5x5'"),
        (BEST.replace("~2", "~1"), 94, "expected '2', found '1'"),
        (BEST[:-1], 95, "expected '|', found 'the end'"),
        (BEST + "+", 96, "expected the end, found '+'"),
        (BEST.replace("|+|skip", "|+skip"), 50, "expected '|', found 'skip_connect'"),
        ("|none~0|+|none~0|none~1|", 25, "expected '+', found 'the end'"),
        (BEST.replace("skip_connect", "Skip_connect"), 51, "unknown operation 'Skip_connect'"),
    ],
)
def test_errors_point_at_the_character(text, character, reason):
    with pytest.raises(BadArchitecture) as caught:
        TOPOLOGY.parse(text)
    assert f"character {character}: {reason}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "12345", "1234567", "123450", "12345x", "12345٣"])
def test_bad_keys(key):
    with pytest.raises(BadArchitecture):
        TOPOLOGY.parse_key(key)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.zeros((4, 4), dtype=complex),
        np.eye(4),
        np.tril(np.full((4, 4), 5), -1),
        np.tril(np.full((4, 4), 0.5), -1),
        np.tril(np.full((4, 4), np.nan), -1),
        np.array("text"),
    ],
)
def test_bad_matrices(matrix):
    with pytest.raises(BadArchitecture):
        TOPOLOGY.from_matrix(matrix)


@pytest.mark.parametrize(
    "lists", [[], [1], None, [[("none",)]], [[("none", 0)]] * 3, [["ab"]], [[(1, 2, 3)]]]
)
def test_bad_lists(lists):
    with pytest.raises(BadArchitecture):
        TOPOLOGY.from_lists(lists)


def test_matrix_entries_are_target_then_source():
    matrix = TOPOLOGY.to_matrix((4, 2, 1, 2, 1, 1))
    assert matrix.dtype == np.float64
    assert [matrix[edge] for edge in EDGES] == [4, 2, 1, 2, 1, 1]
    assert not np.triu(matrix).any()
    assert TOPOLOGY.to_lists((4, 2, 1, 2, 1, 1))[1] == (("nor_conv_1x1", 0), ("skip_connect", 1))


def test_mutation_as_published():
    parent = np.tile(np.array([0, 1, 2, 3, 4, 0], np.int8), (90_000, 1))
    child = TOPOLOGY.mutate(parent, Stream(1, "test", range(len(parent))).at())
    changed = child != parent
    assert (changed.sum(axis=1) == 1).all()
    assert child.min() >= 0
    assert child.max() <= 4
    expected = np.array([1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9])
    np.testing.assert_allclose(changed.mean(axis=0), expected, atol=0.006)  # 4 standard errors
    for edge in range(6):  # the new operation is uniform over the other four
        counts = np.bincount(child[changed[:, edge], edge], minlength=5) / changed[:, edge].sum()
        assert counts[parent[0, edge]] == 0
        np.testing.assert_allclose(np.delete(counts, parent[0, edge]), 0.25, atol=0.02)


def test_mutation_does_not_touch_its_parent():
    parent = np.zeros((3, 6), np.int8)
    TOPOLOGY.mutate(parent, Stream(0, "test", range(3)).at())
    assert not parent.any()


def test_operations_in_the_order_of_the_codes():
    assert OPERATIONS == ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
