import dataclasses
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import BadSetting
from nasreplay.runs.report import statistics
from nasreplay.runs.result import TableFacts
from tests.support import fabricate
from tests.support.fabricate import hand

TRUTH = TableFacts(np.array([50.0, 60.0, 70.0, 90.0]), test=np.array([40.0, 55.0, 66.0, 80.0]))
samples = st.lists(st.sampled_from([1.0, 2.0, 2.5, 3.0]), min_size=1, max_size=5).map(np.array)


def test_regret_is_measured_from_the_best_of_the_table():
    result = hand([[0, 1], [2, -1]], [[1.0, 2.0], [1.0, 1.0]])
    assert statistics.regret(result, TRUTH).tolist() == [30.0, 20.0]
    nothing = dataclasses.replace(result, found_flat=np.array([3, -1], np.int32))
    assert np.array_equal(statistics.regret(nothing, TRUTH), [0.0, np.nan], equal_nan=True)


# --- scores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incumbents", "clock", "expected", "why"),
    [
        ([0, 1, 2], [10.0, 90.0, 130.0], 62.5, "between 90 and 130, a quarter of the way"),
        ([0, 1, 2], [80.0, 95.0, 200.0], 50 + 10 * 20 / 15, "80 and 95 are nearest: the line goes on to 100"),
        ([0, 1, 2], [100.0, 140.0, 150.0], 50.0, "a point on the budget"),
        ([1, 2, -1], [90.0, 110.0, 110.0], 65.0, "padding is no point"),
        ([0, 1, 2], [90.0, 110.0, 111.0], 55.0, "equal distances: the earlier point is the first"),
        ([2, -1, -1], [120.0, 0.0, 0.0], 70.0, "a single point"),
        ([1, 2, 2], [100.0, 100.0, 300.0], 70.0, "two points of the same time: the last incumbent"),
        ([0, 1, 2], [10.0, 20.0, 30.0], 70.0, "ended before the budget: the last incumbent"),
        ([0, 1, 2], [0.0, 0.0, 0.0], 70.0, "no clock: the last incumbent"),
    ],
)
def test_published_score_by_hand(incumbents, clock, expected, why):
    scored = statistics.score(hand([incumbents], [clock]), TRUTH, 100.0, "published")
    assert scored == pytest.approx([expected]), why


def test_published_score_as_the_published_script_computes_it():
    truth = fabricate.table()
    assert truth.test is not None
    result = fabricate.sampled(truth, replicas=30)
    scored = statistics.score(result, truth, truth.budget_s, "published", "test")
    for r in range(30):
        info = [(t, a) for t, a in zip(result.clock[r], result.incumbent_flat[r], strict=True) if a >= 0]
        (time_a, arch_a), (time_b, arch_b) = sorted(info, key=lambda x: abs(x[0] - truth.budget_s))[:2]
        first = (time_b - truth.budget_s) / (time_b - time_a) * truth.test[arch_a]
        assert scored[r] == pytest.approx(
            first + (truth.budget_s - time_a) / (time_b - time_a) * truth.test[arch_b]
        )


def test_last_score_and_refusals():
    result = hand([[0, 2]], [[1.0, 2.0]])
    assert statistics.score(result, TRUTH) == 70.0
    assert statistics.score(result, TRUTH, split="test") == 66.0
    with pytest.raises(BadSetting, match="known are last, published"):
        statistics.score(result, TRUTH, 1.0, "best")
    with pytest.raises(BadSetting, match="set one"):
        statistics.score(result, TRUTH, None, "published")
    with pytest.raises(BadSetting, match="no test accuracy"):
        statistics.score(result, dataclasses.replace(TRUTH, test=None), split="test")


# --- anytime curves --------------------------------------------------------------------------------


def test_incumbent_at_by_hand():
    result = hand([[0, 1, 2], [3, -1, -1]], [[10.0, 20.0, 20.0], [15.0, 0.0, 0.0]])
    grid = np.array([5.0, 10.0, 15.0, 20.0, 99.0])
    assert statistics.incumbent_at(result, grid).tolist() == [[-1, 0, 0, 2, 2], [-1, -1, 3, 3, 3]]
    counted = statistics.incumbent_at(result, np.array([0, 1, 2, 3, 4]), "evaluations")
    assert counted.tolist() == [[-1, 0, 1, 2, 2], [-1, 3, 3, 3, 3]]
    regret = statistics.anytime_regret(result, TRUTH, grid)
    assert np.array_equal(regret[0], [np.nan, 40.0, 40.0, 20.0, 20.0], equal_nan=True)
    with pytest.raises(BadSetting, match="known are simulated_s, evaluations"):
        statistics.incumbent_at(result, grid, "hours")


def test_steps_count_where_nothing_is_asked():
    result = hand([[0, 1, 3]], [[0.0] * 3], evaluated=np.zeros((1, 0)), oracle=True)
    assert statistics.incumbent_at(result, np.array([1, 2, 3]), "evaluations").tolist() == [[0, 1, 3]]


def test_incumbent_at_equals_a_plain_search():
    truth = fabricate.table()
    result = fabricate.sampled(truth, replicas=15)
    grid = np.linspace(0, 40_000, 23)
    at = statistics.incumbent_at(result, grid)
    for r, (g, when) in product(range(15), enumerate(grid)):
        seen = [
            a for a, t in zip(result.incumbent_flat[r], result.clock[r], strict=True) if a >= 0 and t <= when
        ]
        assert at[r, g] == (seen[-1] if seen else -1)


# --- intervals -------------------------------------------------------------------------------------


def test_interval_agrees_with_scipy():
    values = np.random.default_rng(3).gamma(2.0, 1.0, 200)
    ours = statistics.summarize(values)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert ours.std == pytest.approx(np.sqrt(((values - values.mean()) ** 2).mean()))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.1 * (theirs.high - theirs.low))
    assert ours == statistics.summarize(values)


def test_small_and_constant_samples():
    assert statistics.summarize(np.full(9, 91.61))[2:4] == pytest.approx((91.61, 91.61), abs=1e-12)
    one = statistics.summarize(np.array([5.0, np.nan]))
    assert (one.mean, one.std, one.size) == (5.0, 0.0, 1)
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(statistics.summarize(np.array([np.nan])).mean)


def test_curve_interval_is_that_of_each_column():
    values = np.random.default_rng(0).normal(size=(40, 3))
    low, high = statistics.mean_interval(values)
    for k in range(3):
        assert (low[k], high[k]) == pytest.approx(statistics.summarize(values[:, k])[2:4])
    values[0, 1] = np.nan
    assert np.isnan(statistics.mean_interval(values)[0]).tolist() == [False, True, False]


# --- ranks and tests -------------------------------------------------------------------------------


@given(st.lists(samples, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_expected_rank_equals_enumeration(lists):
    named = {str(k): values for k, values in enumerate(lists)}
    ranks = [scipy.stats.rankdata([-x for x in drawn]) for drawn in product(*lists)]
    expected = np.mean(ranks, axis=0)
    assert list(statistics.expected_ranks(named).values()) == pytest.approx(expected.tolist())


def test_average_ranks_are_of_searchers_ranked_everywhere():
    ranks = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 2.0, "b": 1.5}]
    assert statistics.average_ranks(ranks) == {"a": 1.5, "b": 1.75}
    assert statistics.average_ranks([]) == {}


def test_holm_by_hand():
    # Holm (1979): sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling
    assert statistics.holm(np.array([0.04, 0.01, 0.03, 0.02])).tolist() == pytest.approx(
        [0.06, 0.04, 0.06, 0.06]
    )
    assert statistics.holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert statistics.holm(np.empty(0)).tolist() == []


def test_pairs_are_all_compared_once():
    rng = np.random.default_rng(0)
    named = {"a": rng.normal(0, 1, 50), "b": rng.normal(1, 1, 40), "c": rng.normal(0, 1, 60)}
    pairs = statistics.compare_pairs(named)
    assert [(p.first, p.second) for p in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair in pairs:
        x, y = named[pair.first], named[pair.second]
        assert pair.p == pytest.approx(scipy.stats.mannwhitneyu(x, y).pvalue)
        assert pair.better == pytest.approx((x[:, None] > y).mean() + 0.5 * (x[:, None] == y).mean())
    assert [p.corrected for p in pairs] == statistics.holm(np.array([p.p for p in pairs])).tolist()


@pytest.mark.filterwarnings("error")
def test_identical_constant_and_single_samples_are_safe():
    spread = np.random.default_rng(0).normal(size=30)
    named = {
        "same": spread,
        "again": spread,
        "flat": np.full(30, 2.0),
        "flat too": np.full(20, 2.0),
        "one": np.ones(1),
    }
    pairs = {(p.first, p.second): p for p in statistics.compare_pairs(named)}
    assert pairs["same", "again"].p == 1.0
    assert pairs["flat", "flat too"].p == 1.0
    assert all(0 <= pair.corrected <= 1 for pair in pairs.values())
    assert statistics.compare_pairs({"one": np.ones(1), "two": np.ones(1)})[0].p == 1.0
    assert statistics.compare_pairs({"alone": spread}) == []


def test_who_stands_apart():
    truth = fabricate.table()
    plain = fabricate.sampled(truth, replicas=2)
    assert statistics.apart(plain) == ""
    assert statistics.apart(fabricate.oracle(truth, replicas=2)) == "oracle"
    assert statistics.apart(dataclasses.replace(plain, settings={"apart": "repeats rea"})) == "repeats rea"
    assert statistics.apart(dataclasses.replace(plain, finished=False, oracle=True)) == "oracle; interrupted"
