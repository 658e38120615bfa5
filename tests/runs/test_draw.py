import re
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import Image

from nasreplay.errors import BadOutput, BadSetting
from nasreplay.runs.drawing import figure
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.genotypes.genotype import OPERATIONS
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.read import read_architecture

TEXT = "{http://www.w3.org/2000/svg}text"


def graphs_of(name):
    return (read_architecture(name) if ":" in name or name.isdigit() else entry(name).genotype).graphs()


def words(svg):
    return "".join("".join(node.itertext()) + " " for node in ElementTree.parse(svg).iter(TEXT))


@pytest.mark.parametrize(
    "name",
    [
        *("333111", "64:8:16:24:32", "DARTS_V2", "PNASNet"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("10", "GDAS_V1", "SNAS_mild_edge_all")),
    ],
)
@pytest.mark.parametrize("width", [3.3, pytest.param(6.8, marks=pytest.mark.slow)])
def test_a_drawing_holds_every_label_and_is_no_wider_than_asked(name, width, tmp_path):
    graphs = graphs_of(name)
    for ending in ("svg", "png"):
        figure.save_drawing(graphs, tmp_path / f"cell.{ending}", width)
    shown = words(tmp_path / "cell.svg").replace("_", " ")
    for graph in graphs:
        for arrow in graph.arrows:
            assert arrow.operation.replace("_", " ") in shown
        for node in graph.nodes:
            assert node.label in shown.split() or "{" in node.label or "\n" in node.label
    operations = [arrow.operation for graph in graphs for arrow in graph.arrows if arrow.operation]
    first = [operation.split("_")[0] for operation in operations]
    for word in set(first):
        assert len(re.findall(rf"\b{word}\b", shown)) == first.count(word)
    root = ElementTree.parse(tmp_path / "cell.svg").getroot()
    points = float(root.attrib["width"].removesuffix("pt"))
    assert points <= width * 72 + 0.01
    with Image.open(tmp_path / "cell.png") as image:
        assert abs(image.width - points / 72 * 200) <= 1


@pytest.mark.slow
def test_the_same_graphs_give_the_same_bytes_whatever_the_user_set(tmp_path):
    graphs, found = graphs_of("SNAS_mild"), []
    changed: dict[Any, Any] = {"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}
    for settings in ({}, changed):
        with matplotlib.rc_context(settings):
            for ending in figure.ENDINGS:
                figure.save_drawing(graphs, tmp_path / f"a.{ending}", 6.8)
        found.append([(tmp_path / f"a.{ending}").read_bytes() for ending in figure.ENDINGS])
    assert found[0] == found[1]
    assert b"dc:date" not in found[0][0]
    assert found[0][figure.ENDINGS.index("pdf")].startswith(b"%PDF")
    assert b"CreationDate" not in found[0][figure.ENDINGS.index("pdf")]
    assert found[0][figure.ENDINGS.index("dot")].count(b"digraph") == 2


def test_families_have_colors_of_their_own_and_tints_to_write_on():
    families = {operation: figure._color(operation) for operation in (*OPERATIONS, "")}
    assert families["avg_pool_3x3"] == families["max_pool_7x7"]
    assert families["sep_conv_3x3"] == families["sep_conv_7x7"]
    kinds = ("sep_conv_3x3", "dil_conv_3x3", "nor_conv_3x3", "conv_7x1_1x7", "avg_pool_3x3", "skip_connect")
    kinds = (*kinds, "cweight_com", "shuffle_conv_3x3", "none")
    assert all(families[one] != families[other] for one, other in combinations(kinds, 2))
    assert families["none"] == families[""], (
        "an arrow without an operation, and one that passes nothing, are gray"
    )


def test_panels_are_beside_each_other_where_there_is_room():
    wide, narrow = figure.drawing(graphs_of("SNAS_mild"), 6.8), figure.drawing(graphs_of("SNAS_mild"), 3.3)
    assert wide.get_figwidth() > 1.5 * narrow.get_figwidth()
    assert wide.get_figheight() < 0.7 * narrow.get_figheight()


def test_cells_without_any_edge_are_drawn():
    (graph,) = TOPOLOGY.graphs((0,) * 6)
    assert figure.drawing([graph.without("none")], 3.3).get_figwidth() > 0.5


def test_bad_requests(tmp_path):
    graphs = graphs_of("333111")
    with pytest.raises(BadSetting, match=r"cell\.gif: must end in \.svg, \.png, \.pdf, \.dot"):
        figure.save_drawing(graphs, tmp_path / "cell.gif", 3.3)
    for width in (0, float("nan"), 1e9):
        with pytest.raises(BadSetting, match="must be 1 to 40"):
            figure.save_drawing(graphs, tmp_path / "cell.png", width)
    with pytest.raises(BadOutput, match="cannot be written"):
        figure.save_drawing(graphs, tmp_path / "missing" / "cell.png", 3.3)
    assert not list(tmp_path.iterdir())
