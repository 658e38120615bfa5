"""The tabular numbers recorded with SNAS: slopes of two formula-defined tables, and whole trajectories."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay import search
from nasreplay.evaluate.protocol import Fidelity, Slope
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.search.base import Live
from nasreplay.search.parts.samplers import concrete, concrete_score, hard, relaxed
from nasreplay.seeds import Draws
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.genotypes.derivation import softmax

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "snas_tabular.json").read_text())
DIGITS = TOPOLOGY.all_codes.astype(int)
EDGE, OPTION = np.meshgrid(np.arange(6), np.arange(5), indexing="ij")
ALPHA = 1 + 0.5 * np.sin(5 * EDGE + OPTION + 1)


def table_of(values, **settings):
    return TableEvaluator(TOPOLOGY, [FidelityTable(Fidelity("made", 1), values)], trial="mean", **settings)


def table_a():
    index = DIGITS @ 5 ** np.arange(6)
    return table_of(50 + ((31 * index**2 + 7919 * index) % 4001) / 100)


def table_b(**settings):
    q, s = np.array([0, 6, 4, 9, 2]), np.array([1, 0.5, 0.5, 1, 0.5, 1])
    return table_of(40 + q[DIGITS] @ s + 2 * ((DIGITS[:, 0] == 3) & (DIGITS[:, 5] == 1)), **settings)


class RecordedNoise(Draws):
    """Draws whose uniforms follow the recorded rule; `step` counts calls."""

    def __init__(self):
        self.step = 0

    def gumbel(self, count):
        place = 30 * self.step + 5 * EDGE + OPTION + 1
        self.step += 1
        return -np.log(-np.log(np.mod(place * 0.6180339887498949, 1))).reshape(1, -1)

    def __len__(self):
        return 1


def test_tables_are_the_recorded_ones():
    for table, letter in ((table_a(), "A"), (table_b(), "B")):
        values = table.levels[0].mean_flat
        mean = GOLDEN["mean"] if letter == "A" else GOLDEN["table_B_mean"]
        assert values.mean() == pytest.approx(mean, rel=1e-12)
        assert values.max() == pytest.approx(
            GOLDEN["max"] if letter == "A" else GOLDEN["table_B_max"], rel=1e-12
        )


def test_exact_slope():
    sample = relaxed(ALPHA[None], RecordedNoise(), 1.0)
    slope = table_a().slope(sample.mixture)
    assert 100 * (1 - slope.loss[0]) == pytest.approx(GOLDEN["exact"]["F"], abs=1e-10)
    np.testing.assert_allclose(-100 * sample.vjp(slope)[0], GOLDEN["exact"]["grad_alpha"], atol=1e-10)


@pytest.mark.parametrize("temperature", ["1.0", "0.5", "0.1", "0.03"])
def test_relaxed_slope(temperature):
    golden = GOLDEN[f"relaxed_T={temperature}"]
    sample = concrete(ALPHA[None], RecordedNoise(), float(temperature))
    slope = table_a().slope(sample.mixture)
    gradient = -100 * sample.vjp(slope)[0]
    np.testing.assert_allclose(sample.mixture.weights[0, 0], golden["z_row0"], atol=1e-12)
    assert 100 * (1 - slope.loss[0]) == pytest.approx(golden["F"], abs=1e-10)
    np.testing.assert_allclose(gradient[0], golden["grad_alpha_row0"], atol=1e-9)
    assert np.linalg.norm(gradient) == pytest.approx(golden["grad_norm"], rel=1e-9)


def test_hard_sample_slope():
    golden = GOLDEN["discrete_sample"]

    class Chosen(RecordedNoise):
        def categorical(self, probabilities):
            return np.array([golden["digits"]], dtype=np.int8)

    sample = hard(ALPHA[None], Chosen(), 1.0)
    slope = table_a().slope(sample.mixture)
    value = 100 * (1 - slope.loss[0])
    assert value == pytest.approx(golden["value"], abs=1e-12)
    # the recorded gradient is of value·log p; ours of loss·log p
    score = sample.vjp(slope)[0, 0] / slope.loss[0]
    np.testing.assert_allclose(value * score, golden["reinforce_grad_row0"], atol=1e-10)


@pytest.mark.parametrize("temperature", ["1.0", "0.5", "0.1"])
def test_mean_sample(temperature):
    golden = GOLDEN[f"mean_sample_T={temperature}"]
    draws = search.make("snas")
    draws.begin(TOPOLOGY, (), 0, range(40_000))
    logits = np.broadcast_to(ALPHA, (40_000, 6, 5))
    mean = concrete(logits, draws.draws(np.arange(40_000)), float(temperature)).mixture.weights.mean(axis=0)
    np.testing.assert_allclose(mean[0], golden["row0"], atol=0.01)
    np.testing.assert_allclose(mean[5], golden["row5"], atol=0.01)


CONCRETE = json.loads((Path(__file__).parents[1] / "golden" / "snas_concrete.json").read_text())
PLACE = 8 * np.arange(14)[:, None] + np.arange(8)


class RecordedCellNoise(Draws):
    """Draws for the 14 edges of a cell, whose uniforms follow the recorded rule."""

    def __init__(self, fraction):
        self.fraction = fraction

    def gumbel(self, count):
        return -np.log(-np.log(np.mod((PLACE + 1) * self.fraction, 1))).reshape(1, -1)


@pytest.mark.parametrize("temperature", ["1.0", "0.5", "0.1", "0.03"])
@pytest.mark.parametrize(
    ("kind", "wave", "fraction"),
    [("normal", np.sin, 0.6180339887498949), ("reduce", np.cos, 0.7548776662466927)],
)
def test_concrete_samples(kind, wave, fraction, temperature):
    wanted = CONCRETE["concrete_samples"][f"T={temperature}"]
    logits = 1 + 0.5 * wave(PLACE + 1)[None]
    found = concrete(logits, RecordedCellNoise(fraction), float(temperature)).mixture.weights[0]
    assert (PLACE * found).sum() == pytest.approx(wanted[f"{kind}_weighted_sum"], rel=1e-9)
    assert found.argmax(axis=1).tolist() == wanted[f"{kind}_argmax"]
    np.testing.assert_allclose(found[0], wanted[f"{kind}_row0"], rtol=1e-9)


def test_the_score_of_the_concrete_density():
    """At temperature 1, where the released clamps touch no entry."""
    sample = concrete_score(1 + 0.5 * np.sin(PLACE + 1)[None], RecordedCellNoise(0.6180339887498949), 1.0)
    score = sample.vjp(Slope(np.ones(1), np.zeros(0), True, Fidelity("made", 1), -1))[0]
    np.testing.assert_allclose(score[0], CONCRETE["score_T=1.0"], rtol=1e-9)


def driven(table, logits, steps, **settings):
    """A SNAS searcher with recorded noise, stepped by hand; yields the step number after each step."""
    searcher: Any = search.make("snas", settings)
    searcher.begin(TOPOLOGY, table.ladder(), 0, range(1))
    searcher.state.logits[:] = logits
    noise = RecordedNoise()
    searcher.draws = lambda rows: noise
    for step in range(steps):
        epoch = step // table.steps_per_epoch
        searcher.step(table, Live(np.array([0]), np.zeros(1), epoch, searcher.epochs))
        yield step + 1, searcher


def test_trajectory_a():
    golden = GOLDEN["trajectory_A_adam_3e-4_wd1e-3"]["after_step"]
    for step, searcher in driven(
        table_a(), ALPHA, 20, learning_rate=3e-4, weight_decay=1e-3, temperature_epochs=150, gradient_clip=0.0
    ):
        if str(step) in golden:
            logits = searcher.state.logits[0]
            np.testing.assert_allclose(logits[0], golden[str(step)]["alpha_row0"], atol=1e-9)
            np.testing.assert_allclose(logits[3], golden[str(step)]["alpha_row3"], atol=1e-9)
            assert searcher.state.loss[0] == pytest.approx(golden[str(step)]["loss"], abs=1e-9)


def test_trajectory_b():
    golden = GOLDEN["trajectory_B_adam_lr0.05"]["at_epoch"]
    table = table_b(steps_per_epoch=4)
    checked = 0
    for step, searcher in driven(table, 1.0, 600, epochs=150, learning_rate=0.05, weight_decay=0.0):
        epoch = step // 4 - 1
        if step % 4 == 0 and str(epoch) in golden:
            checked += check_b(table, searcher, golden[str(epoch)])
    assert checked == len(golden)


def test_trajectory_b_exact():
    golden = GOLDEN["trajectory_B_exact_objective_adam_lr0.05"]["after_step"]
    settings = {"epochs": 300, "learning_rate": 0.05, "weight_decay": 0.0, "estimator": "exact"}
    checked = 0
    for step, searcher in driven(table_b(), 1.0, 300, **settings):
        if str(step) in golden:
            checked += check_b(table_b(), searcher, golden[str(step)])
    assert checked == len(golden)


def check_b(table, searcher, golden):
    p = softmax(searcher.state.logits)
    value = 100 * (1 - table.slope(relaxed(searcher.state.logits, RecordedNoise(), 1.0).mixture).loss[0])
    assert value == pytest.approx(golden["F_softmax"], abs=1e-3)
    assert searcher.incumbent()[0].tolist() == golden["argmax"]
    if "entropy" in golden:
        assert -(p * np.log(p)).sum() == pytest.approx(golden["entropy"], abs=1e-3)
    return 1


def test_several_samples_a_step_count_as_their_mean():
    table = table_b()

    def found(samples, estimator):
        searcher: Any = search.make("snas", {"samples": samples, "estimator": estimator})
        search.run(searcher, table, search.Budget(epochs=3), seed=2, replicas=2)
        return searcher.state.logits

    np.testing.assert_allclose(found(3, "exact"), found(1, "exact"), rtol=1e-12)  # which draws nothing
    assert not np.allclose(found(2, "concrete"), found(1, "concrete"))


@pytest.mark.parametrize("estimator", ["concrete", "hard", "score"])
def test_the_gradient_of_several_samples_is_the_mean_of_theirs(estimator):
    searcher: Any = search.make("snas", {"samples": 3, "estimator": estimator})
    table = table_b()
    searcher.begin(TOPOLOGY, table.ladder(), 4, range(2))
    table.begin(4, range(2), search.Budget())
    rows = np.arange(2)
    together = searcher.sample(rows, 0.7)
    gradient = together.vjp(table.slope(together.mixture, replica=np.tile(rows, 3)))
    searcher.begin(TOPOLOGY, table.ladder(), 4, range(2))
    searcher.samples = 1
    alone = [searcher.sample(rows, 0.7) for _ in range(3)]
    wanted = np.mean([one.vjp(table.slope(one.mixture, replica=rows)) for one in alone], axis=0)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)
