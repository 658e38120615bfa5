"""RSPS, SETN and ENAS: recorded numbers, published updates, and what they ask of a table and of shared weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.search.parts import adam
from nasreplay.search.parts.candidates import answer_best, answer_first
from nasreplay.search.parts.policies import ENASController
from nasreplay.search.searchers.weight_sharing import most_probable
from nasreplay.spaces import SIZE, TOPOLOGY
from nasreplay.testing import random_codes, synthetic_table
from tests.support.stand_in import BATCH, StandIn

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "sharing.json").read_text())
RECORDED = ["input", *(f"{what}_{layer}" for layer in (0, 1) for what in
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh")), "embedding", "head", "head_bias"]  # fmt: skip
OPEN = np.ones((1, 6, 5), dtype=bool)


def hashed(count, salt):
    """v(t, salt) of the recorded files, t = 0 .. count − 1."""
    z = (np.arange(count, dtype=np.uint64) + np.uint64(1 + 1000003 * salt)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        z = ((z ^ (z >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return 2 * (z / 2**32) - 1


def recorded_controller():
    """The controller of the recorded case and its parameters, float64 [1, P]."""
    controller = ENASController(TOPOLOGY, 32, 16)
    parts = {
        name: 0.5 * hashed(int(np.prod(shape)), 60 + number)
        for number, (name, (_, shape)) in enumerate(
            zip(RECORDED, GOLDEN["enas_controller"]["param_order"], strict=True)
        )
    }
    assert {name: int(np.prod(shape)) for name, shape in controller.shapes.items()} == {
        name: len(parts[name]) for name in controller.shapes
    }
    return controller, np.concatenate([parts[name] for name in controller.shapes])[None]


# --- recorded numbers ------------------------------------------------------------------------------


def test_controller_equals_the_recorded_one():
    recorded = GOLDEN["enas_controller"]
    controller, parameters = recorded_controller()
    assert parameters.shape == (1, 17253)  # the published count
    codes = np.array(recorded["forced"], dtype=np.int8)[None, None]
    log_p, entropy = controller.score(parameters, OPEN, codes)
    assert log_p[0, 0] == pytest.approx(recorded["log_prob"], rel=1e-12)
    assert entropy[0, 0] == pytest.approx(recorded["entropy"], rel=1e-12)
    _, (theta, mask, fixed) = next(controller._blocks(parameters, OPEN, codes))
    _, logits = controller._unroll(theta, mask, codes=fixed.long())
    np.testing.assert_allclose(logits[0, 0], recorded["normalised_logits"], rtol=1e-12)


def test_most_probable_equals_the_recorded_ones():
    logits = 0.5 * hashed(30, 4).reshape(1, 6, 5)
    found = most_probable(logits, 3)[0]
    assert [TOPOLOGY.format(codes) for codes in found] == GOLDEN["setn"]["setn_top3"]


@pytest.mark.parametrize("space", [TOPOLOGY, SIZE], ids=lambda space: space.name)
@pytest.mark.parametrize("count", [1, 7, 100])
def test_most_probable_equals_the_sorted_space(space, count):
    rng = np.random.default_rng(count)
    for scale in (0.001, 1.0, 10.0):
        logits = rng.normal(size=(4, *space.mask.shape)) * scale
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        scores = log_p[:, np.arange(space.edges), space.all_codes].sum(-1)
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        found = most_probable(logits, count)
        assert np.array_equal(space.flat(found.reshape(-1, space.decisions)).reshape(4, -1), expected)
        alone = most_probable(logits[2:3], count)
        assert np.array_equal(alone[0], found[2])


def test_most_probable_of_a_small_space_is_the_space():
    logits = np.array([[[0.0, 1.0, -np.inf], [0.3, 0.2, 0.1]]])
    assert sorted(map(tuple, most_probable(logits, 100)[0].tolist())) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]  # fmt: skip


# --- the controller's update against autograd ------------------------------------------------------


class Published(torch.nn.Module):
    """The controller with torch's own LSTM, and forced decisions."""

    def __init__(self, controller, parameters):
        super().__init__()
        self.input = torch.nn.Parameter(torch.zeros(1, 1, 32, dtype=torch.float64))
        self.lstm = torch.nn.LSTM(32, 32, 2, dtype=torch.float64)
        self.embedding = torch.nn.Embedding(5, 32, dtype=torch.float64)
        self.head = torch.nn.Linear(32, 5, dtype=torch.float64)
        parts = np.split(parameters[0], np.cumsum(controller.sizes)[:-1])
        ours = dict(zip(controller.shapes, parts, strict=True))
        for name, theirs in zip(RECORDED, self.parameters(), strict=True):
            theirs.data = torch.tensor(ours[name]).reshape(theirs.shape)
        self.order = [RECORDED.index(name) for name in controller.shapes]

    def flat(self):
        theirs = list(self.parameters())
        return torch.cat([theirs[place].detach().flatten() for place in self.order]).numpy()

    def forward(self, codes):
        x, state, log_p, entropy = self.input, None, 0.0, 0.0
        for code in codes:
            out, state = self.lstm(x, state)
            options = torch.distributions.Categorical(logits=2.5 * torch.tanh(self.head(out)[0, 0] / 5))
            log_p, entropy = log_p + options.log_prob(torch.tensor(code)), entropy + options.entropy()
            x = self.embedding(torch.tensor([[code]]))
        return log_p, entropy


def test_updates_equal_autograd_of_the_published_loss():
    controller, parameters = recorded_controller()
    searcher = search.ENAS(samples=4, entropy=0.3)
    searcher.begin(TOPOLOGY, (), 0, range(1))
    searcher.state.logits = parameters.copy()
    adam.start(searcher.state)
    reference = Published(controller, parameters)
    optimizer = torch.optim.Adam(reference.parameters(), lr=1e-3, betas=(0.0, 0.999), eps=1e-3)
    rng, rows, previous, now = np.random.default_rng(0), np.arange(1), None, torch.zeros(())
    for _ in range(3):  # epochs
        before = searcher.state.baseline.copy()
        for _ in range(2):
            codes = rng.integers(5, size=(1, 4, 6)).astype(np.int8)
            accuracy = rng.uniform(size=(1, 4))
            searcher.update(rows, codes, accuracy, before)
            optimizer.zero_grad()
            for code, told in zip(codes[0].tolist(), accuracy[0].tolist(), strict=True):
                log_p, entropy = reference(code)
                reward = told + 0.3 * entropy
                now = (
                    torch.tensor(told, dtype=torch.float64)
                    if previous is None
                    else previous - (1 - 0.99) * (previous - reward)
                )
                (-log_p * (reward - now) / 4).backward()
            torch.nn.utils.clip_grad_norm_(reference.parameters(), 5.0)
            optimizer.step()
            np.testing.assert_allclose(searcher.state.logits[0], reference.flat(), rtol=0, atol=1e-12)
        previous = float(now.detach())
        assert searcher.state.baseline[0] == pytest.approx(previous, rel=1e-12)


def test_controller_starts_as_published():
    searcher = search.ENAS()
    searcher.begin(TOPOLOGY, (), 3, range(20))
    controller = searcher._controller
    parts = np.split(searcher.state.logits, np.cumsum(controller.sizes)[:-1], axis=1)
    for name, part in zip(controller.shapes, parts, strict=True):
        spread = 0.1 if name in ("input", "embedding", "head", "weight_ih_0", "weight_hh_0") else 32**-0.5
        assert abs(part).max() <= spread * (1 + 1e-6)
        assert abs(part).max() > 0.9 * spread
        assert abs(part.mean()) < 5 * spread / np.sqrt(3 * part.size)


def test_samples_follow_the_controllers_probabilities():
    controller, parameters = recorded_controller()
    searcher = search.ENAS()
    searcher.begin(TOPOLOGY, (), 0, range(40))
    codes = controller.sample_many(
        np.repeat(parameters, 40, 0), np.repeat(OPEN, 40, 0), searcher.draws(np.arange(40)), 250
    )
    log_p, _ = controller.score(parameters, OPEN, np.array([[[o, 0, 0, 0, 0, 0] for o in range(5)]]))
    first = np.exp(GOLDEN["enas_controller"]["normalised_logits"][0])
    share = np.bincount(codes[:, :, 0].ravel(), minlength=5) / codes[:, :, 0].size
    np.testing.assert_allclose(share, first, atol=4 * np.sqrt(0.25 / 10_000))
    assert log_p.shape == (1, 5)


# --- on a table ------------------------------------------------------------------------------------


def test_rsps_on_a_table_is_random_search():
    table, replicas = synthetic_table(trial="mean"), 400
    budget = search.Budget(evaluations=60)
    rsps = search.run(search.make("rsps"), table, budget, seed=1, replicas=replicas)
    random = search.run(search.make("random"), table, budget, seed=2, replicas=replicas)
    best = [table.report(TOPOLOGY.from_flat(result.found_flat)).valid for result in (rsps, random)]
    error = np.hypot(*(values.std() / np.sqrt(replicas) for values in best))
    assert abs(best[0].mean() - best[1].mean()) < 4 * error
    assert abs(best[0].std() - best[1].std()) < 4 * error
    asked = np.bincount(TOPOLOGY.all_codes[rsps.evaluated_flat.ravel()].ravel(), minlength=5)
    assert abs(asked / asked.sum() - 0.2).max() < 0.01
    assert np.array_equal(best[0], rsps.observed.max(axis=1))


def test_the_answer_is_the_last_epochs_winner():
    table = synthetic_table(trial="mean")
    searcher = search.make("rsps", {"candidates": 10})
    result = search.run(searcher, table, search.Budget(epochs=6), seed=1, replicas=20)
    told = result.observed.reshape(20, 6, 10)
    winner = np.take_along_axis(
        result.evaluated_flat.reshape(20, 6, 10), told.argmax(axis=2)[:, :, None], axis=2
    )[:, :, 0]
    assert np.array_equal(result.incumbent_flat, winner)
    assert np.array_equal(result.found_flat, winner[:, -1])
    assert not result.oracle


def test_a_budget_may_end_within_the_candidates():
    table = synthetic_table(trial="mean")
    result = search.run(
        search.make("rsps", {"candidates": 10}), table, search.Budget(evaluations=13), seed=1, replicas=4
    )
    assert (result.evaluations == 13).all()
    last = result.evaluated_flat[:, 10:]
    assert np.array_equal(
        result.found_flat, np.take_along_axis(last, result.observed[:, 10:].argmax(1)[:, None], 1)[:, 0]
    )
    state = SimpleNamespace()
    codes = random_codes(TOPOLOGY, 4)
    answer_first(state, codes)
    answer_best(state, table, np.arange(4), random_codes(TOPOLOGY, 8, 1).reshape(4, 2, 6))  # no budget left
    assert np.array_equal(state.best_codes, codes)


def test_setn_on_a_table_descends_the_slope_and_says_that_it_is_an_oracle():
    table = synthetic_table(trial="mean")
    budget = search.Budget(epochs=40)
    setn = search.run(search.make("setn", {"candidates": 1}), table, budget, seed=1, replicas=5)
    sampled = synthetic_table(gradient="sampled", samples=3)
    assert setn.oracle
    assert not search.run(search.make("setn"), sampled, budget, seed=1, replicas=2).oracle
    darts = search.run(search.make("darts-v1"), table, budget, seed=1, replicas=5)
    assert darts.oracle
    reached = [table.report(TOPOLOGY.from_flat(result.found_flat)).valid.mean() for result in (setn, darts)]
    assert reached[0] == pytest.approx(reached[1], abs=1.0)  # nearly the same start, the same slope


@pytest.mark.slow
def test_enas_learns_on_a_table():
    table = synthetic_table(trial="mean")
    searcher = search.make("enas", {"updates": 10, "samples": 10, "candidates": 1})
    result = search.run(searcher, table, search.Budget(epochs=4), seed=0, replicas=16)
    early, late = (np.nanmean(result.observed[:, part]) for part in (slice(0, 100), slice(-100, None)))
    assert late > early + 5


# --- on shared weights -----------------------------------------------------------------------------


def true_best(evaluator, codes):
    """The candidate with the best accuracy on the whole."""
    return codes[evaluator.levels[-1].mean_flat[evaluator.space.flat(codes)].argmax()]


def test_rsps_trains_uniform_cells_and_tries_candidates():
    evaluator = StandIn()
    result = search.run(
        search.make("rsps", {"candidates": 10}, preset="live"), evaluator, search.Budget(epochs=40), seed=1
    )
    trained = np.concatenate(evaluator.codes_of("learn"))
    assert len(trained) == 3 * 40
    assert np.bincount(trained.ravel(), minlength=5).min() > 100  # of 144 expected
    asked = evaluator.codes_of("ask")
    assert [len(codes) for codes in asked] == [10] * 40
    assert np.array_equal(TOPOLOGY.from_flat(result.found_flat), [true_best(evaluator, asked[-1])])
    assert [call[0] for call in evaluator.calls[:7]] == ["step", "learn"] * 3 + ["ask"]


def test_setn_trains_uniform_cells_and_tries_the_most_probable():
    evaluator = StandIn()
    searcher = search.make("setn", {"candidates": 10, "learning_rate": 0.1}, preset="live")
    result = search.run(searcher, evaluator, search.Budget(epochs=20), seed=1)
    trained = np.concatenate(evaluator.codes_of("learn"))
    assert np.bincount(trained.ravel(), minlength=5).min() > 40  # of 72 expected: not the policy's choices
    asked = evaluator.codes_of("ask")
    assert np.array_equal(asked[-1], most_probable(searcher.state.logits, 10)[0])
    assert np.array_equal(TOPOLOGY.from_flat(result.found_flat), [true_best(evaluator, asked[-1])])


def test_enas_is_rewarded_on_batches_and_answers_with_the_whole():
    evaluator = StandIn()
    changes = {"updates": 2, "samples": 5, "candidates": 4, "final_candidates": 9}
    result = search.run(
        search.make("enas", changes, preset="live"), evaluator, search.Budget(epochs=3), seed=1
    )
    assert len(evaluator.codes_of("learn")) == 9
    rewards = evaluator.codes_of("ask", BATCH)
    assert [len(codes) for codes in rewards] == [1] * (3 * 2 * 5)
    tried = evaluator.codes_of("ask")
    assert [len(codes) for codes in tried] == [4, 4, 9]
    assert np.array_equal(TOPOLOGY.from_flat(result.found_flat), [true_best(evaluator, tried[-1])])
    epoch = ["step", "learn"] * 3 + ["step", "ask"] * 10 + ["ask"]  # every sample has a batch of its own
    assert [call[0] for call in evaluator.calls] == epoch * 3
    assert not result.oracle


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["lstm", "logits"])
def test_curriculum_trains_weights_is_rewarded_on_batches_and_answers_with_the_whole(policy):
    evaluator = StandIn()
    changes = {"order": "listed", "live_epochs": 30, "policy": policy, "hidden": 8, "turns": "steps"}
    result = search.run(search.make("curriculum", changes, preset="live"), evaluator, seed=1)
    trained = np.concatenate(evaluator.codes_of("learn")).reshape(5, 18, 6)  # 5 stages of 6 epochs of 3 steps
    assert trained.max(axis=(1, 2)).tolist() == [0, 1, 2, 3, 4]
    # a third of each stage warms up; with one operation open there is nothing to learn
    rewards = np.concatenate(evaluator.codes_of("ask", BATCH)).reshape(4, 12, 6)
    assert rewards.max(axis=(1, 2)).tolist() == [1, 2, 3, 4]
    tried = evaluator.codes_of("ask")
    assert [len(codes) for codes in tried] == [10, 10, 10, 10, 10, 30] * 5  # 3 × 10 at the end of a stage
    assert np.array_equal(TOPOLOGY.from_flat(result.found_flat), [true_best(evaluator, tried[-1])])
    assert result.points[0] == 90
    assert (tried[5] == 0).all()  # the first stage's answer


def test_curriculum_ends_by_epochs_only_where_there_are_weights():
    searcher = search.make("curriculum", preset="live")
    assert searcher.epochs_on(StandIn()) == 5 * (20 + 40)
    assert searcher.epochs_on(synthetic_table()) is None
    assert search.make("curriculum-fixed", preset="live").epochs_on(StandIn()) == 20 + 40
    assert search.make("curriculum-fixed", {"live_epochs": 300}).epochs_on(StandIn()) == 300
    shorter = search.run(search.make("curriculum", {"hidden": 8}), StandIn(), search.Budget(epochs=2), seed=1)
    assert shorter.points[0] == 6


@pytest.mark.parametrize("name", ["random", "rea", "reinforce", "local-search", "bohb"])
def test_searchers_without_weights_ask_the_whole_validation_set(name):
    evaluator = StandIn()
    result = search.run(search.make(name, preset="live"), evaluator, search.Budget(evaluations=40), seed=1)
    assert {where for what, _, where in evaluator.calls if what == "ask"} <= {None, evaluator.ladder()[-1]}
    assert not evaluator.codes_of("learn")
    assert result.evaluations[0] == 40


# --- presets ---------------------------------------------------------------------------------------


def test_live_presets_are_the_published_values():
    assert search.make("rsps", preset="live").settings() == {
        "epochs": 250,
        "candidates": 100,
        "draw": "network",
    }
    setn = search.make("setn", preset="live").settings()
    assert setn == search.make("darts-v1", preset="live").settings() | {"epochs": 250, "candidates": 100}
    enas = search.make("enas", preset="live").settings()
    assert (enas["updates"], enas["samples"], enas["candidates"]) == (50, 20, 10)
    curriculum = search.make("curriculum", preset="live").settings()
    assert (curriculum["start_ops"], curriculum["warmup"], curriculum["hidden"]) == (1, 1 / 3, 128)
    assert len(search.default_comparison()) == 12
    others = {
        "darts-v2",
        "hyperband",
        "rsps",
        "setn",
        "enas",
        "tas",
        "mask-gumbel",
        "mask-rl",
        "slnas",
        "slnas-ga",
    }
    assert set(search.SEARCHERS) - set(search.default_comparison()) == others


def test_weight_recipes_are_the_published_ones():
    from nasreplay import config

    recipes = {file.stem: config.load(file) for file in (config.folder() / "opts").glob("*.config")}
    published = {  # LR, eta_min, epochs, decay, batch
        "DARTS": (0.025, 0.001, 50, 5e-4, 64),
        "GDAS": (0.025, 0.001, 250, 5e-4, 64),
        "SETN": (0.025, 0.001, 250, 5e-4, 64),
        "RANDOM": (0.025, 0.001, 250, 5e-4, 64),
        "ENAS": (0.05, 0.0005, 250, 2.5e-4, 128),
        "weight-sharing": (0.025, 0.001, 100, 5e-4, 64),
    }
    clipped = {name for name in published if recipes[name]["gradient_clip"] == 5}
    assert clipped == published.keys() - {"SETN", "weight-sharing"}
    for name, values in published.items():
        recipe = recipes[name]
        assert tuple(recipe[key] for key in ("LR", "eta_min", "epochs", "decay", "batch_size")) == values
        assert (recipe["momentum"], recipe["nesterov"], recipe["scheduler"]) == (0.9, True, "cos")
    for name, searcher in (("DARTS", "darts-v1"), ("GDAS", "gdas"), ("SNAS", "snas"), ("SETN", "setn"),
                           ("RANDOM", "rsps"), ("ENAS", "enas")):  # fmt: skip
        assert recipes[name]["epochs"] == search.make(searcher, preset="live").epochs
    assert recipes["CURRICULUM"]["epochs"] == search.make("curriculum", preset="live").epochs_on(StandIn())
    assert recipes["ENAS"]["T_max"] == 10


def test_enas_learning_rate_swings():
    from nasreplay import config
    from nasreplay.train.recipe import recipe_of

    recipe = recipe_of(str(config.folder() / "opts" / "ENAS.config"))
    assert [round(recipe.learning_rate(epoch), 6) for epoch in (0, 10, 20)] == [0.05, 0.0005, 0.05]
