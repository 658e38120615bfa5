from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.runs.drawing.geometry import curve, lay_out
from nasreplay.runs.drawing.layered_graph import ranked
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.graph import Arrow, Graph, Node


@st.composite
def graphs(draw):
    """Cells of up to eight nodes with up to two arrows between any two of them."""
    inner = draw(st.integers(0, 5))
    inputs = draw(st.integers(1, 2))
    nodes = [Node(str(place), "input" if place < inputs else "inner") for place in range(inputs + inner)]
    nodes.append(Node("out", "output", draw(st.sampled_from([0.0, 0.5, 1.0]))))
    pairs = [(source, target) for source, target in combinations(range(len(nodes)), 2) if target >= inputs]
    operations = st.sampled_from(["", "none", "sep_conv_3x3"])
    chosen = draw(st.lists(st.tuples(st.sampled_from(pairs), operations), max_size=18))
    return Graph("any", tuple(nodes), tuple(Arrow(pair[0], pair[1], name) for pair, name in chosen))


def laid(graph, room=float("inf")):
    nodes = [(10.0 + 3 * len(node.label), 9.0) for node in graph.nodes]
    return lay_out(graph, nodes, [(5.0 * len(arrow.operation), 11.0) for arrow in graph.arrows], room)


def points_on(route):
    """Points on the drawn line, [P, 2]."""
    t = np.linspace(0, 1, 12)[:, None]
    pieces = [map(np.array, (start, *curve(start, end))) for start, end in pairwise(route)]
    return np.concatenate(
        [
            (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
            for a, b, c, d in pieces
        ]
    )


def holds(box, points):
    return (abs(points - (box.x, box.y)) * 2 <= (box.width, box.height)).all(axis=1)


@pytest.mark.slow
@settings(max_examples=60)
@given(graph=graphs(), room=st.sampled_from([float("inf"), 150.0]))
def test_nothing_overlaps_and_no_arrow_crosses_a_box_that_is_not_its_own(graph, room):
    layout = laid(graph, room)
    boxes = [*layout.nodes, *(label for label in layout.labels if label)]
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    for arrow, label, route in zip(graph.arrows, layout.labels, layout.routes, strict=True):
        own = [layout.nodes[arrow.source], layout.nodes[arrow.target], label]
        others = [box for box in boxes if not any(box is one for one in own)]
        points = points_on(route)
        assert not any(holds(box, points).any() for box in others)


@settings(max_examples=40)
@given(graph=graphs())
def test_every_arrow_runs_forward_from_its_source_through_its_label_to_its_target(graph):
    layout = laid(graph)
    for arrow, label, route in zip(graph.arrows, layout.labels, layout.routes, strict=True):
        source, target = layout.nodes[arrow.source], layout.nodes[arrow.target]
        assert np.isclose(route[0][0], source.x + source.width / 2)
        assert np.isclose(route[-1][0], target.x - target.width / 2)
        assert abs(route[0][1] - source.y) <= source.height / 2
        assert abs(route[-1][1] - target.y) <= target.height / 2
        assert route[-2][1] == route[-1][1], "its end is level"
        assert all(one[0] <= other[0] + 1e-9 for one, other in pairwise(route))
        assert (label is None) == (arrow.operation == "")
        if label:
            assert any(
                one == (one[0], label.y) and one[0] < label.x < other[0] for one, other in pairwise(route)
            )


@settings(max_examples=25)
@given(graph=graphs())
def test_everything_is_inside_and_the_same_each_time(graph):
    layout = laid(graph)
    ranked.cache_clear()
    assert laid(graph) == layout
    for box in [*layout.nodes, *(label for label in layout.labels if label)]:
        assert box.width / 2 <= box.x + 1e-9
        assert box.x + box.width / 2 <= layout.width + 1e-9
        assert box.height / 2 <= box.y + 1e-9
        assert box.y + box.height / 2 <= layout.height + 1e-9


def test_two_arrows_between_the_same_nodes_are_apart():
    pair = Graph("", (Node("in", "input"), Node("out", "output")), (Arrow(0, 1, "a"), Arrow(0, 1, "b")))
    layout = laid(pair)
    one, other = layout.routes
    assert one[0][1] != other[0][1]
    assert one[-1][1] != other[-1][1]
    assert layout.labels[0] != layout.labels[1]


def test_room_takes_from_the_gaps():
    (graph, _) = entry("GDAS_V1").genotype.graphs()
    free = laid(graph)
    tightest = laid(graph, 10)
    room = (free.width + tightest.width) / 2
    assert tightest.width < room < free.width
    tight = laid(graph, room)
    assert np.isclose(tight.width, room)
    assert tight.height == tightest.height == free.height
    assert [box.width for box in tightest.nodes] == [box.width for box in free.nodes]


def test_chains_are_straight_and_published_cells_have_few_crossings():
    chain = Graph(
        "",
        (Node("in", "input"), Node("a"), Node("b"), Node("out", "output")),
        tuple(Arrow(place, place + 1) for place in range(3)),
    )
    assert len({y for route in laid(chain).routes for _, y in route}) == 1
    crossings = {}
    for name in ("DARTS_V2", "GDAS_V1", "PNASNet", "SNAS_mild", "CNAS"):
        for graph in entry(name).genotype.graphs():
            ranks = ranked(graph)
            place = {stop: at for stops in ranks.order for at, stop in enumerate(stops)}
            links = [(ranks.stops[one].rank, place[one], place[other]) for _, one, other in ranks.links()]
            crossings[name, graph.title] = sum(
                a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0 for a, b in combinations(links, 2)
            )
    assert max(crossings.values()) <= 6, crossings
