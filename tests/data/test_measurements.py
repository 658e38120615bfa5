"""The rules of the official API over packs of random numbers: arrays of architectures, one at a time, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.compat.nats_bench import create
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.spaces import TOPOLOGY
from tests.support.random_packs import EPOCHS, SEEDS, SETS, equal, random_pack

packs = st.integers(0, 1).map(random_pack)
epochs = st.sampled_from([None, *range(1, EPOCHS + 1)])
datasets = st.sampled_from(list(SETS))


def some(data: st.DataObject, present: np.ndarray) -> np.ndarray:
    """Flat indices of measured architectures, in any order, some of them twice."""
    known = np.flatnonzero(present)
    return np.array(data.draw(st.lists(st.sampled_from(known.tolist()), min_size=1, max_size=100)))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(packs, datasets, epochs, st.data())
def test_many_architectures_are_answered_like_each_alone(made, stored, epoch, data):
    pack, _ = made
    asked, single = Measurements(pack), Measurements(pack)
    flat = some(data, asked.trained(stored, "200").trials.count > 0)
    api = create(pack, "tss", fast_mode=True, verbose=False)
    official, last = TOPOLOGY.flat_to_official[flat], None if epoch is None else epoch - 1
    uniform = np.linspace(0, 1, len(flat), endpoint=False)
    for trial in ("mean", "drawn"):
        together = asked.more_info(stored, flat, "200", epoch, trial, uniform)
        for place in range(len(flat)):
            row = slice(place, place + 1)
            alone = single.more_info(stored, flat[row], "200", epoch, trial, uniform[row])
            assert all(equal(together[key][row], alone[key]) for key in together)
            if trial == "mean":
                told = api.get_more_info(official[place], stored, last, "200", is_random=False)
                numbers = {key: np.nan if value is None else value for key, value in told.items()}
                assert all(equal(together[key][place], numbers.get(key, np.nan)) for key in together)
    costs = asked.cost_info(stored, flat, "200")
    alone = [single.cost_info(stored, flat[i : i + 1], "200") for i in range(len(flat))]
    assert all(equal(costs[key], np.concatenate([each[key] for each in alone])) for key in costs)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(packs, datasets, epochs, st.sampled_from(["mean", *SEEDS]), st.data())
def test_numbers_are_those_of_the_rules(made, stored, epoch, trial, data):
    """Against the rules in plain Python, over the numbers that went into the pack."""
    pack, numbers = made
    asked = Measurements(pack)
    trained = asked.trained(stored, "200")
    has = trained.trials.count > 0 if trial == "mean" else trained.trials.present[:, SEEDS.index(trial)]
    flat = some(data, has)
    found = asked.more_info(stored, flat, "200", epoch, trial)
    groups = {"train": "train", "valid": "x-valid", "test": "x-test", "valtest": "ori-test"}
    groups |= {"test": "ori-test"} if stored.startswith("cifar10-") or stored == "cifar10" else {}
    last = epoch or EPOCHS
    for group in {key.split("-")[0] for key in found}:
        path = f"{stored}/200/{groups[group]}"
        for metric in ("loss", "accuracy"):
            trials = numbers[f"{path}/{metric}"][flat, :, last - 1]
            for place, row in enumerate(trials):
                known = [row[i] for i in range(len(SEEDS)) if trained.trials.present[flat[place], i]]
                right = sum(known) / len(known) if trial == "mean" else row[SEEDS.index(trial)]
                assert equal(found[f"{group}-{metric}"][place], right)
        seconds = f"{stored}/200/seconds_per_epoch" if group == "train" else f"{path}/eval_seconds"
        unknown = np.isnan(found[f"{group}-accuracy"]) & (group != "train")
        right = np.where(unknown, np.nan, pack.column(seconds)[flat])
        assert equal(found[f"{group}-per-time"], right)
        assert equal(found[f"{group}-all-time"], right * last)


@settings(max_examples=15, deadline=None)
@given(packs, st.sampled_from(["cifar10", "cifar100"]), epochs, st.data())
def test_a_simulation_tells_validation_and_charges_training_and_one_pass(made, dataset, epoch, data):
    pack, _ = made
    asked = Measurements(pack)
    stored = "cifar10-valid" if dataset == "cifar10" else dataset
    flat = some(data, asked.trained(stored, "200").trials.count > 0)
    info = asked.more_info(stored, flat, "200", epoch)
    early = dataset == "cifar100" and epoch in (1, 2)
    if early:
        with pytest.raises(NotMeasured, match="valtest=True"):
            asked.simulate(dataset, flat, "200", epoch)
    told = asked.simulate(dataset, flat, "200", epoch, valtest=True)
    assert equal(told.accuracy, info["valtest-accuracy" if early else "valid-accuracy"])
    assert (told.valtest == early).all()
    evaluation = pack.column(f"{stored}/200/x-valid/eval_seconds")[flat]
    assert equal(told.seconds, info["train-all-time"] + evaluation)
    assert equal(told.latency, asked.cost_info(dataset, flat, "200")["latency"])


def test_costs_that_differ_are_those_of_trial_888_or_the_closed_form():
    pack, _ = random_pack(0)
    trained = Measurements(pack).trained("cifar10", "200")
    stored = pack.column("cifar10/200/params")
    differ = np.flatnonzero(
        (np.nanmax(stored, axis=1, initial=0) - np.nanmin(stored, axis=1, initial=1)) > 1e-4
    )
    several = [flat for flat in differ if trained.trials.count[flat] > 1]
    assert several
    closed = TOPOLOGY.parameters(TOPOLOGY.from_flat(differ), 10) / 1e6
    for flat, right in zip(differ, closed, strict=True):
        if flat in several:
            assert trained.params[flat] == (stored[flat, 2] if trained.trials.present[flat, 2] else right)


def test_a_latency_of_zero_is_left_out():
    pack, _ = random_pack(0)
    trained = Measurements(pack).trained("cifar10", "200")
    stored = pack.column("cifar10/200/latency")
    none = (np.nan_to_num(stored, nan=-1) <= 0).all(axis=1)
    assert np.isnan(trained.latency[none]).all()
    assert (trained.latency[~none] > 0).all()
    assert (stored[none] == 0).any()


def test_what_is_not_there_is_refused_by_name():
    pack, _ = random_pack(0)
    asked = Measurements(pack)
    trained = asked.trained("cifar10", "200")
    lacking = np.flatnonzero((trained.trials.count > 0) & ~trained.trials.present[:, 0])[:1]
    with pytest.raises(
        NotMeasured, match=r"\| was not measured in trial 111 of cifar10 at recipe 200; trials: (777|888)"
    ):
        asked.more_info("cifar10", lacking, "200", trial=111)
    with pytest.raises(
        NotMeasured, match=r"no trial 5 of cifar10 at recipe 200; trials: 111, 777, 888, or 'mean'"
    ):
        asked.more_info("cifar10", lacking, "200", trial=5)
    with pytest.raises(NotMeasured, match=r"no recipe '12' of cifar10: it has 200"):
        asked.more_info("cifar10", lacking, "12")
    with pytest.raises(BadSetting, match=r"epoch 4 of cifar10 at recipe 200: it has the epochs 1 to 3"):
        asked.more_info("cifar10", lacking, "200", epoch=4)
    nothing = np.flatnonzero(trained.trials.count == 0)[:1]
    with pytest.raises(NotMeasured, match="was not measured after epoch 3"):
        asked.simulate("cifar10", nothing, "200")


def test_all_architectures_at_an_early_epoch_are_read_at_once():
    pack, numbers = random_pack(0)
    found = Measurements(pack).more_info("cifar10", np.arange(TOPOLOGY.size), "200", 2)
    values = numbers["cifar10/200/ori-test/loss"][:, :, 1]
    measured = ~np.isnan(values).all(axis=1)
    assert equal(found["test-loss"][measured], np.nanmean(values[measured], axis=1))
    assert np.isnan(found["test-loss"][~measured]).all()
