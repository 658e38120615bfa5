"""Edges that say their node, flat lists, missing cells: used as written, or refused."""

import random

import pytest

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.costs.network_plan import DIALECTS, lost_operations
from nasreplay.spaces.genotypes.genotype import MOST_EDGES, MOST_NODES, Cell, Genotype
from nasreplay.spaces.genotypes.notation import WRITERS, from_mapping, read_genotype
from nasreplay.spaces.genotypes.published_genotypes import entry

TRIPLES = [  # of a cell with one, two, three and two edges a node
    *[("sep_conv_3x3", 0, 2)],
    *[("skip_connect", 0, 3), ("sep_conv_5x5", 2, 3)],
    *[("dil_conv_3x3", 1, 4), ("max_pool_3x3", 0, 4), ("none", 3, 4)],
    *[("sep_conv_3x3", 4, 5), ("skip_connect", 1, 5)],
]
CELL = Cell(
    tuple(tuple((name, source) for name, source, node in TRIPLES if node == state) for state in range(2, 6)),
    (2, 3, 4, 5),
)


@pytest.mark.parametrize("seed", range(5))
def test_whole_third_entries_are_nodes_in_any_order(seed):
    """The edges of CNAS and aw_nas; a node's own edges keep their order."""
    nodes = [[edge for edge in TRIPLES if edge[2] == state] for state in range(2, 6)]
    random.Random(seed).shuffle(nodes)
    flat = [edge for node in nodes for edge in node]
    assert from_mapping({"normal": flat}).normal == CELL


def test_the_larger_of_two_whole_numbers_is_the_node():
    fair = [(name, node, source) for name, source, node in TRIPLES]
    assert from_mapping({"normal": fair, "normal_concat": [2, 3, 4, 5]}).normal == CELL


def test_nodes_that_contradict_their_place_are_refused():
    nested = [[edge for edge in TRIPLES if edge[2] == state] for state in range(2, 6)]
    assert from_mapping({"normal": nested}).normal == CELL
    with pytest.raises(BadArchitecture, match=r"node 2: .* stands there, and leads to node 3"):
        from_mapping({"normal": [nested[1], nested[0], *nested[2:]]})
    with pytest.raises(BadArchitecture, match=r"not an .operation, source, node. triple"):
        from_mapping({"normal": [*TRIPLES[:-1], ("skip_connect", 1)]})
    with pytest.raises(BadArchitecture, match=r"not an .operation, source. pair"):
        from_mapping({"normal": [("skip_connect", 2, 2), ("none", 0, 2)]})
    with pytest.raises(BadArchitecture, match=r"lead to the nodes \[2, 4\]; must be 2, 3, … without gaps"):
        from_mapping({"normal": [("skip_connect", 2, 0), ("none", 4, 0)]})


@pytest.mark.parametrize(
    "edge", [("sep_conv_3x3", 1, 0.125), ("sep_conv_3x3", 0.125, 1), ("sep_conv_3x3", 1)]
)
def test_scores_are_dropped(edge):
    assert from_mapping({"normal": [edge, ("none", 0)]}).normal.nodes == ((("sep_conv_3x3", 1), ("none", 0)),)


def test_an_odd_flat_list_lacks_a_pair():
    pairs = [edge for node in entry("DARTS_V2").genotype.normal.nodes for edge in node]
    for count in (1, 3, 5, 7):
        with pytest.raises(
            BadArchitecture, match=rf"normal cell: {count} \(operation, source\) pairs in a flat list"
        ):
            from_mapping({"normal": pairs[:count], "normal_concat": [2]})


def test_cells_with_one_edge_in_a_node_are_written_by_node():
    cell = Cell(((("none", 0), ("none", 1)), (("skip_connect", 2),)), (2, 3))
    for form in ("darts", "json", "xautodl"):
        text = WRITERS[form](Genotype(cell, None))
        assert read_genotype(text).normal == cell
    assert "[(('none', 0), ('none', 1)), (('skip_connect', 2),)]" in WRITERS["darts"](Genotype(cell, None))


def test_an_output_of_a_cell_that_is_missing_is_refused():
    pairs = [("none", 0), ("none", 1)]
    with pytest.raises(BadArchitecture, match="reduce_concat without reduce"):
        from_mapping({"normal": pairs, "reduce_concat": [2]})
    fixed = {"normal": pairs, "reduce": None, "reduce_concat": [2]}  # as GDAS writes its fixed reduction
    assert from_mapping(fixed).reduce is None
    assert from_mapping({"normal": pairs}).reduce is None


def test_the_fields_of_aw_nas_and_of_a_layout():
    groups = {
        "normal_0": TRIPLES,
        "reduce_1": TRIPLES,
        "normal_0_concat": [2, 3, 4, 5],
        "reduce_1_concat": [5],
    }
    assert from_mapping(groups) == Genotype(CELL, Cell(CELL.nodes, (5,)))
    assert from_mapping({"normal": TRIPLES, "layout": "cell"}).normal == CELL
    with pytest.raises(BadArchitecture, match="one normal and one reduction cell; found normal_0, normal_2"):
        from_mapping({"normal_0": TRIPLES, "normal_2": TRIPLES})


@pytest.mark.parametrize("which", range(5))
def test_giants_are_refused_at_once(which):
    pair = [("none", 0), ("none", 1)]
    value = (
        {"normal": pair * 10**6},
        {"normal": [pair] * (MOST_NODES + 1)},
        {"normal": [pair * MOST_EDGES]},
        {"normal": pair, "normal_concat": [2] * 10**6},
        {"normal_arch": [("none", 0, 2)] * 10**6},
    )[which]
    with pytest.raises(BadArchitecture, match="at most"):
        from_mapping(value)


WRONG = [10**5000, float("inf"), float("nan"), -1, True, "0", None, [], 2**64]


@pytest.mark.parametrize("place", range(len(WRONG)))
def test_sources_nodes_and_outputs_of_other_kinds(place):
    wrong = WRONG[place]
    for value in (
        {"normal": [("none", wrong), ("none", 1)]},
        {"normal": [("none", 0, wrong), ("none", 1, 2)]}
        if type(wrong) is int
        else {"normal": [("none", wrong)]},
        {"normal": [("none", 0), ("none", 1)], "normal_concat": [wrong]},
        {"normal": [("none", 0), ("none", 1)], "normal_concat": wrong if wrong is not None else 5},
    ):
        with pytest.raises(BadArchitecture) as caught:
            from_mapping(value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


def test_operations_that_a_network_lacks_are_named():
    cell = Cell(((("sep_conv_3x3", 1), ("max_pool_3x3", 1)), (("none", 0), ("none", 1))), (2, 3))
    told = {dialect: lost_operations(Genotype(cell, cell), dialect) for dialect in DIALECTS}
    assert {dialect for dialect, lines in told.items() if lines} == {"xautodl-searched"}
    assert len(told["xautodl-searched"]) == 2
    assert told["xautodl-searched"][0].startswith(
        "normal cell, node 2: only the last of the operations from state 1"
    )
    assert len(lost_operations(Genotype(cell, None))) == 1
    assert lost_operations(entry("DARTS_V2").genotype) == []


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *(("sep_3x3", "sep_conv_3x3"), ("conv 3x3", "nor_conv_3x3"), ("dil_conv_5x5 ", "dil_conv_5x5")),
        *(("maxpool", "max_pool_3x3"), ("dilconv5x5", "dil_conv_5x5"), ("skip", "skip_connect")),
        *(("ReLUConvBN1x1", "nor_conv_1x1"), ("Zero", "none")),
    ],
)
def test_operations_by_the_names_of_other_systems(theirs, ours):
    assert from_mapping({"normal": [(theirs, 0), ("none", 1)]}).normal.nodes[0][0] == (ours, 0)


@pytest.mark.parametrize(
    ("name", "told"), [("noise", "RobustDARTS"), ("conv", "which convolution"), ("pool", "which pool")]
)
def test_operations_without_a_layer_say_why(name, told):
    with pytest.raises(BadArchitecture, match=f"normal cell, node 2: no operation {name}: .*{told}"):
        from_mapping({"normal": [(name, 0), ("none", 1)]})
