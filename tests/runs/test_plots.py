import dataclasses
import itertools
import subprocess
import sys

import matplotlib
import matplotlib.figure
import numpy as np
import pytest

from nasreplay.errors import BadOutput
from nasreplay.evaluate.ledger import time_unit
from nasreplay.runs.report import looks, plots, statistics
from nasreplay.runs.report.overview import overview_figure
from nasreplay.runs.report.rows import rows
from nasreplay.runs.report.ticks import scale_spending
from nasreplay.search import SEARCHERS, default_comparison
from tests.support import fabricate


@pytest.fixture(scope="module")
def comparison():
    return fabricate.comparison(replicas=25, datasets=("cifar10",))


def saved(comparison, folder):
    regrets = [path for _, paths in plots.save_regrets(comparison, folder) for path in paths]
    return [*regrets, *plots.save_overview(comparison, rows(comparison), folder)]


@pytest.mark.slow
def test_figures_are_files_and_deterministic(tmp_path, comparison):
    before = dict(matplotlib.rcParams)
    paths = saved(comparison, tmp_path)
    figures = ("regret-cifar10", "overview")
    assert [path.name for path in paths] == [f"{name}.{end}" for name in figures for end in looks.ENDINGS]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    svg = paths[1].read_text()
    assert svg.startswith("<?xml")
    assert "<dc:date>" not in svg
    pdf = paths[2].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/CIDFontType2" in pdf  # TrueType
    assert b"/Type3" not in pdf
    first = [path.read_bytes() for path in paths]
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 20}):
        saved(comparison, tmp_path)  # a user's own settings change nothing
    assert [path.read_bytes() for path in paths] == first
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
def test_no_pyplot_and_no_display(tmp_path):
    code = "import sys; from nasreplay.runs.report import looks, plots; print('matplotlib' in sys.modules);"
    code += "from matplotlib.figure import Figure; f = Figure(); print(len(looks.rendered(f, 'svg')) > 0);"
    code += "print('matplotlib.pyplot' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True", "False"]


def test_curves_show_the_mean_regret(comparison):
    figure = plots.regret_figure(comparison, "cifar10")
    truth = comparison.tables["cifar10"]
    for panel, axis, unit in zip(figure.axes, statistics.AXES, (3600.0, 1.0), strict=True):
        lines = {str(line.get_label()): line for line in panel.get_lines()}
        assert set(lines) == {result.searcher for result in comparison.results if not result.oracle}
        for result in comparison.results:
            if not result.oracle:
                x, y = (np.asarray(data, dtype=float) for data in lines[result.searcher].get_data())
                expected = statistics.anytime_regret(result, truth, x * unit * (1 + 1e-12), axis).mean(axis=0)
                assert np.allclose(y, expected, equal_nan=True)
                assert np.isfinite(y).sum() > 10
        assert panel.get_yscale() == "log"
        low, high = panel.get_ylim()
        means = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in lines.values()])
        assert low < np.nanmin(means) < 1.5 * low  # the frame fits
        assert high < 1.5 * np.nanmax(means)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    values = [float(text.split()[0]) for text in texts]
    assert values == sorted(values)
    assert any("oracles: free, not ranked" in text.get_text() for text in figure.texts)


def test_a_look_belongs_to_a_searcher(comparison):
    for names in (["rea"], ["gdas", "rea", "random"], ["random", "rea"]):
        some = dataclasses.replace(comparison, results=[r for r in comparison.results if r.searcher in names])
        line = next(
            line
            for line in plots.regret_figure(some, "cifar10").axes[0].get_lines()
            if line.get_label() == "rea"
        )
        look = looks.look_of("rea")
        assert (line.get_color(), line.get_linestyle(), line.get_marker()) == look


def test_no_two_searchers_look_alike():
    assert len({look[:2] for look in looks.looks_of(SEARCHERS).values()}) == len(SEARCHERS)
    ranked = [name for name in default_comparison() if "slope" not in SEARCHERS[name].needs]
    assert len({looks.look_of(name).color for name in ranked}) == len(ranked)
    assert set(ranked) == looks.RANKED


@pytest.mark.parametrize("others", [["mine"], ["annealing", "hill", "mine", "tabu", "walk", "zeal"]])
def test_searchers_of_others_take_no_color_of_ours(others):
    ranked = [name for name in default_comparison() if "slope" not in SEARCHERS[name].needs]
    together = looks.looks_of([*others, *ranked])
    assert len({look.color for look in together.values()}) == len(together)
    assert all(together[name] == looks.look_of(name) for name in (*ranked, others[0]))
    assert looks.looks_of([*ranked, *others][::-1]) == together


def test_a_figure_with_a_searcher_of_others_has_it_in_a_color_of_its_own(comparison):
    results = [r for r in comparison.results if r.searcher in ("rea", "random")]
    own = [dataclasses.replace(results[0], searcher=name) for name in ("mine", "hill")]
    some = dataclasses.replace(comparison, results=[*results, *own])
    for figure in (plots.regret_figure(some, "cifar10"), overview_figure(some, rows(some))):
        assert figure is not None
        lines = [line for line in figure.axes[-1].get_lines() if line.get_marker() != "|"]
        assert len(lines) == 4
        assert len({line.get_color() for line in lines}) == 4


@pytest.mark.parametrize(
    ("last", "unit"),
    [(20, "seconds"), (3_000, "minutes"), (200_000, "hours"), (9e6, "days"), (1e11, "years")],
)
def test_time_is_told_in_a_unit_of_its_size(last, unit):
    assert time_unit(np.array([last / 100, last])).name == unit


@pytest.mark.parametrize(
    "span", [(1e-3, 2e-3), (0.02, 0.3), (0.5, 200), (2, 2e6), (1, 3), (900, 1_000_000), (5, 5)]
)
def test_ticks_never_meet(span):
    figure = matplotlib.figure.Figure(figsize=(2.9, 2))
    panel = figure.subplots()
    scale_spending(panel, np.geomspace(span[0], span[1], 50))
    figure.canvas.draw()
    low, high = panel.get_xlim()
    boxes = [
        label.get_window_extent()
        for label in panel.get_xticklabels()
        if label.get_text() and low <= label.get_position()[0] <= high
    ]
    assert boxes
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_the_overview_shows_every_data_set_and_the_ranks():
    several = fabricate.comparison(replicas=12, points=8)
    figure = overview_figure(several, rows(several))
    assert figure
    assert [panel.get_title() for panel in figure.axes] == [*several.datasets, "mean rank"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert set(names) == {result.searcher for result in several.results if not result.oracle}
    truth, own = several.tables["cifar10"], several.of("cifar10")[0]
    mean = statistics.regret(own, truth).mean()
    assert any(
        np.isclose(np.asarray(line.get_xdata(), dtype=float)[0], mean) for line in figure.axes[0].get_lines()
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_odd_comparisons_are_drawn(tmp_path, comparison):
    free = [dataclasses.replace(r, clock=r.clock * 0) for r in comparison.results]
    only_oracles = [r for r in comparison.results if r.oracle]
    single = fabricate.comparison(replicas=1, datasets=("cifar10",))
    for results in (free, only_oracles, single.results):
        odd = dataclasses.replace(comparison, results=results)
        figure = plots.regret_figure(odd, "cifar10")
        assert len(figure.legends[0].get_texts()) == len([r for r in odd.results if not r.oracle])
        assert looks.rendered(figure, "png")
    assert saved(dataclasses.replace(comparison, results=[]), tmp_path) == []
    with pytest.raises(BadOutput):
        saved(comparison, tmp_path / "missing")
