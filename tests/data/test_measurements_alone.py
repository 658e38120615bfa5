"""Over packs of any shape, arrays of architectures are answered as the official calls answer for each alone."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nasreplay.compat.nats_bench import create
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.data.measured import Measured
from nasreplay.data.pack import Pack
from nasreplay.errors import NotMeasured
from nasreplay.evaluate.table.load import load_table
from nasreplay.spaces import TOPOLOGY
from tests.support.random_packs import SEEDS, SETS, equal, random_pack

pytestmark = pytest.mark.slow

VALID = {"cifar10-valid": "cifar10", "cifar100": "cifar100"}  # stored → the data set that is searched on
shapes = st.fixed_dictionaries(
    {
        "cells": st.sampled_from([1, 7, 60]),
        "trials": st.integers(1, len(SEEDS)),
        "last": st.integers(1, 4),
        "held": st.sampled_from([("cifar10",), ("cifar10-valid",), ("cifar100",), tuple(SETS)]),
        "holes": st.sampled_from([0.0, 0.3]),
    }
)


def asked_of(pack: Pack, data: st.DataObject) -> tuple[str, np.ndarray, int | None]:
    """A stored data set, flat indices of measured architectures, an epoch."""
    stored = data.draw(st.sampled_from(pack.datasets), label="stored")
    trained = Measurements(pack).trained(stored, "200")
    known = np.flatnonzero(trained.trials.count).tolist()
    flat = np.array(data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=70), label="flat"))
    return stored, flat, data.draw(st.none() | st.integers(1, trained.epochs), label="epoch")


def number(value: Any) -> float:
    return np.nan if value is None else value


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 1), shapes, st.data())
def test_each_alone(seed, shape, data):
    pack, _ = random_pack(seed, **shape)
    asked, api = Measurements(pack), create(pack, "tss", verbose=False)
    stored, flat, epoch = asked_of(pack, data)
    trained = asked.trained(stored, "200")
    indices, iepoch = TOPOLOGY.flat_to_official[flat].tolist(), None if epoch is None else epoch - 1
    for trial in ("mean", *SEEDS[: shape["trials"]]):
        has = np.array([trial == "mean" or trial in trained.trials.seeds_of(each) for each in flat.tolist()])
        if not has.all():
            with pytest.raises(NotMeasured, match=f"was not measured in trial {trial} of"):
                asked.more_info(stored, flat, "200", epoch, trial)
        together = asked.more_info(stored, flat[has], "200", epoch, trial) if has.any() else {}
        for place, index in enumerate(np.array(indices)[has].tolist()):
            alone = api.get_more_info(index, stored, iepoch, "200", False if trial == "mean" else trial)
            assert all(equal(together[key][place], number(alone.get(key))) for key in together)
    costs = asked.cost_info(stored, flat, "200")
    for place, index in enumerate(indices):
        alone = api.get_cost_info(index, stored, "200")
        assert list(alone) == list(costs)
        assert all(equal(costs[key][place], number(alone[key])) for key in costs)


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 1), shapes.filter(lambda shape: shape["held"] != ("cifar10",)), st.data())
def test_each_simulation_alone(seed, shape, data):
    """A drawn trial is that of the global generator, given as the uniform number that picks it."""
    pack, _ = random_pack(seed, **shape)
    asked, api = Measurements(pack), create(pack, "tss", verbose=False)
    stored, flat, epoch = asked_of(pack, data)
    stored = stored if stored in VALID else "cifar100"
    dataset, iepoch = VALID[stored], None if epoch is None else epoch - 1
    count = asked.trained(stored, "200").trials.count[flat]
    state = data.draw(st.integers(0, 999), label="state")
    told, chosen = [], []
    for k, index in enumerate(TOPOLOGY.flat_to_official[flat].tolist()):
        random.seed(state + k)
        chosen.append(random.choice(range(count[k])))
        random.seed(state + k)
        told.append(api.simulate_train_eval(index, dataset, iepoch, "200"))
    uniform = (np.array(chosen) + 0.5) / count
    found = asked.simulate(dataset, flat, "200", epoch, "drawn", uniform, valtest=True)
    accuracy, latency, seconds, clock = (
        np.array([number(each) for each in one], float) for one in zip(*told, strict=True)
    )
    assert equal(found.accuracy, accuracy)
    assert equal(found.latency, latency)
    assert equal(found.seconds, seconds)
    assert np.allclose(np.cumsum(found.seconds), clock, rtol=1e-12)


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 1), shapes.filter(lambda shape: shape["held"] != ("cifar10",)))
def test_queries_and_searches_have_the_same_means(seed, shape):
    pack, _ = random_pack(seed, **shape)
    every = np.arange(TOPOLOGY.size)
    for stored in set(pack.datasets) & set(VALID):
        right = Measurements(pack).more_info(stored, every, "200")["valid-accuracy"]
        assert np.isfinite(right).sum() == shape["cells"]
        assert equal(Measured(pack, VALID[stored], "valid", "200").value, right)
        assert equal(load_table(VALID[stored], table=pack).report(TOPOLOGY.all_codes).valid, right)
