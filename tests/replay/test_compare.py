import dataclasses
import json
import pickle

import numpy as np
import pytest

from nasreplay.data.pack import Pack, write_pack
from nasreplay.errors import BadOutput, BadSetting
from nasreplay.replay.budgets import time_budget
from nasreplay.replay.comparing import compare
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.replay.tables import Tables, notes
from nasreplay.runs.store import read_comparison
from nasreplay.search import REA, make, run
from nasreplay.spaces import TOPOLOGY

QUICK = Plan(
    searchers=(make("random"), make("rea")), datasets=("cifar10",), replicas=3, evaluations=12, seed=5
)


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def timed(tmp_path_factory) -> Pack:
    """A 12-epoch table with training and evaluation seconds and test accuracy, and a 200-epoch recipe."""
    draw = np.random.default_rng(0)
    columns = {}
    for stored in ("cifar10-valid", "cifar100"):
        for recipe in ("12", "200"):
            columns[f"{stored}/{recipe}/seeds"] = np.array([777])
            columns[f"{stored}/{recipe}/seconds_per_epoch"] = draw.uniform(5, 50, TOPOLOGY.size)
            columns[f"{stored}/{recipe}/x-valid/accuracy"] = draw.uniform(10, 90, (TOPOLOGY.size, 1))
            columns[f"{stored}/{recipe}/x-valid/eval_seconds"] = draw.uniform(1, 2, TOPOLOGY.size)
    columns["cifar100/200/x-test/accuracy"] = draw.uniform(10, 90, (TOPOLOGY.size, 1))
    epochs = {name[: -len("/seeds")]: int(name.split("/")[1]) for name in columns if name.endswith("/seeds")}
    path = tmp_path_factory.mktemp("timed") / "timed.h5"
    return write_pack(path, TOPOLOGY, columns, title="timed", source="a test", licence="MIT", epochs=epochs)


def told(plan: Plan) -> str:
    return " ".join(notes(Tables(plan)))


def quiet(done: int, total: int, what: str) -> None:
    """No progress."""


# --- budgets, in numbers and in words ---------------------------------------------------------------


def test_budgets_are_scaled_to_the_embedded_recipe():
    plan = Plan(searchers=(make("random"),))
    tables = Tables(plan)
    assert tables.datasets == ("cifar10", "cifar100", "ImageNet16-120")
    seconds = [tables.budget(dataset).simulated_s for dataset in tables.datasets]
    assert seconds == pytest.approx([20_000 * 200 / 12, 40_000 * 200 / 12, 120_000 * 200 / 12])
    assert time_budget(tables.of("cifar10")).words == "scaled (published × 200/12)"
    assert "scaled (published × 200/12)" in told(plan)


def test_budgets_of_a_12_epoch_recipe_are_published(timed):
    plan = Plan(searchers=(make("random"),), datasets=("cifar10",), table=str(timed.path), recipe="12")
    assert Tables(plan).budget("cifar10").simulated_s == 20_000
    assert time_budget(Tables(plan).of("cifar10")).words == "published"
    assert "Budgets: published." in told(plan)
    assert "scaled" not in told(plan)


def test_a_given_budget_replaces_the_published_one():
    plan = dataclasses.replace(QUICK, budget=900.0)
    limits = Tables(plan).budget("cifar10")
    assert (limits.simulated_s, limits.evaluations) == (900.0, 12)
    assert "published ×" not in told(plan)


# --- notes -----------------------------------------------------------------------------------------


def test_notes_of_the_embedded_table():
    text = told(Plan(searchers=searchers_of(("random", "bohb", "darts-v1"), "plain"), datasets=("cifar10",)))
    assert "told one drawn trial at epoch 200 of recipe 200" in text
    assert "No test accuracy: the table holds none." in text
    assert "evaluation seconds unknown, counted as 0" in text
    assert "bohb: one rung (model only)" in text
    assert "oracle: its slope reads the whole table" in text
    assert "darts-v1: epochs 400, learning_rate 0.1, weight_decay 0.0" in text


def test_notes_of_a_complete_table(timed):
    plan = Plan(
        searchers=searchers_of(("random", "darts-v1"), "plain"),
        datasets=("cifar100",),
        table=str(timed.path),
        recipe="12",
        trial=777,
    )
    text = told(plan)
    assert "told trial 777 at epoch 12 of recipe 12" in text
    assert "the score is the mean over trials at epoch 200 of recipe 200" in text
    for absent in ("No test accuracy", "unknown", "one rung"):
        assert absent not in text
    assert "told the mean over trials" in told(dataclasses.replace(plan, trial="mean"))
    assert "oracle" in text
    assert "oracle" not in told(dataclasses.replace(plan, gradient="sampled"))


# --- the folder ------------------------------------------------------------------------------------


def test_a_comparison_is_its_searches(tmp_path):
    said = []
    made = compare(QUICK, tmp_path, tell=lambda *line: said.append(line))
    assert said == [(0, 2, ""), (1, 2, "random on cifar10"), (2, 2, "rea on cifar10")]
    assert [result.searcher for result in made.results] == ["random", "rea"]
    tables = Tables(QUICK)
    table = tables.of("cifar10")
    for result in made.results:
        budget = tables.budget("cifar10")
        alone = run(QUICK.searcher(result.searcher), table, budget, seed=5, replicas=3)
        np.testing.assert_array_equal(result.observed, alone.observed)
        np.testing.assert_array_equal(result.clock, alone.clock)
    np.testing.assert_array_equal(made.tables["cifar10"].final_mean, table.final.mean_flat)
    assert made.settings["interrupted"] is False
    assert read_comparison(tmp_path).settings == made.settings


def test_a_ctrl_c_between_two_searches_keeps_the_first(tmp_path):
    def stop(done: int, total: int, what: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    made = compare(QUICK, tmp_path, tell=stop)
    assert made.settings["interrupted"] is True
    assert [result.searcher for result in made.results] == ["random"]
    assert len(read_comparison(tmp_path).results) == 1
    made = compare(QUICK, tmp_path, tell=quiet)
    assert made.settings["interrupted"] is False
    assert [result.searcher for result in made.results] == ["random", "rea"]


def test_seed_minus_one_takes_the_recorded_one(tmp_path):
    fresh = dataclasses.replace(QUICK, seed=-1)
    seed = compare(fresh, tmp_path, tell=quiet).settings["seed"]
    assert seed == json.loads((tmp_path / "run.json").read_text())["seed"] >= 0
    (tmp_path / "results.h5").unlink()
    assert {one.settings["seed"] for one in compare(fresh, tmp_path, tell=quiet).results} == {seed}


def test_a_folder_of_another_plan_is_refused(tmp_path):
    compare(QUICK, tmp_path, tell=quiet)
    with pytest.raises(BadOutput, match="replicas = 3, now 2"):
        compare(dataclasses.replace(QUICK, replicas=2), tmp_path, tell=quiet)
    changed = dataclasses.replace(QUICK, searchers=(make("random"), REA(tournament=2)))
    with pytest.raises(BadOutput, match=r"searchers\.rea\.tournament = 3, now 2"):
        compare(changed, tmp_path, tell=quiet)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BadOutput, match=r"run\.json, line 1: not JSON"):
        compare(QUICK, tmp_path, tell=quiet)


def test_a_plan_refuses_what_needs_no_table():
    with pytest.raises(BadSetting, match="replicas is 0"):
        dataclasses.replace(QUICK, replicas=0)
    with pytest.raises(BadSetting, match="a searcher is compared once: rea, rea"):
        Plan(searchers=(REA(), REA(population=5)))
    with pytest.raises(BadSetting, match="'best': drawn, mean, or the seed of a trial"):
        Plan(trial="best")
    assert Plan(trial="777").trial == 777


def test_a_table_is_opened_once_and_a_plan_carries_none(tmp_path):
    tables = Tables(QUICK)
    assert tables.of("cifar10") is tables.seen_by(make("rea"), "cifar10")
    compare(QUICK, tmp_path, tell=quiet)
    sent = pickle.dumps(QUICK)
    assert len(sent) < 2_000
    assert pickle.loads(sent) == QUICK
