import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture
from nasreplay.seeds import Stream
from nasreplay.spaces import SIZE, TOPOLOGY
from nasreplay.spaces.size import CELL

points = st.tuples(*[st.integers(0, 7)] * 5)


def test_official_order_is_the_published_one():
    lines = "".join(f"{SIZE.format(codes)}\n" for codes in SIZE.all_codes.tolist())
    known = "5f44ac682201a4932904284a4b8e05a2e6f884481c009e1aa655ae7bd378b1df"
    assert hashlib.sha256(lines.encode()).hexdigest() == known
    np.testing.assert_array_equal(SIZE.official_to_flat, np.arange(32768))


@pytest.mark.parametrize(
    ("index", "text"),
    [(0, "8:8:8:8:8"), (11, "8:8:8:16:32"), (284, "8:8:40:32:40"), (32767, "64:64:64:64:64")],
)
def test_known_indices(index, text):
    assert SIZE.architecture(text).official_index == index
    assert str(SIZE.at_flat(index)) == text


@given(points)
def test_text_and_index_return_the_same_point(codes):
    assert SIZE.parse(SIZE.format(codes)) == codes
    assert SIZE.at_flat(SIZE.architecture(SIZE.format(codes)).flat).codes == codes


@pytest.mark.parametrize(
    ("text", "character", "reason"),
    [
        ("", 1, "width '' is not one of 8, 16"),
        ("8:16:24:32", 11, "4 widths"),
        ("8:16:24:32:40:48", 15, "6 widths"),
        ("8:16:25:32:40", 6, "width '25'"),
        ("8:16:24:32:", 12, "width ''"),
        ("08:16:24:32:40", 1, "width '08'"),
        ("8: 16:24:32:40", 3, "width ' 16'"),
        ("8:16:24:32:٤٠", 12, "width '٤٠'"),
    ],
)
def test_errors_point_at_the_character(text, character, reason):
    with pytest.raises(BadArchitecture) as caught:
        SIZE.parse(text)
    assert f"character {character}: {reason}" in str(caught.value)


def test_mutation_as_published():
    parent = np.full((80_000, 5), 3, np.int8)
    child = SIZE.mutate(parent, Stream(2, "test", range(len(parent))).at())
    changed = child != parent
    assert changed.sum(axis=1).max() == 1
    np.testing.assert_allclose(changed.any(axis=1).mean(), 7 / 8, atol=0.005)  # one of eight is a no-op
    np.testing.assert_allclose(changed.mean(axis=0), 7 / 40, atol=0.006)
    for position in range(5):
        counts = np.bincount(child[changed[:, position], position], minlength=8)
        np.testing.assert_allclose(np.delete(counts, 3) / counts.sum(), 1 / 7, atol=0.02)


def test_the_fixed_cell_is_the_topology_cell_9930():
    assert TOPOLOGY.architecture(CELL).official_index == 9930


def test_widths():
    np.testing.assert_array_equal(SIZE.widths(np.array([[0, 1, 2, 3, 7]])), [[8, 16, 24, 32, 64]])
