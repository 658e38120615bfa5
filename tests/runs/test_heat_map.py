"""The heat map of a search's weights: the published table, and nothing clipped whatever the space is called."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import BadSetting
from nasreplay.runs.drawing.heat_map import heat_map, panels_of
from nasreplay.runs.report.looks import rendered
from nasreplay.spaces import Space, space_named
from nasreplay.spaces.graph import WeightRow
from nasreplay.spaces.nasnet import NASNET_SPACES, SPARSE

PUBLISHED = json.loads((Path(__file__).parents[1] / "golden" / "sparse_heat_map.json").read_text())


def published(none=0.0):
    """The published weights with a column for `none` that takes its part of every row."""
    space, columns = NASNET_SPACES["nasnet-sparse"], PUBLISHED["columns"]
    rows = np.array(PUBLISHED["normal"] + PUBLISHED["reduce"])
    whole = np.full(space.mask.shape, none)
    for place, name in enumerate(columns):
        whole[:, space.operations.index(name)] = rows[:, place] * (1 - none)
    return space, whole


def of_nodes(nodes):
    labels = [f"n({node},{state})" for node in range(nodes) for state in range(node + 2)]
    return [WeightRow(cell, label, SPARSE) for cell in ("normal cell", "reduction cell") for label in labels]


def even(rows):
    most = max(len(row.options) for row in rows)
    return np.array(
        [[1 / len(row.options)] * len(row.options) + [0.0] * (most - len(row.options)) for row in rows]
    )


@pytest.mark.parametrize("none", [0.0, 0.3])
def test_the_published_table_is_what_is_shown_without_none(none):
    space, weights = published(none)
    panels = panels_of(space.rows, weights)
    assert [panel.title for panel in panels] == ["normal cell", "reduction cell"]
    for panel, name in zip(panels, ("normal", "reduce"), strict=True):
        assert list(panel.labels) == PUBLISHED["rows"]
        order = [panel.columns.index(column) for column in PUBLISHED["columns"]]
        assert len(panel.columns) == 7
        assert np.allclose(panel.weights[:, order], PUBLISHED[name], atol=2e-4)
        assert np.allclose(panel.weights[:, order].mean(axis=0), PUBLISHED["column_means"][name], atol=2e-4)
    assert panels[0].texts[0][panels[0].columns.index("shuffle_conv_3x3")] == "0.32"
    assert panels[0].texts[-1][panels[0].columns.index("avg_pool_3x3")] == "0.016"


def test_none_is_kept_when_it_is_asked_for():
    space, weights = published(0.3)
    panel = panels_of(space.rows, weights, keep_none=True)[0]
    assert panel.columns == space.operations
    assert np.allclose(panel.weights, weights[:14])
    assert panel.texts[0][0] == "0.30"


def test_options_of_their_own_stand_in_the_cells():
    space = Space("own", (("conv", "a_pooling_with_a_very_long_name"), ("8", "16", "32")))
    (panel,) = panels_of(space.rows, even(space.rows))
    assert panel.columns == ()
    assert panel.texts == (
        ("conv\n0.50", "a_pooling_with_a_very_long_name\n0.50", ""),
        ("8\n0.33", "16\n0.33", "32\n0.33"),
    )
    assert np.isnan(panel.weights[0, 2])


@pytest.mark.parametrize("width", [3.3, 6.8])
@pytest.mark.parametrize(
    "rows",
    [
        *(pytest.param(of_nodes(nodes), id=f"{nodes} nodes") for nodes in (2, 4, 6)),
        *(pytest.param(space_named(name).rows, id=name) for name in ("topology", "size", "nasnet-gdas-frc")),
        pytest.param(Space("own", (("conv", "a_pooling_with_a_very_long_name"), ("8", "16"))).rows, id="own"),
    ],
)
def test_no_text_is_clipped_or_leaves_its_cell(rows, width):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    panels = panels_of(rows, even(rows))
    figure = heat_map(panels, width)
    assert figure.get_figwidth() <= width + 1e-6
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    extents = [text.get_window_extent(renderer) for text in axes.texts]
    for box in extents:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for one, other in ((a, b) for place, a in enumerate(extents) for b in extents[:place]):
        assert not one.overlaps(other)
    shown = sum(len([word for row in panel.texts for word in row if word]) for panel in panels)
    names = sum(len(panel.labels) + len(panel.columns) for panel in panels)
    assert len(axes.texts) == shown + names + (len(panels) if len(panels) > 1 else 0)


def test_files_have_text_and_embedded_fonts():
    figure = heat_map(panels_of(*_topology()), 3.3)
    assert b">skip_connect</text>" in rendered(figure, "svg")
    assert b"/FontFile2" in rendered(figure, "pdf")
    assert rendered(figure, "png") == rendered(heat_map(panels_of(*_topology()), 3.3), "png")
    with pytest.raises(BadSetting, match="must be 1 to 40"):
        heat_map(panels_of(*_topology()), 0.1)


def _topology():
    rows = space_named("topology").rows
    return rows, even(rows)
