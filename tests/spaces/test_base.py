"""What every space gets from the base class, on both benchmarks and on a space with unequal choices."""

import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture, UnknownName
from nasreplay.seeds import Stream
from nasreplay.spaces import SIZE, TOPOLOGY, Architecture, Space, space_named


class Unequal(Space):
    """Three decisions with 2, 5 and 3 options: 30 architectures, text `a4c`."""

    name = "unequal"
    options = (("a", "b"), tuple("01234"), tuple("xyz"))

    def parse(self, text):
        try:
            return tuple(names.index(letter) for names, letter in zip(self.options, text, strict=True))
        except ValueError:
            raise BadArchitecture(f"{text!r}") from None

    def format(self, codes):
        return "".join(names[code] for names, code in zip(self.options, codes, strict=True))

    def mutate(self, codes, draws):
        return self.sample(draws)

    def parameters(self, codes, classes):
        return np.zeros(len(codes), np.int64)

    def flops(self, codes, classes, resolution):
        return np.zeros(len(codes), np.int64)


UNEQUAL = Unequal()
SPACES = pytest.mark.parametrize("space", [TOPOLOGY, SIZE, UNEQUAL], ids=lambda space: space.name)


@SPACES
def test_codes_are_the_product_with_the_last_decision_fastest(space):
    expected = np.array(list(product(*(range(len(names)) for names in space.options))))
    np.testing.assert_array_equal(space.all_codes, expected)
    assert space.all_codes.dtype == np.int8
    np.testing.assert_array_equal(space.flat(space.all_codes), np.arange(space.size))


@SPACES
def test_neighbors_are_exactly_the_one_edit_set(space):
    some = space.from_flat(np.linspace(0, space.size - 1, 20).astype(int))
    for codes, around in zip(some, space.neighbors(some), strict=True):
        wanted = {
            (*codes[:d], option, *codes[d + 1 :])
            for d, names in enumerate(space.options)
            for option in range(len(names))
            if option != codes[d]
        }
        assert {tuple(row) for row in around.tolist()} == wanted
        assert len(around) == len(wanted) == sum(space.choices - 1)


@SPACES
def test_embed_and_derive_are_inverse(space):
    codes = space.from_flat(np.arange(0, space.size, max(space.size // 500, 1)))
    weights = space.embed(codes)
    assert weights.shape == (len(codes), space.edges, space.mask.shape[1])
    np.testing.assert_array_equal(weights.sum(axis=-1), 1.0)
    np.testing.assert_array_equal(space.derive(weights), codes)
    assert not weights[:, ~space.mask].any()


def test_mask_and_derive_with_unequal_choices():
    np.testing.assert_array_equal(UNEQUAL.mask, [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    weights = np.arange(15.0).reshape(1, 3, 5)  # the largest weight of each row stands in the last column
    np.testing.assert_array_equal(UNEQUAL.derive(weights), [[1, 4, 2]])
    np.testing.assert_array_equal(UNEQUAL.derive(np.zeros((1, 3, 5))), [[0, 0, 0]])  # ties: the first


@SPACES
def test_sample_is_uniform_and_inside(space):
    codes = space.sample(Stream(3, "sample", range(20_000)).at())
    space.check_codes(codes)
    for column, names in zip(codes.T, space.options, strict=True):
        share = np.bincount(column, minlength=len(names)) / len(column)
        np.testing.assert_allclose(share, 1 / len(names), atol=0.015)


@SPACES
def test_a_replica_draws_the_same_alone_and_in_company(space):
    together, parents = Stream(4, "search", range(11)), np.tile(space.from_flat([5]), (11, 1))
    sampled, mutated = space.sample(together.at()), space.mutate(parents, together.at())
    for replica in (0, 3, 10):
        alone = Stream(4, "search", [replica])
        np.testing.assert_array_equal(space.sample(alone.at()), sampled[replica : replica + 1])
        np.testing.assert_array_equal(space.mutate(parents[:1], alone.at()), mutated[replica : replica + 1])
    part = Stream(4, "search", range(11))
    rows = np.array([7, 2])
    np.testing.assert_array_equal(space.sample(part.at(rows)), sampled[rows])


@SPACES
def test_texts_and_index_of(space):
    flats = np.array([0, space.size // 2, space.size - 1, 0])
    assert space.flat_of([str(space.at_flat(flat)) for flat in flats]).tolist() == flats.tolist()
    assert len(space.flat_by_text) == space.size
    assert list(space.flat_by_text.values()) == list(range(space.size))
    with pytest.raises(BadArchitecture):
        space.flat_of([str(space.at_flat(0)), "nothing"])


@given(st.integers(0, 29))
def test_architecture_is_a_value(flat):
    one, same = UNEQUAL.at_flat(flat), Architecture(UNEQUAL, UNEQUAL.at_flat(flat).codes)
    assert one == same
    assert hash(one) == hash(same)
    assert UNEQUAL.architecture(str(one)) == one
    assert one.index == one.official_index == flat


@pytest.mark.parametrize(
    "codes",
    [
        np.array([[0, 0, 0, 0, 0, 5]]),
        np.array([[0, 0, 0, 0, 0, -1]], np.int8),
        np.zeros((2, 5), int),
        np.zeros(6, int),
        np.zeros((2, 6)),
        np.full((1, 6), 300),
    ],
)
def test_check_codes_refuses(codes):
    with pytest.raises(BadArchitecture):
        TOPOLOGY.check_codes(codes)


def test_check_codes_with_unequal_choices():
    good = np.array([[1, 4, 2]])
    np.testing.assert_array_equal(UNEQUAL.check_codes(good), good)
    with pytest.raises(BadArchitecture, match="code 2 in row 1, decision 0"):
        UNEQUAL.check_codes(np.array([[1, 4, 2], [2, 0, 0]]))
    assert TOPOLOGY.check_codes(np.empty((0, 6), np.int8)).shape == (0, 6)


def test_spaces_by_name():
    assert space_named("tss") is space_named("topology") is TOPOLOGY
    assert space_named("sss") is space_named("size") is SIZE
    assert pickle.loads(pickle.dumps(TOPOLOGY)) is TOPOLOGY
    with pytest.raises(UnknownName, match=r"known: .*topology, tss, size, sss"):
        space_named("darts")
