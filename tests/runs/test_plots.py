import dataclasses
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from nasreplay.errors import BadOutput
from nasreplay.runs.report import plots, statistics
from tests.support import fabricate


@pytest.fixture(scope="module")
def comparison():
    return fabricate.comparison(replicas=25, datasets=("cifar10",))


@pytest.mark.slow
def test_figures_are_files_and_deterministic(tmp_path, comparison):
    before = dict(matplotlib.rcParams)
    paths = plots.save_figures(comparison, tmp_path)
    assert [path.name for path in paths] == ["regret-cifar10.png", "regret-cifar10.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    svg = paths[1].read_text()
    assert svg.startswith("<?xml")
    assert "<dc:date>" not in svg
    first = [path.read_bytes() for path in paths]
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 20}):
        plots.save_figures(comparison, tmp_path)  # a user's own settings change nothing
    assert [path.read_bytes() for path in paths] == first
    assert dict(matplotlib.rcParams) == before


def test_no_pyplot_and_no_display(tmp_path):
    code = "import sys; from nasreplay.runs.report import plots; print('matplotlib' in sys.modules);"
    code += "from matplotlib.figure import Figure; f = Figure(); print(len(plots.rendered(f, 'svg')) > 0);"
    code += "print('matplotlib.pyplot' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True", "False"]


def test_curves_show_the_mean_regret(comparison):
    figure = plots.regret_figure(comparison, "cifar10")
    truth = comparison.tables["cifar10"]
    for panel, axis, unit in zip(figure.axes, statistics.AXES, (3600.0, 1.0), strict=True):
        lines = {str(line.get_label()).split()[1]: line for line in panel.get_lines()}
        assert len(lines) == 6
        for result in comparison.results:
            if not result.oracle:
                x, y = (np.asarray(data, dtype=float) for data in lines[result.searcher].get_data())
                expected = statistics.anytime_regret(result, truth, x * unit * (1 + 1e-12), axis).mean(axis=0)
                assert np.allclose(y, expected, equal_nan=True)
                assert np.isfinite(y).sum() > 10
        best = lines["gdas"].get_ydata()
        assert np.all(np.asarray(best) == panel.get_ylim()[0] / 0.9)  # regret 0 lies on the floor
        assert panel.get_yscale() == "log"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sum("(oracle)" in text for text in texts) == 2
    values = [float(text.split()[0]) for text in texts]
    assert values == sorted(values)


def test_looks_are_the_same_on_all_data_sets():
    comparison = fabricate.comparison(replicas=3, points=6)
    figures = [plots.regret_figure(comparison, dataset) for dataset in comparison.datasets]
    looks = [
        {str(line.get_label()).split()[1]: line.get_color() for line in figure.axes[0].get_lines()}
        for figure in figures
    ]
    assert looks[0] == looks[1]
    assert len(set(looks[0].values())) == 6


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_odd_comparisons_are_drawn(tmp_path, comparison):
    free = [dataclasses.replace(r, clock=r.clock * 0) for r in comparison.results]
    only_oracles = [r for r in comparison.results if r.oracle]
    single = fabricate.comparison(replicas=1, datasets=("cifar10",))
    for results in (free, only_oracles, single.results):
        odd = dataclasses.replace(comparison, results=results)
        figure = plots.regret_figure(odd, "cifar10")
        assert len(figure.legends[0].get_texts()) == len(odd.results)
        assert plots.rendered(figure, "png")
    assert plots.save_figures(dataclasses.replace(comparison, results=[]), tmp_path) == []
    with pytest.raises(BadOutput):
        plots.save_figures(comparison, tmp_path / "missing")
