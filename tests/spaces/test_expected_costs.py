"""Costs: closed forms equal recorded numbers and whole networks; expected values and gradients are exact."""

import itertools
import re

import numpy as np
import pytest

from nasreplay import load_table
from nasreplay.seeds import Stream
from nasreplay.spaces import SIZE, TOPOLOGY, space_named
from nasreplay.spaces.costs.expected import CellKind, PolynomialCost
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.costs.resources import resources
from nasreplay.spaces.nasnet import NASNET_SPACES
from tests.support.formula import golden

GOLDEN = golden("snas_resources")
NASNET = NASNET_SPACES["nasnet"]


def test_every_recorded_operation():
    for where, operations in GOLDEN["op_costs"].items():
        channels, stride, side = (int(re.sub("[a-zC]", "", part)) for part in where.split("_"))
        for name, numbers in operations.items():
            assert resources(name, channels, stride, side).tolist() == numbers, (where, name)


@pytest.mark.parametrize("size", GOLDEN["cells"])
def test_every_recorded_cell(size):
    channels, cells = map(int, size.replace("C", "").split("_L"))
    kinds = NASNET.costs(10, 32, Plan(channels, cells)).kinds
    sums = [iter(kind.entries.sum(axis=(1, 2)).tolist()) for kind in kinds if isinstance(kind, CellKind)]
    assert [next(sums[row[0]]) for row in GOLDEN["cells"][size]] == [row[1:] for row in GOLDEN["cells"][size]]


def test_nas_bench_201():
    costs = TOPOLOGY.costs(10, 32)
    (kind,), params = costs.kinds, costs.cost("params")
    assert isinstance(kind, CellKind)
    assert isinstance(params, PolynomialCost)
    sums = kind.entries.sum(axis=0)
    for place, name in enumerate(TOPOLOGY.options[0]):
        assert sums[0, place].tolist() == GOLDEN["nasbench201"][name][:3]
        assert round(params.entries[3, place] * 1e6) == GOLDEN["nasbench201"][name][3]
    assert (kind.cells, kind.divisor, params.fixed) == (15, 15, 0.073306)


@pytest.mark.parametrize("space", [TOPOLOGY, SIZE], ids=["topology", "size"])
def test_closed_forms_of_the_benchmarks(space):
    costs, codes = space.costs(100, 32), space.all_codes[::7]
    np.testing.assert_allclose(costs.cost("params").of(codes), space.parameters(codes, 100) / 1e6, rtol=1e-12)
    np.testing.assert_allclose(costs.cost("flops").of(codes), space.flops(codes, 100, 32) / 1e6, rtol=1e-12)


@pytest.mark.parametrize("name", ["nasnet", "nasnet-gdas", "nasnet-gdas-frc", "nasnet-cnas", "nasnet-sparse"])
def test_closed_forms_of_genotypes(name):
    space = space_named(name)
    codes = space.sample(Stream(0, "test", range(5)).at())
    costs = space.costs(10, 32)
    np.testing.assert_allclose(costs.cost("params").of(codes) * 1e6, space.parameters(codes, 10), rtol=1e-9)
    np.testing.assert_allclose(costs.cost("flops").of(codes) * 1e6, space.flops(codes, 10, 32), rtol=1e-9)
    assert [kind.rows.stop for kind in costs.kinds] == [14, 28][: len(costs.kinds)]


def cases():
    table = load_table("cifar10").costs()
    yield from ((TOPOLOGY, table.cost(name)) for name in ("params", "traffic", "latency"))
    yield from ((SIZE, SIZE.costs(10, 32).cost(name)) for name in ("flops", "traffic"))
    yield from ((NASNET, NASNET.costs(10, 32).cost(name)) for name in ("size", "params"))


@pytest.mark.parametrize(("space", "cost"), list(cases()), ids=lambda value: getattr(value, "name", ""))
def test_expected_values_and_gradients_are_exact(space, cost):
    raw = np.random.default_rng(0).random((2, *space.mask.shape)) * space.mask
    weights = raw / raw.sum(axis=-1, keepdims=True)
    value, gradient = cost.expected(weights)
    step = np.zeros_like(weights)
    for edge, option in itertools.product((0, space.edges - 1), (0, space.mask.shape[1] - 1)):
        step[:] = 0
        step[:, edge, option] = 0.25  # multilinear: any step is exact
        ahead = cost.expected(weights + step)[0]
        np.testing.assert_allclose(gradient[:, edge, option], (ahead - value) / 0.25, rtol=1e-7)
    alone, one = cost.expected(weights[:1])
    assert alone[0] == value[0]
    np.testing.assert_array_equal(one[0], gradient[0])
    if space.indexed:
        corner = np.zeros((2, space.edges), dtype=np.int8)
        corner[1] = space.mask.sum(axis=1) - 1
        np.testing.assert_allclose(cost.expected(space.embed(corner))[0], cost.of(corner), rtol=1e-12)
