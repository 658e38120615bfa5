"""The NASNet spaces: what codes mean, and that a space without indices says so."""

import pickle

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture, LacksCapability
from nasreplay.seeds import Stream
from nasreplay.spaces import NASNET, TOPOLOGY, Architecture, space_named
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.nasnet import NASNET_SPACES

SPACES = pytest.mark.parametrize("space", NASNET_SPACES.values(), ids=lambda space: space.name)
FRC = NASNET_SPACES["nasnet-gdas-frc"]


def some(space, count=20):
    return space.sample(Stream(0, "some", range(count)).at())


@SPACES
def test_text_codes_and_genotypes_are_one(space):
    codes = some(space)
    space.check_codes(codes)
    for row in codes:
        assert space.parse(space.format(row)) == space.encode(space.genotype(row)) == tuple(row.tolist())
    assert pickle.loads(pickle.dumps(space)) is space is space_named(space.name)


def test_the_cell_of_darts():
    codes = NASNET.encode(entry("DARTS_V2").genotype)
    assert len(codes) == NASNET.decisions == 32
    assert codes[:4] == (0, 4, 1, 4)  # sep_conv_3x3 of both inputs
    assert codes[16:20] == (0, 1, 1, 1)  # max_pool_3x3 of both inputs
    assert str(Architecture(NASNET, codes)) == to_darts(entry("DARTS_V2").genotype)


def test_sizes():
    assert NASNET.size == (14400 * 8**8) ** 2  # exact: beyond 64 bits
    assert FRC.size == 14400 * 8**8
    assert (NASNET.edges, FRC.edges) == (28, 14)


@SPACES
def test_what_needs_indices_is_refused_by_name(space):
    codes = some(space, 3)
    for call in (
        lambda: space.flat(codes),
        lambda: space.from_flat([0]),
        lambda: space.all_codes,
        lambda: space.flat_by_text,
        lambda: space.flat_to_official,
        lambda: space.flat_of([space.format(codes[0])]),
        lambda: Architecture(space, tuple(codes[0].tolist())).index,
    ):
        with pytest.raises(LacksCapability, match=f"the {space.name} space has .* architectures, too many"):
            call()


def test_weights_live_on_all_edges():
    codes = np.array([NASNET.encode(entry("DARTS_V1").genotype)])
    weights = NASNET.embed(codes)
    assert weights.shape == (1, 28, 8) == (1, *NASNET.mask.shape)
    assert weights.sum() == 16
    operation = NASNET.operations.index
    # node 2 reads 1 and 0; node 5 (rows 9 to 13) reads 0 and 2; the reduction cell starts at row 14
    assert weights[0, 0, operation("sep_conv_3x3")] == weights[0, 1, operation("sep_conv_3x3")] == 1
    assert weights[0, 9, operation("sep_conv_3x3")] == weights[0, 11, operation("skip_connect")] == 1
    assert not weights[0, [2 + 2, 10, 12, 13]].any()
    assert weights[0, 14, operation("max_pool_3x3")] == 1


def test_an_edge_taken_twice_counts_twice():
    codes = np.array([NASNET.encode(entry("DARTS_V1").genotype)], dtype=np.int8)
    codes[0, 2:4] = codes[0, :2]
    assert NASNET.embed(codes)[0].max() == 2
    assert NASNET.embed(codes).sum() == 16


@pytest.mark.parametrize("name", ["DARTS_V1", "DARTS_V2", "GDAS_V1", "PDARTS", "SNAS_mild", "CNAS"])
def test_derive_finds_what_was_embedded(name):
    codes = np.array([NASNET.encode(entry(name).genotype)])
    before, after = NASNET.embed(codes), NASNET.embed(NASNET.derive(NASNET.embed(codes)))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("nodes", [2, 3, 5, 6])
@pytest.mark.parametrize("name", ["nasnet-sparse", "nasnet-gdas-frc"])
def test_every_number_of_nodes_derives(name, nodes):
    """54 rows are two cells of 6 nodes here, never one of 9."""
    space = NASNET_SPACES[name].with_nodes(nodes)
    codes = space.sample(Stream(0, "architectures", range(3)).at())
    logits = space.embed(codes) * np.arange(3, 3 + space.edges)[:, None]
    found = space.derive(logits)
    assert found.shape == codes.shape
    assert len(space.genotype(found[0]).normal.nodes) == nodes
    assert [row.cell for row in space.rows].count("normal cell") == space.edges // space.cells


@SPACES
def test_mutation_changes_one_decision_to_any_other_option(space):
    parent = np.repeat(some(space, 1), 40_000, axis=0)
    child = space.mutate(parent, Stream(1, "mutate", range(len(parent))).at())
    space.check_codes(child)
    changed = child != parent
    assert (changed.sum(axis=1) == 1).all()
    np.testing.assert_allclose(changed.mean(axis=0), 1 / space.decisions, rtol=0.2)
    for decision in (0, 1, 13):
        seen = np.bincount(child[changed[:, decision], decision], minlength=space.choices[decision])
        share = np.delete(seen, parent[0, decision]) / seen.sum()
        assert seen[parent[0, decision]] == 0
        np.testing.assert_allclose(share, 1 / (space.choices[decision] - 1), atol=0.08)


def test_neighbors_are_one_edit_away():
    codes = some(NASNET, 3)
    around = NASNET.neighbors(codes)
    assert around.shape == (3, 152, 32)
    assert ((around != codes[:, None]).sum(-1) == 1).all()
    NASNET.check_codes(around.reshape(-1, 32))


@SPACES
def test_costs_of_many_equal_costs_of_one(space):
    codes = some(space, 4)
    alone = [cost(space.genotype(row), Plan(classes=100, dialect=space.dialect)) for row in codes]
    assert space.parameters(codes, 100).tolist() == [each.parameters for each in alone]
    assert space.flops(codes, 100, 32).tolist() == [each.multiply_adds for each in alone]
    assert space.parameters(codes[:0], 10).shape == (0,)


@pytest.mark.parametrize(
    ("space", "name", "told"),
    [
        (NASNET, "GDAS_F1", "a fixed reduction cell is outside the nasnet space"),
        (FRC, "DARTS_V1", "a searched reduction cell is outside the nasnet-gdas-frc space"),
        (NASNET, "NASNet", r"normal cell: \[2, 2, 2, 2, 2\] edges a node"),
        (NASNET, "SNAS_mild_edge_all", r"normal cell: \[2, 3, 4, 5\] edges a node"),
        (NASNET, "SETN", "normal cell, node 5: conv_3x1_1x3 is outside the nasnet space; it has none, max"),
    ],
)
def test_genotypes_outside_a_space(space, name, told):
    with pytest.raises(BadArchitecture, match=told):
        space.encode(entry(name).genotype)


def test_the_sparse_list_holds_the_sparse_zoo():
    sparse = NASNET_SPACES["nasnet-sparse"]
    for name in ("DARTS_MORE_V2", "DARTS_MORE_NONE_V2", "DARTS_MORE_TY2"):
        genotype = entry(name).genotype
        assert sparse.genotype(sparse.encode(genotype)) == genotype


def test_small_spaces_keep_their_indices():
    assert TOPOLOGY.flat(TOPOLOGY.from_flat([7, 15624])).tolist() == [7, 15624]
