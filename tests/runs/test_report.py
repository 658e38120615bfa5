import dataclasses
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from nasreplay.runs.report import statistics
from nasreplay.runs.report.conclusion import conclusion
from nasreplay.runs.report.rows import average_ranks
from nasreplay.runs.report.rows import rows as rows_of
from nasreplay.runs.report.screen import print_report
from nasreplay.runs.report.summary import markdown
from nasreplay.spaces import TOPOLOGY
from tests.support import fabricate


@pytest.fixture(scope="module")
def comparison():
    return fabricate.comparison(replicas=60)


def printed(comparison, width, terminal=False):
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_report(comparison, rows_of(comparison), console)
    return stream.getvalue()


def summary(comparison, figures=()):
    return markdown(comparison, rows_of(comparison), figures)


def test_rows_hold_what_the_statistics_say(comparison):
    rows = rows_of(comparison)
    assert [row.dataset for row in rows] == ["cifar10"] * 6 + ["cifar100"] * 6
    row = next(row for row in rows if row.searcher == "rea")
    result, truth = comparison.of("cifar10")[1], comparison.tables["cifar10"]
    final = truth.final_mean[result.found_flat]
    assert row.validation_accuracy_mean == pytest.approx(final.mean())
    assert row.validation_accuracy_std == pytest.approx(final.std())
    assert row.validation_accuracy_low95 < final.mean() < row.validation_accuracy_high95
    assert row.test_accuracy_mean == pytest.approx(truth.test[result.found_flat].mean())
    assert row.regret_mean == pytest.approx(truth.final_mean.max() - final.mean())
    assert row.evaluations_mean == result.evaluations.mean()
    assert row.simulated_hours_mean == pytest.approx(result.clock.max(axis=1).mean() / 3600)
    assert row.wall_s_per_500_replicas == pytest.approx(0.25 * 500 / 60)
    flat = [row.flat() for row in rows]
    assert json.loads(json.dumps(flat)) == flat


def test_oracles_take_no_part(comparison):
    rows = [row for row in rows_of(comparison) if row.dataset == "cifar10"]
    assert [row.searcher for row in rows[-2:]] == ["darts-v1", "gdas"]
    assert all(row.rank is None and row.beats == () and row.apart == "oracle" for row in rows[-2:])
    ranks = [row.rank for row in rows[:-2] if row.rank is not None]
    assert len(ranks) == len(rows) - 2
    assert ranks == sorted(ranks)
    assert sum(ranks) == pytest.approx(1 + 2 + 3 + 4)
    assert not any("darts" in row.beats or "gdas" in row.beats for row in rows)
    without = dataclasses.replace(comparison, results=[r for r in comparison.results if not r.oracle])
    assert [row.rank for row in rows_of(without)[:4]] == [row.rank for row in rows[:4]]


def test_repeats_and_interrupted_stand_apart(comparison):
    results = list(comparison.results)
    results[0] = dataclasses.replace(results[0], settings={"apart": "equals rea on a table"})
    results[1] = dataclasses.replace(results[1], finished=False)
    changed = dataclasses.replace(comparison, results=results)
    rows = [row for row in rows_of(changed) if row.dataset == "cifar10"]
    assert {row.searcher: row.apart for row in rows if row.apart} == {
        "random": "equals rea on a table",
        "rea": "interrupted",
        "darts-v1": "oracle",
        "gdas": "oracle",
    }
    text = printed(changed, 100)
    assert "random: equals rea on a table; not ranked" in text
    assert "rea: interrupted; not ranked" in text
    assert list(average_ranks(rows_of(changed))) == [
        name for name in average_ranks(rows_of(comparison)) if name not in ("random", "rea")
    ]


def test_beats_follow_the_corrected_tests(comparison):
    row = next(row for row in rows_of(comparison) if row.searcher == "curriculum-fixed")
    ranked = {
        r.searcher: statistics.score(r, comparison.tables["cifar10"])
        for r in comparison.of("cifar10")
        if not r.oracle
    }
    clear = [p for p in statistics.compare_pairs(ranked) if p.corrected < 0.05 and p.better < 0.5]
    better = {p.first for p in clear if p.second == "curriculum-fixed"}
    assert set(row.beats) == better
    assert "random" in better
    every = {frozenset((p.first, p.second)): p.corrected for p in statistics.compare_pairs(ranked)}
    for name in {r.searcher for r in comparison.results}:
        assert row.p[name] == every.get(frozenset(("curriculum-fixed", name)))


def test_p_values_stand_beside_what_is_beaten(comparison):
    rows = {row.searcher: row for row in rows_of(comparison) if row.dataset == "cifar10"}
    ranked = [name for name, row in rows.items() if row.rank is not None]
    text = summary(comparison)
    for place, name in enumerate(ranked):
        line = next(line for line in text.splitlines() if line.startswith(f"- **{name}**: "))
        beaten = rows[name].beats
        if beaten:
            assert f"(p ≤ {max(p for other in beaten if (p := rows[name].p[other]) is not None):.2g})" in line
        for other in ranked[place + 1 :]:  # nothing is said twice, and no test is left out
            told = f"{other} p = {rows[name].p[other]:.2g}" in line
            assert told == (other not in beaten)
    assert all(row.p["gdas"] is None for row in rows.values())


@pytest.mark.parametrize("test", [True, False])
@pytest.mark.parametrize("width", [40, 80, 100, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_terminal_never_cuts_a_number(comparison, width, terminal, test):
    if not test:
        tables = {name: dataclasses.replace(facts, test=None) for name, facts in comparison.tables.items()}
        comparison = dataclasses.replace(comparison, tables=tables)
    text = printed(comparison, width, terminal)
    assert "…" not in text
    assert ("test" in text) == test
    lines = text.splitlines()
    assert lines[0].startswith("cifar10: 60 replicas,")
    for row in rows_of(comparison):
        start = "oracle" if row.oracle else f"{row.rank:.2f}"
        assert any(line.split()[:2] == [start, row.searcher] for line in lines)
        mean, std = row.validation_accuracy_mean, row.validation_accuracy_std
        assert any(f"{mean:.2f} ± {std:.2f}" in line for line in lines)
    table = [line for line in lines if "±" in line]
    assert max(map(len, table)) <= max(width, 70)
    if width >= 80:
        assert max(map(len, lines)) <= width
    if not terminal:
        assert all(ord(character) < 0x2500 for character in text)  # no box drawing in a pipe


def test_markdown_has_everything(comparison):
    text = summary(comparison, ["figures/regret-cifar10.png", "figures/regret-cifar10.svg"])
    assert text.count("![") == 1
    assert "![Mean regret on cifar10](figures/regret-cifar10.png)" in text
    assert "- No test [accuracy]." in text
    assert "accuracy on made-up images" in text
    assert "| seed | 7 |" in text
    assert "{" not in text
    pipes = [line for line in text.splitlines() if line.startswith("| ")]
    header = next(line for line in pipes if line.startswith("| rank | searcher | validation"))
    assert "test accuracy %" in header
    assert sum(line.count("|") == header.count("|") for line in pipes) == 2 * (2 + 6)
    for heading in header.strip("| ").split(" | "):
        assert f"- {heading}: " in text


def test_published_score_is_reported_as_such(comparison):
    changed = dataclasses.replace(comparison, settings={"score": "published"})
    row = next(row for row in rows_of(changed) if row.searcher == "rea")
    truth = comparison.tables["cifar10"]
    expected = statistics.score(comparison.of("cifar10")[1], truth, truth.budget_s, "published").mean()
    assert row.validation_accuracy_mean == pytest.approx(expected)
    assert "interpolated in time" in summary(changed)


@pytest.mark.filterwarnings("error")
def test_one_replica_one_searcher_and_nothing():
    small = fabricate.comparison(replicas=1, datasets=("cifar10",), test=False)
    alone = dataclasses.replace(small, results=small.results[:1])
    row = rows_of(alone)[0]
    assert row.validation_accuracy_low95 is None
    assert (row.rank, row.beats) == (1.0, ())
    assert "1 replica," in printed(small, 100)
    assert "Mean rank" not in printed(small, 100)
    assert "Beats" not in summary(alone)
    for text in (printed(alone, 100), summary(alone)):
        assert "beats" not in text
    odd = dataclasses.replace(
        alone, settings={"searchers": {"random": {}}, "caveats": [], "interrupted": False}
    )
    assert "| searchers random | no settings |" in summary(odd)
    assert not {"caveats", "interrupted"} & {*summary(odd).split()}
    nothing = dataclasses.replace(small, results=[])
    assert rows_of(nothing) == []
    assert printed(nothing, 80).strip() == ""
    assert "## Settings" in summary(nothing)


def test_best_of_the_table_has_no_negative_zero(comparison):
    rows = [row for row in rows_of(comparison) if row.searcher == "gdas"]
    assert [row.regret_mean for row in rows] == [0.0, 0.0]
    assert "-0.00" not in printed(comparison, 100)
    spreads = [row.validation_accuracy_std for row in rows]
    assert all(spread is not None and math.isfinite(spread) for spread in spreads)


def test_three_sentences_say_what_came_of_it(comparison, tmp_path):
    rows = rows_of(comparison)
    winner, found, following = conclusion(comparison, rows, tmp_path)
    first, second = list(average_ranks(rows).items())[:2]
    assert (
        f": {first[0]}, mean rank {first[1]:.2f} over 2 data sets, is before {second[0]} ({second[1]:.2f})"
        in winner
    )
    clear = [row for row in rows if row.searcher == first[0] and second[0] in row.beats]
    assert winner.startswith("Winner" if len(clear) == 2 else "No clear winner")
    assert not clear
    assert winner.endswith("; no data set shows a difference that is sure.")
    last = (second[0], comparison.datasets[-1])
    turned = [
        dataclasses.replace(row, beats=(first[0],)) if (row.searcher, row.dataset) == last else row
        for row in rows
    ]
    assert "data sets, the other way round on 1 (p" in conclusion(comparison, turned)[0]
    for dataset, truth in comparison.tables.items():
        best = max(truth.final_mean[r.found_flat].max() for r in comparison.of(dataset) if not r.oracle)
        index = TOPOLOGY.flat_to_official[int((truth.final_mean == best).argmax())]
        assert f"#{index} on {dataset} ({best:.2f} %" in found
    assert str(tmp_path / "summary.md") in following


def test_terms_are_explained_where_they_are_used(comparison):
    text = printed(comparison, 80)
    for term in ("rank", "regret", "beats", "oracle"):
        assert sum(line.startswith(f"{term} ") for line in text.splitlines()) >= 1
    without = dataclasses.replace(comparison, results=[r for r in comparison.results if not r.oracle])
    assert "oracle" not in printed(without, 80)


def test_only_oracles_leave_no_heading_empty(comparison):
    only = dataclasses.replace(comparison, results=[r for r in comparison.results if r.oracle])
    assert "Beats" not in summary(only)
    assert "Mean rank" not in printed(only, 80)
    assert conclusion(only, rows_of(only))[0].startswith("No winner")


def test_a_difference_of_means_has_an_interval(comparison):
    draw = np.random.default_rng(0)
    samples = [
        (draw.normal(1, 1, 400), draw.normal(0, 1, 400)),
        (draw.normal(2, 1, 400), draw.normal(0, 1, 400)),
    ]
    mean, low, high = statistics.mean_difference(samples)
    assert mean == pytest.approx(np.mean([a.mean() - b.mean() for a, b in samples]))
    spread = np.sqrt(sum(a.var() / 400 + b.var() / 400 for a, b in samples)) / 2
    assert (high - low) / 2 == pytest.approx(1.96 * spread, rel=0.1)
    assert np.isnan(statistics.mean_difference([(np.ones(1), np.ones(3))])[1])


def test_a_table_with_gaps_says_so_on_the_screen(comparison):
    tables = {name: dataclasses.replace(facts, measured=60) for name, facts in comparison.tables.items()}
    partial = dataclasses.replace(comparison, tables=tables)
    assert printed(partial, 80).count("60 of 15,625 architectures measured") == 2
    assert summary(partial).count("60 of 15,625 architectures measured") == 2
    assert "architectures measured" not in printed(comparison, 80)
