"""NAS-Bench-201 cells as genotypes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.genotypes.notation import WRITERS, read_genotype
from nasreplay.spaces.genotypes.published_genotypes import zoo

codes6 = st.tuples(*[st.integers(0, 4)] * 6)


def test_every_cell_comes_back():
    for codes in TOPOLOGY.all_codes.tolist():
        genotype = TOPOLOGY.genotype(codes)
        assert TOPOLOGY.encode(genotype) == tuple(codes)
    genotype = TOPOLOGY.genotype((0, 1, 2, 3, 4, 0))
    assert genotype.normal.concat == (4,)
    assert [len(node) for node in genotype.normal.nodes] == [2, 3, 4]
    assert genotype.reduce is None


@given(codes6, st.sampled_from(["json", "darts", "all-edge", "xautodl"]))
def test_cells_come_back_through_every_form_that_holds_them(codes, form):
    assert TOPOLOGY.encode(read_genotype(WRITERS[form](TOPOLOGY.genotype(codes)))) == codes


@given(codes6, st.randoms())
def test_order_and_missing_edges_do_not_matter(codes, random):
    nodes = []
    for node in TOPOLOGY.genotype(codes).normal.nodes:
        kept = [edge for edge in node if edge[0] != "none" or random.random() < 0.5] or [("none", 0)]
        random.shuffle(kept)
        nodes.append(kept)
    assert TOPOLOGY.encode(Genotype(Cell.of(nodes, [4]), None)) == codes


def test_other_names_of_the_same_layers():
    nodes = [[("conv_3x3", 1)], [("conv_1x1", 2)], [("skip_connect", 3), ("avg_pool_3x3", 1)]]
    cell = Cell.of(nodes, [4])
    expected = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|skip_connect~2|"
    assert TOPOLOGY.format(TOPOLOGY.encode(Genotype(cell, None))) == expected
    assert TOPOLOGY.encode(Genotype(cell, cell)) == TOPOLOGY.encode(Genotype(cell, None))


FINE = Cell.of([[("skip_connect", 1)], [("skip_connect", 2)], [("skip_connect", 3)]], [4])
LOST = [
    (
        Cell(FINE.nodes, (2, 3, 4)),
        "its output joins the states [2, 3, 4] where the cell gives its last node, [4]",
    ),
    (Cell.of(FINE.nodes[:2], [3]), "it has 2 intermediate nodes where the cell has 3"),
    (Cell.of([[("skip_connect", 0)], *FINE.nodes[1:]], [4]), "the edges 2←0 read state 0"),
    (
        Cell.of([[("sep_conv_3x3", 1)], [("sep_conv_3x3", 2)], [("max_pool_3x3", 1)]], [4]),
        "max_pool_3x3 on 4←1 is none of",
    ),
    (
        Cell.of([[("skip_connect", 1), ("nor_conv_3x3", 1)], *FINE.nodes[1:]], [4]),
        "the edges 2←1 have two operations each",
    ),
]


@pytest.mark.parametrize(("cell", "told"), LOST, ids=[told[:30] for _, told in LOST])
def test_what_a_cell_cannot_express_is_named(cell, told):
    with pytest.raises(BadArchitecture) as caught:
        TOPOLOGY.encode(Genotype(cell, None))
    assert told in str(caught.value)


def test_everything_that_is_lost_is_named_at_once():
    with pytest.raises(BadArchitecture) as caught:
        TOPOLOGY.encode(Genotype(LOST[3][0], FINE))
    assert "sep_conv_3x3 on 2←1, 3←2 is none of" in str(caught.value)
    assert "a reduction cell of its own" in str(caught.value)


def test_nothing_of_the_zoo_is_a_cell():
    for one in zoo().values():
        with pytest.raises(BadArchitecture, match="not a NAS-Bench-201 cell"):
            TOPOLOGY.encode(one.genotype)
