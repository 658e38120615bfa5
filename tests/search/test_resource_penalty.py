"""The resource penalty equals that of the released SNAS, in value and gradient, for every method and form."""

from typing import Any

import numpy as np
import pytest

from nasreplay import load_table, search
from nasreplay.errors import BadSetting, LacksCapability, UnknownName
from nasreplay.evaluate.table.column_costs import ColumnCost
from nasreplay.search.parts import samplers
from nasreplay.search.parts.constraint import Constrained, Constraint
from nasreplay.search.parts.densities import released
from nasreplay.search.parts.penalty import WEIGHTS
from nasreplay.seeds import Stream
from nasreplay.spaces.costs.expected import Costs
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.nasnet import NASNET_SPACES
from tests.support.formula import golden

GOLDEN = golden("snas_resources")
NASNET = NASNET_SPACES["nasnet"]


class Noise:
    """The recorded Gumbel noise."""

    def __init__(self, edges=14):
        at = 8 * np.arange(edges)[:, None] + np.arange(8) + 1
        u = np.concatenate([at * 0.6180339887498949 % 1, at * 0.7548776662466927 % 1])
        self.values = -np.log(-np.log(u))
        self.logits = np.concatenate([1 + 0.5 * np.sin(at), 1 + 0.5 * np.cos(at)])[None]

    def gumbel(self, count):
        return self.values.reshape(1, count)


NOISE: Any = Noise()


def pulled(settings, costs, temperature=1.0, logits=NOISE.logits):
    sample = samplers.concrete(logits, NOISE, temperature)
    return Constraint(Constrained(**settings), costs, NASNET).pull(logits, sample, lambda: NOISE)


@pytest.mark.parametrize("row", GOLDEN["resource_losses"], ids=lambda row: "-".join(map(str, row[:6])))
def test_value_and_gradient(row):
    (channels, cells), temperature, method, form, terms, baseline, penalty, normal, reduce = row
    costs = NASNET.costs(10, 32, Plan(channels, cells))
    given = {"resource_method": method, "resource_form": form, "resource_terms": terms}
    found = pulled({"resource_weight": 1.0, "resource_baseline": baseline, **given}, costs, temperature)
    assert found.value[0] == pytest.approx(penalty, rel=1e-9)
    for place, expected in ((0, normal), (14, reduce)):
        np.testing.assert_allclose(
            found.gradient[0, place], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
        )


def test_norm_ratio_and_weight():
    costs = NASNET.costs(10, 32, Plan(36, 20))
    own = {"resource_method": "discrete", "resource_weight": 1.0}
    normal, both = (pulled({**own, "resource_ratio": ratio}, costs).value[0] for ratio in (0.0, 1.0))
    counted = pulled({**own, "resource_norm": "cells", "resource_ratio": 0.0}, costs).value[0]
    assert normal == pytest.approx(3 * counted)  # 18 normal cells, and a literal 6
    weighed = pulled({**own, "resource_weight": 0.5}, costs)
    assert weighed.value[0] == pytest.approx(both / 2)
    assert not pulled({"resource_weight": 0.0}, costs).gradient.any()
    assert not pulled({"resource_weight": 1.0, "resource_method": "none"}, costs).gradient.any()


@pytest.mark.parametrize(("method", "form"), WEIGHTS)
def test_published_weights(method, form):
    made = search.SNAS(resource_method=method, resource_form=form)
    assert made.resource_weight == WEIGHTS[method, form]
    assert search.SNAS().resource_weight is None


def test_linear_methods_agree_where_samples_are_cold():
    """All three estimate the same gradient as T → 0; the released policy gradient does not."""
    costs = NASNET.costs(10, 32)
    logits, rows = NOISE.logits[:, :, :], range(4000)
    draws = Stream(0, "test", rows).at()
    several = np.repeat(logits, len(rows), axis=0)
    sample = samplers.hard(several, draws, 1.0)
    own = {"resource_weight": 1e-5, "resource_form": "linear"}
    exact = pulled({**own, "resource_method": "discrete"}, costs).gradient[0]
    drawn = Constraint(Constrained(**own, resource_method="policy-gradient"), costs, NASNET)
    every = drawn.pull(several, sample, lambda: draws).gradient
    assert (abs(every.mean(axis=0) - exact) < 5 * every.std(axis=0) / len(rows) ** 0.5).all()


def test_released_density_is_the_derived_one_where_nothing_is_clamped():
    sample = samplers.concrete(NOISE.logits, NOISE, 1.0)
    assert sample.density
    np.testing.assert_allclose(sample.density(True).value, sample.density(False).value, rtol=1e-12)
    z = sample.mixture.weights
    np.testing.assert_allclose(released(NOISE.logits, z, 1.0).gradient, 8 * z - 1, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"resource_method": "reinforce"}, "one of"),
        ({"resource_form": "square"}, "log, linear"),
        ({"resource_terms": "memory"}, "traffic"),
        ({"resource_weight": -1e-3}, "0 or more"),
        ({"resource_weight": "much"}, "resource_weight"),
        ({"resource_ratio": -1.0}, "0 or more"),
        ({"resource_baseline": True}, "policy-gradient"),
        ({"cost": "latency"}, "--bound"),
        ({"bound": 3.0}, "--cost"),
    ],
)
@pytest.mark.parametrize("kind", [search.SNAS, search.GDAS, search.DartsV1])
def test_bad_settings_are_named(kind, settings, told):
    with pytest.raises(BadSetting, match=told):
        kind(**settings)


def test_what_a_table_cannot_know_is_refused_before_a_step():
    table = load_table("cifar100")
    with pytest.raises(UnknownName, match="latency"):
        search.run(search.GDAS(cost="latencies", bound=3.0), table, seed=0)
    with pytest.raises(BadSetting, match="no architecture has a params below 0"):
        search.run(search.GDAS(cost="params", bound=0.05), table, seed=0)
    unknown = type(table)(table.space, table.levels)
    with pytest.raises(LacksCapability, match="resources"):
        search.run(search.GDAS(resource_weight=1.0), unknown, seed=0)


BOUNDED = ["gdas", *(pytest.param(name, marks=pytest.mark.slow) for name in ("darts-v1", "snas"))]
"""Searchers of one bound (`search.parts.bound`): the first shows what holds for all."""


@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_answers_keep_the_bound_and_end_on_the_front(name):
    table = load_table("cifar100", trial="mean")
    cost, accuracy = table.costs().cost("latency"), table.final.mean_flat
    every = cost.of(table.space.all_codes)
    bound = float(np.quantile(every, 0.5))
    searcher = search.make(name, {"cost": "latency", "bound": bound, "epochs": 400})
    found = search.run(searcher, table, seed=1, replicas=3)
    assert (every[found.incumbent_flat] <= bound * (1 + 1e-12)).all()
    dominated = [
        ((every <= every[flat]) & (accuracy > accuracy[flat])).any() for flat in np.asarray(found.found_flat)
    ]
    assert sum(dominated) <= 1


@pytest.mark.parametrize("name", BOUNDED)
def test_the_best_is_found_where_all_within_the_bound_is_unlikely(name):
    table = load_table("cifar100", trial="mean")
    codes, dear = table.space.all_codes, np.ones(table.space.size)
    few = np.flatnonzero((codes != codes[table.final.mean_flat.argmax()]).all(axis=1))[::20]
    dear[few] = 0.1
    costs = Costs(named={"steps": lambda: ColumnCost("", "", table.space, dear)})
    stepped = type(table)(table.space, table.levels, costs=lambda: costs)
    found = search.run(
        search.make(name, {"cost": "steps", "bound": 0.5, "bound_weight": 0.0}), stepped, seed=1, replicas=10
    )
    best = table.final.mean_flat[few].max()
    assert (table.final.mean_flat[np.asarray(found.found_flat)] == best).sum() >= 9


@pytest.mark.parametrize(
    "method",
    [
        "policy-gradient",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("reparametrization", "discrete")),
    ],
)
def test_more_weight_finds_less(method):
    table = load_table("cifar100", trial="mean")
    params = table.costs().cost("params")
    found = []
    for weight in (0.0, 1e-2, 1.0):
        settings = {"resource_weight": weight, "resource_method": method, "epochs": 150}
        result = search.run(search.make("snas", settings), table, seed=0, replicas=8)
        found.append(params.of(result.from_flat(result.found_flat)).mean())
    assert found[0] > found[1] > found[2]
