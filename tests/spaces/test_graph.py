import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.spaces import NASNET, SIZE, TOPOLOGY, Genotype
from nasreplay.spaces.genotypes.published_genotypes import entry, zoo
from nasreplay.spaces.graph import Arrow, Graph, Node
from nasreplay.spaces.topology import EDGES


def test_a_cell_has_every_edge_with_its_operation():
    codes = TOPOLOGY.parse("|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|")
    (graph,) = TOPOLOGY.graphs(codes)
    found = {(arrow.target, arrow.source): arrow.operation for arrow in graph.arrows}
    assert list(found) == list(EDGES)
    assert list(found.values()) == [
        *("nor_conv_1x1", "none", "skip_connect"),
        *("none", "none", "avg_pool_3x3"),
    ]
    assert [node.kind for node in graph.nodes] == ["input", "inner", "inner", "output"]


@given(flat=st.integers(0, TOPOLOGY.size - 1))
def test_nodes_are_idle_as_the_space_says_a_cell_is_connected(flat):
    codes = TOPOLOGY.from_flat([flat])
    (graph,) = TOPOLOGY.at_flat(flat).graphs()
    assert (not graph.idle() & {0, 3}) == TOPOLOGY.is_connected(codes)[0]
    (joined,) = TOPOLOGY.genotype(codes[0].tolist()).graphs()
    assert joined.idle() & {2, 3} == {node + 1 for node in graph.idle() & {1, 2}}


def test_idle_nodes():
    nodes = (Node("in", "input"), *(Node(str(place)) for place in range(4)), Node("out", "output"))
    arrows = [Arrow(0, 1, "skip_connect"), Arrow(1, 2, "none"), Arrow(2, 5), Arrow(0, 3), Arrow(1, 5)]
    assert Graph("", nodes, tuple(arrows)).idle() == {2, 3, 4}


def test_widths_are_a_chain_as_tall_as_they_are_wide():
    (graph,) = SIZE.architecture("8:16:24:32:64").graphs()
    assert [arrow.target - arrow.source for arrow in graph.arrows] == [1] * (len(graph.nodes) - 1)
    stages = [node for node in graph.nodes if node.kind == "inner"]
    widths = [int(node.label.split("\n")[1]) for node in stages]
    assert widths == [8, 8, 16, 24, 32, 64]
    assert [node.height * 64 for node in stages] == widths


def test_genotypes_give_their_cells():
    for one in zoo().values():
        graphs = one.genotype.graphs()
        assert [graph.title for graph in graphs] == list(one.genotype.cells())
        for graph, cell in zip(graphs, one.genotype.cells().values(), strict=True):
            assert [node.label for node in graph.nodes[:2]] == ["c_{k-2}", "c_{k-1}"]
            named = [arrow for arrow in graph.arrows if arrow.operation]
            assert [(arrow.target, arrow.operation, arrow.source) for arrow in named] == list(cell.edges())
            joins = [(arrow.source, arrow.target) for arrow in graph.arrows if not arrow.operation]
            assert joins == [(state, len(cell.nodes) + 2) for state in cell.concat]
    assert len(Genotype(entry("GDAS_F1").genotype.normal, None).graphs()) == 1
    codes = NASNET.encode(entry("DARTS_V2").genotype)
    assert NASNET.graphs(codes) == entry("DARTS_V2").genotype.graphs()


def test_dot_names_every_node_and_arrow():
    (normal, _) = entry("SNAS_mild_edge_all").genotype.graphs()
    lines = list(normal.dot())
    assert sum("shape=box" in line for line in lines) == len(normal.nodes)
    found = [re.match(r'  n(\d) -> n(\d) \[label="(\w*)"', line) for line in lines]
    arrows = [Arrow(int(one[1]), int(one[2]), one[3]) for one in found if one]
    assert tuple(arrows) == normal.arrows
    assert sum("dashed" in line for line in lines) == sum(arrow.operation == "none" for arrow in arrows)


def test_without_an_operation():
    (normal, _) = entry("SNAS_mild_edge_all").genotype.graphs()
    left = normal.without("none")
    assert left.nodes == normal.nodes
    assert set(normal.arrows) - set(left.arrows) == {one for one in normal.arrows if one.operation == "none"}


def test_a_space_that_says_nothing_is_refused_by_name():
    from nasreplay.errors import LacksCapability
    from nasreplay.spaces import Space

    with pytest.raises(LacksCapability, match="the topology space does not say"):
        Space.graphs(TOPOLOGY, (0,) * 6)
