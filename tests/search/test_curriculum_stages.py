"""Stages of the curriculum on shared weights: the recorded schedule of the release, what is open, what is derived."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay import search
from nasreplay.data.agreement import tau_a
from nasreplay.errors import BadSetting
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.jobs.searches.stage_end import FIELDS, end_of_stage, open_sample
from nasreplay.jobs.training.training_target import read_target
from nasreplay.runs.earlier import as_recorded
from nasreplay.runs.record import RunFolder, read_events
from nasreplay.search import Budget
from nasreplay.search.stages import Derivation, Stage
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.testing import synthetic_table
from tests.support.formula import golden

GOLDEN = golden("curriculum_search")
SCHEDULE = GOLDEN["stage_schedule"]
SPACE = NASNET_SPACES["nasnet-cnas"]
BATCH, SHARED = Fidelity("batch", 1), Fidelity("shared", 1)
MODES = {
    "CNAS_OP": ("curriculum", {"order": ",".join(GOLDEN["op_order_by_seed"]["orders"]["2020"]["order"])}),
    "CNAS_NODE": ("curriculum", {"grow": "nodes"}),
    "CNAS_FIX": ("curriculum-fixed", {}),
}


class Weights(EvaluatorBase):
    """Two weight steps and three policy steps an epoch; it counts what an epoch does."""

    kind, dataset, preset, several, abilities = (
        "stub",
        "made up",
        "live",
        False,
        frozenset({"evaluate", "weights"}),
    )
    steps_per_epoch = 2
    held_out_steps: Any = 3  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(self, space):
        self.space: Any = space
        self.epochs: list[Any] = []

    def ladder(self):
        return BATCH, SHARED

    def at_epoch(self, epoch, epochs):
        self.calls, self.trained, self.chooses = Counter(), [], False
        self.epochs.append((self.calls, self.trained))

    def begin_choice(self, most=0):
        self.chooses = True

    def learn(self, mixture, *, need_slope=False, replica=None) -> Any:
        self.calls["learn"] += 1
        self.trained.append(mixture.weights[0])

    def answer(self, codes, at, trial, replica):
        kind = "reward" if at == BATCH else "chosen" if self.chooses else "tried"
        self.calls[kind] += len(codes)
        return Answers(codes.sum(axis=1) % 50.0, np.full(len(codes), -1), np.zeros(len(codes)))


@pytest.mark.parametrize("mode", [pytest.param("CNAS_OP", marks=pytest.mark.slow), "CNAS_NODE", "CNAS_FIX"])
def test_the_schedule_is_that_of_the_release(mode):
    name, changes = MODES[mode]
    facts, evaluator = SCHEDULE[mode], Weights(SPACE)
    searcher: Any = search.make(name, {**changes, "policy": "logits"}, preset="live")
    stages, ended = [], searcher.end_epoch

    def end_epoch(*about):
        ended(*about)
        stages.append(searcher.stage())

    searcher.end_epoch = end_epoch
    search.run(searcher, evaluator, seed=1)
    assert len(evaluator.epochs) == facts["total_weight_epochs"]
    learned = [number for number, (calls, _) in enumerate(evaluator.epochs, 1) if calls["reward"]]
    assert len(learned) == facts["total_controller_epochs"]
    settings = SCHEDULE["settings"]
    assert len(stages) * settings["train_iterations_per_epoch"] == facts["weight_iterations"]
    assert len(learned) * settings["controller_iterations_per_epoch"] == facts["controller_iterations"]
    for stage in facts["stages"]:
        (first, _), (normal, last) = stage["warmup_weight_epochs"], stage["normal_weight_epochs"]
        assert [number for number in learned if first <= number <= last] == list(range(normal, last + 1))
        now = stages[last - 1]
        assert round(now.learned * len(stages)) == stage["derive_at_total_epoch"]
        assert now.nodes == (stage["cur_nodes"] if mode == "CNAS_NODE" else 0)
        if mode == "CNAS_OP":
            assert list(now.operations) == stage["enabled_ops"]
        for number in range(first, last + 1):
            now, calls = stages[number - 1], evaluator.epochs[number - 1][0]
            assert (now.number, len(now.operations)) == (stage["stage"], stage["cur_ops"])
            assert calls["learn"] == 2
            assert (calls["reward"], now.warming) == ((0, True) if number < normal else (3, False))
            assert (now.derived is not None) == (calls["chosen"] == 30) == (number == last)
            assert calls["tried"] == (0 if number == last else 10)
        used = np.sum([trained for _, kept in evaluator.epochs[first - 1 : last] for trained in kept], axis=0)
        names = {SPACE.operations[place] for place in np.flatnonzero(used.sum(axis=0))}
        assert names <= {*stage["enabled_ops"], *(["none"] if mode == "CNAS_NODE" else [])}


@pytest.mark.parametrize(("mode", "count"), [("CNAS_OP", "cur_ops"), ("CNAS_NODE", "cur_nodes")])
def test_sizes_of_the_open_parts(mode, count):
    for facts in GOLDEN["search_space_size"][mode]:
        name, changes = MODES[mode]
        searcher: Any = search.make(name, {**changes, "policy": "logits"}, preset="live")
        searcher.begin(SPACE, (), 0, range(1))
        searcher.state.stage[:] = facts[count] - 1
        stage = searcher.stage()
        assert stage.size == facts["sequences_both_cells"]
        entropy = np.log(stage.open.sum(axis=1))
        assert entropy[:16:2].sum() == pytest.approx(facts["uniform_node_entropy"])
        assert entropy[1:16:2].sum() == pytest.approx(facts["uniform_op_entropy"])
        assert -entropy[:16].sum() == pytest.approx(facts["uniform_log_prob_per_cell"])


def test_as_released_only_four_operations_are_ever_chosen():
    chosen = {}
    for head in ("operations", "nodes"):
        searcher: Any = search.make(
            "curriculum", {"head": head, "hidden": 8, "order": "listed"}, preset="live"
        )
        searcher.begin(SPACE, (), 0, range(200))
        chosen[head] = set(searcher.derive(1)[:, 0, 1::2].ravel().tolist())
    assert chosen == {"operations": set(range(8)), "nodes": set(range(4))}


def test_explicit_stages():
    searcher: Any = search.make(
        "curriculum", {"stages": "none,skip_connect;nor_conv_3x3;avg_pool_3x3,nor_conv_1x1"}
    )
    searcher.begin(TOPOLOGY, (), 0, range(1))
    opened = []
    for number in range(3):
        searcher.state.stage[:] = number
        opened.append((searcher.stage().operations, searcher.stage().size))
    assert opened == [
        (("none", "skip_connect"), 2**6),
        (("none", "skip_connect", "nor_conv_3x3"), 3**6),
        (("none", "skip_connect", "nor_conv_3x3", "avg_pool_3x3", "nor_conv_1x1"), 5**6),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grow": "nodes"}, "grow is nodes: cells of the topology space have no nodes that can be left out"),
        ({"head": "nodes"}, "head is nodes: cells of the topology space have no nodes"),
        ({"grow": "cells"}, "grow is 'cells': one of operations, nodes"),
        ({"turns": "weeks"}, "turns is 'weeks': one of epochs, steps"),
        ({"policy": "controllers"}, "no nodes choose their inputs; lstm or logits"),
        ({"stages": "none;skip_connect"}, "stages is 'none;skip_connect': all of none,skip_connect,nor"),
        ({"stages": "none", "order": "listed"}, "stages says what opens when: leave out grow, order"),
        ({"start_ops": 9}, "start_ops is 9: the space has 5 operations"),
        ({"derive_repeats": 0}, "derive_repeats is 0: it must be above 0"),
        ({"tau_samples": -1}, "tau_samples is -1: it must be 0"),
    ],
)
def test_what_is_refused(changes, said):
    with pytest.raises(BadSetting, match=said):
        search.run(search.make("curriculum", changes, preset="live"), Weights(TOPOLOGY), seed=1)


def test_runs_of_earlier_releases_keep_their_settings():
    now = search.make("curriculum", preset="live")
    recorded = {"policy": "lstm", "live_epochs": 300, "hidden": 128}
    was = as_recorded(now, recorded).settings()
    assert (was["policy"], was["live_epochs"], was["turns"], was["derive_repeats"]) == (
        "lstm",
        300,
        "steps",
        1,
    )
    assert as_recorded(now, now.settings()).settings() == now.settings()
    fixed = search.make("curriculum-fixed", preset="live")
    assert as_recorded(fixed, recorded).settings()["live_epochs"] == 300


class Ends(RunFolder):
    """A run that is gone after its 33rd step."""

    def step(self, step, live, searcher, evaluator):
        super().step(step, live, searcher, evaluator)
        if step == 33:
            raise KeyError("gone")


def test_a_resumed_search_logs_the_same_stages(tmp_path):
    def searched(kind, folder, resume=False):
        recorder = kind(tmp_path / folder, {}, resume=resume, save_every_s=0.0)
        search.run(
            search.make("curriculum"), synthetic_table(), Budget(evaluations=60), seed=7, recorder=recorder
        )
        return [{**event, "wall_s": 0} for event in read_events(tmp_path / folder)]

    whole = searched(RunFolder, "whole")
    assert [event["step"] for event in whole if event["event"] == "stage"] == [1, 16, 31, 46]
    with pytest.raises(KeyError, match="gone"):
        searched(Ends, "two")
    assert searched(RunFolder, "two", resume=True) == whole


# --- what a stage leaves ---------------------------------------------------------------------------


def stage_of(space, codes, nodes=0):
    opened = np.zeros((space.decisions, space.choices.max()), dtype=bool)
    for row in codes:
        opened[np.arange(space.decisions), row] = True
    zeros = np.zeros(codes.shape)
    derived = Derivation(codes, np.array([30.0, 50.0]), 20, 25.0, 5.0, zeros - 0.5, zeros + 0.25)
    return Stage(2, 3, ("a", "b"), nodes, opened, False, 0.4, derived)


@pytest.mark.slow  # drawings
def test_winners_are_files_of_cnas_that_retrain_reads(tmp_path):
    codes = SPACE.sample(Stream(1, "winners", range(2)).at())
    codes[:, 9::2][:, :4] = codes[:, 25::2] = SPACE.operations.index("none")
    stage = stage_of(SPACE, codes, nodes=2)
    end = end_of_stage(stage, stage.derived, Weights(SPACE), None, Stream(0, "tau"), tmp_path, 30)  # pyright: ignore
    place = Path("derive/stage-2/epoch-12")
    assert end.derived == [f"{place}/arch-1.json", f"{place}/arch-2.json"]
    assert "stage 2/3 ended, 2 operations, 2 nodes, best 50.00 % of 20 (25.00 ± 5.00)" in end.line(stage)
    facts = json.loads((tmp_path / place / "arch-2.json").read_text())
    assert list(facts) == list(FIELDS) == GOLDEN["arch_json_keys"]
    assert (facts["derived_acc"], facts["normal_logp"], facts["op_reduced_entropy"]) == (0.5, -8.0, 2.0)
    target = read_target(tmp_path / place / "arch-2.json")
    whole = SPACE.genotype(codes[1])
    assert target.cell.normal.nodes == whole.normal.nodes[:2]  # pyright: ignore
    assert target.cell.normal.concat == (2, 3)  # pyright: ignore[reportAttributeAccessIssue]
    drawn = {f"{cell}_arch-{number}.svg" for cell in ("normal", "reduced") for number in (1, 2)}
    assert drawn <= {file.name for file in (tmp_path / place).iterdir()}


@pytest.mark.slow  # drawings
def test_a_table_ranks_the_winner_and_tells_how_shared_weights_agree(tmp_path):
    table, evaluator = synthetic_table(), Weights(TOPOLOGY)
    searcher: Any = search.make("curriculum", {"order": "listed"}, preset="live")
    searcher.begin(TOPOLOGY, (BATCH, SHARED), 0, range(1))
    searcher.state.stage[:], searcher.state.derives[:] = 2, True
    searcher.state.winners[0] = [[0] * 6, [1] * 6, [2] * 6]
    searcher.state.tried[0] = np.arange(30).reshape(3, 10)
    stage = searcher.stage()
    inside = table.final.mean_flat[stage.has(TOPOLOGY.all_codes)]
    assert len(inside) == 3**6
    for sign, tau in ((1, 1.0), (-1, -1.0), (0, None)):
        evaluator.shared_accuracy = lambda codes, sign=sign: sign * table.report(codes).valid
        end = end_of_stage(stage, stage.derived, evaluator, table, Stream(0, "tau"), tmp_path, 300)  # pyright: ignore
        facts = end.plain()
        assert "table" not in facts
        own = table.report(np.full((1, 6), 2, dtype=np.int8)).valid[0]
        assert facts["winner_rank"] == 1 + (inside > own).sum()
        assert (facts["open_architectures"], facts["open_best"]) == (3**6, inside.max())
        assert (facts.get("kendall_tau"), facts.get("spearman_rho")) == (tau, tau)
        assert 90 < facts["compared"] <= 100
        assert facts["derived"][0] == "derive/stage-3/epoch-120/arch-1.json"
        assert f"of 729 open{f', tau {tau:.2f}' if tau else ', derive'}" in end.line(stage)
    assert str(read_target(tmp_path / facts["derived"][2])) == TOPOLOGY.format([2] * 6)


def test_open_samples_are_distinct_and_open():
    searcher: Any = search.make("curriculum", {"order": "listed"}, preset="live")
    searcher.begin(TOPOLOGY, (), 0, range(1))
    searcher.state.stage[:] = 2
    stage = searcher.stage()
    drawn = open_sample(stage, Stream(5, "tau"), 2000)
    assert stage.has(drawn).all()
    assert len(drawn) == len(np.unique(drawn, axis=0)) > 600  # of 729
    assert len(open_sample(stage, Stream(5, "tau"), 0)) == 0


def test_tau_a_is_the_recorded_one():
    for case in GOLDEN["kendall_tau_a"]:
        assert tau_a(np.array(case["a"]), np.array(case["b"])) == pytest.approx(case["tau"])
