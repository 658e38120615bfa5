from typing import Any

import numpy as np
import pytest

from nasreplay.data.custom_dataset import from_json
from nasreplay.data.pack import Pack
from nasreplay.data.pack.check import verify
from nasreplay.errors import BadArchitecture, BadOutput, BadSetting, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.spaces import TOPOLOGY
from tests.support.tabulating import FEW, SOME, LiveTested, live

# --- round trips -----------------------------------------------------------------------------------


def test_a_trial_of_a_table(source, pixels, tmp_path):
    made = tabulate(pixels, None, tmp_path / "one.h5", trial=777)
    assert verify(made) == []
    assert made.seeds("pixels", "12").tolist() == [777]
    copy, first = load_table("pixels", table=made, trial=777), load_table("pixels", table=source, trial=777)
    for one, other in zip(asked(copy), asked(first), strict=True):
        np.testing.assert_array_equal(one, other)
    assert copy.test is None  # the test accuracy of that trial alone is not told
    assert made.custom == source.custom
    assert made.licence == "CC0"
    assert list(tmp_path.iterdir()) == [made.path]


def asked(table: TableEvaluator) -> tuple[np.ndarray, ...]:
    every = table.space.all_codes
    return table.evaluate(every, replica=np.zeros(len(every), dtype=int))[2:5]


def test_all_trials_of_a_table(source, pixels, tmp_path):
    made = tabulate(pixels, None, tmp_path / "all.h5", trial=[888, 777])
    for path in ("seeds", "x-valid/accuracy"):
        np.testing.assert_array_equal(made.column(f"pixels/12/{path}"), source.column(f"pixels/12/{path}"))
    copy, first = load_table("pixels", table=made), load_table("pixels", table=source)
    np.testing.assert_array_equal(copy.levels[0].seconds, first.levels[0].seconds)
    assert verify(made) == []


@pytest.mark.parametrize("dataset", ["pixels", "cifar10"])
def test_the_mean_with_its_test_accuracy(source, tmp_path, dataset):
    table = load_table(dataset, table=source, trial="mean")
    copy = load_table(dataset, table=tabulate(table, None, tmp_path / "mean.h5"), trial="mean")
    codes = TOPOLOGY.all_codes
    for one, other in zip(copy.report(codes)[:2], table.report(codes)[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(asked(copy)[0], asked(table)[0])
    np.testing.assert_allclose(asked(copy)[2], asked(table)[2], rtol=1e-15)
    assert verify(Pack.open(tmp_path / "mean.h5")) == []


def test_an_evaluator_with_weights(tmp_path):
    made = tabulate(live(), FEW, tmp_path / "live.h5")
    assert made.recipes("my-images") == {"shared": 1}
    base = "my-images/shared"
    accuracy = FEW.sum(axis=1) / 7
    np.testing.assert_array_equal(made.column(f"{base}/x-valid/accuracy")[:40, 0], accuracy)
    np.testing.assert_array_equal(
        made.column(f"{base}/seconds_per_epoch")[:40], np.where(accuracy, accuracy / 9, np.nan)
    )
    assert made.seeds("my-images", "shared").tolist() == [-1]
    assert made.accuracy("my-images")[1].sentence == "accuracy with shared weights (read from my-images)"
    assert "40 of 32,768 architectures" in made.title
    assert not made.has(f"{base}/x-test/accuracy")
    assert np.isfinite(made.column(f"{base}/x-valid/accuracy")).sum() == 40
    assert verify(made) == []


def test_an_evaluator_may_say_what_its_data_are(tmp_path):
    said = {"classes": 7, "resolution": 16, "training_images": 100, "sets": {"x-test": {"images": 5}}}
    evaluator: Any = LiveTested(own=said)
    made = tabulate(evaluator, FEW[1:], tmp_path / "live.h5")
    assert made.custom == {"my-images": from_json(said)}
    test = made.accuracy("my-images", "test")[0]
    np.testing.assert_array_equal(test[1:40, 0], FEW[1:].sum(axis=1) / 8)


def test_an_epoch_inside_a_recipe_is_another_recipe(tmp_path):
    evaluator: Any = LiveTested()
    made = tabulate(evaluator, FEW, tmp_path / "live.h5", at=Fidelity("12", 2))
    assert made.recipes("my-images") == {"12-at-2": 2}
    assert made.sets("my-images", "12-at-2") == ("x-valid",)


# --- part of a space -------------------------------------------------------------------------------


def test_what_is_not_measured_stays_unknown(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:100], tmp_path / "part.h5", trial=888, chunk=30)
    held = int(np.isfinite(source.column("pixels/12/x-valid/accuracy")[: 7 * 100 : 7, 1]).sum())
    assert 60 < held < 100
    assert f"{held} of 15,625 architectures" in part.title
    table = load_table("pixels", table=part, trial="mean")
    again = tabulate(table, None, tmp_path / "again.h5")
    np.testing.assert_array_equal(
        again.column("pixels/12/x-valid/accuracy"), part.column("pixels/12/x-valid/accuracy")
    )


def test_a_table_of_nothing_is_refused(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:5], tmp_path / "part.h5")
    table = load_table("pixels", table=part, trial="mean")
    with pytest.raises(NotMeasured, match="table has measured none of these"):
        tabulate(table, SOME[50:60], tmp_path / "none.h5")
    with pytest.raises(NotMeasured, match="no trial 5 at epoch 12 of recipe 12; trials: 777, 888"):
        tabulate(pixels, SOME[:5], tmp_path / "none.h5", trial=[777, 5])
    with pytest.raises(BadSetting, match="no architecture"):
        tabulate(pixels, SOME[:0], tmp_path / "none.h5")
    assert list(tmp_path.iterdir()) == [part.path]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"shard": (0, 2)}, BadSetting, "shard 0/2"),
        ({"shard": (3, 2)}, BadSetting, "shard 3/2"),
        ({"shard": (1, 9_999)}, BadSetting, "n at most 2,233"),
        ({"at": Fidelity("200", 200)}, NotMeasured, "epoch 200 of recipe 200 is not on offer: epoch 12 of"),
        ({"trial": "drawn"}, BadSetting, "not filled with drawn trials"),
        ({"codes": np.full((2, 6), 9)}, BadArchitecture, "code 9"),
    ],
)
def test_bad_settings_write_nothing(pixels, tmp_path, settings, error, message):
    codes = settings.pop("codes", SOME)
    with pytest.raises(error, match=message):
        tabulate(pixels, codes, tmp_path / "none.h5", **settings)
    assert not list(tmp_path.iterdir())


def test_names_are_checked_before_the_work(tmp_path):
    evaluator = live(dataset="a/b")
    with pytest.raises(BadSetting, match="cannot be called 'a/b'"):
        tabulate(evaluator, FEW, tmp_path / "none.h5")
    assert evaluator.asked == 0


def test_a_spent_budget_is_no_answer(pixels, tmp_path):
    pixels.begin(0, range(1), Budget(evaluations=10))
    with pytest.raises(BadSetting, match="budget is spent"):
        tabulate(pixels, SOME, tmp_path / "none.h5", chunk=20)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(BadOutput, match="cannot be written: No such file"):
        tabulate(live(), FEW, tmp_path / "absent" / "out.h5")


def test_a_space_too_large_for_a_table(tmp_path):
    evaluator = live()
    evaluator.space = type("Large", (), {"size": 10**30, "name": "nasnet"})()
    with pytest.raises(BadSetting, match="too many"):
        tabulate(evaluator, None, tmp_path / "out.h5")
