"""The figure of a search's samples: from a log as SLNAS writes it, of any space; damaged ones are refused."""

import numpy as np
import pytest

from nasreplay.errors import BadOutput, BadSetting
from nasreplay.jobs.figures import DrawSettings, draw
from nasreplay.runs.drawing.sample_figure import sample_figure, samples_of
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY, space_named

TAGS = ["share_weight", "share_weight", "controller", "infer"] * 3


def written(folder, space=None):
    """The log of three epochs, and its codes."""
    space = space or space_named("slnas")
    codes = np.concatenate(
        [space.sample(Stream(1, "samples", range(row, row + 1)).at()) for row in range(12)]
    )
    lines = [f"{10 + row}.500 {space.format(code.tolist())} {TAGS[row]}\n" for row, code in enumerate(codes)]
    (folder / "dag_all.txt").write_text("".join(lines))
    return codes


def test_samples_are_read_back(tmp_path):
    codes, found = written(tmp_path), samples_of(tmp_path)
    assert np.array_equal(found.codes, codes)
    assert found.values.tolist() == [10.5 + row for row in range(12)]
    assert found.epochs.tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert found.tags.tolist() == TAGS


@pytest.mark.parametrize(("space", "panels"), [("slnas", 3), ("topology", 2)])
def test_shares_of_operations_and_inputs(tmp_path, space, panels):
    codes = written(tmp_path, space_named(space))
    figure = sample_figure(samples_of(tmp_path / "dag_all.txt"), 6.8)
    assert len(figure.axes) == panels
    operations = figure.axes[1].lines
    shares = np.array([line.get_ydata() for line in operations])
    np.testing.assert_allclose(shares.sum(axis=0), 100)
    first = codes[:4, 1::2] if panels == 3 else codes[:4]
    assert shares[0, 0] == pytest.approx(100 * (first == 0).mean())
    assert (panels == 2) == (space == TOPOLOGY.name)


@pytest.mark.parametrize(
    "line", ["12.0 infer", "nan 8:8:8:8:8 infer", "x 8:8:8:8:8 infer", "1.0 9:9 infer", ""]
)
def test_a_damaged_log_is_refused_with_its_line(tmp_path, line):
    (tmp_path / "dag_all.txt").write_text(f"1.0 8:8:8:8:8 infer\n{line}\n")
    with pytest.raises(BadOutput, match=r"dag_all\.txt, line 2"):
        samples_of(tmp_path)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    (tmp_path / "dag_all.txt").write_text("")
    with pytest.raises(BadOutput, match="nothing was sampled yet"):
        draw(tmp_path, settings=DrawSettings(samples=True))
    with pytest.raises(BadSetting, match="beside another picture"):
        draw(tmp_path, settings=DrawSettings(samples=True, weights=True))
