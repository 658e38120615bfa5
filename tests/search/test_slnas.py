"""SLNAS's two-stage controller, Ranger and genetic algorithm: as recorded from the release, and on any space."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadSetting
from nasreplay.search import Budget, make, run
from nasreplay.search.base import Live
from nasreplay.search.searchers.slnas import ranger
from nasreplay.search.searchers.slnas.two_stage import TwoStage
from nasreplay.seeds import Stream
from nasreplay.spaces import SIZE, TOPOLOGY, Space, space_named
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.testing import synthetic_table
from tests.support.formula import golden

GOLDEN = golden("slnas_search")
SPACE = space_named("slnas")
NAMES = {
    "embedding": "stage1.embedding",
    **{name: f"stage1.{name}" for name in ("W1", "W2", "v")},
    **{f"{part}_{kind}_index": f"stage1.lstm.{part}_{kind}" for part in ("weight", "bias") for kind in ("ih", "hh")},
    "states": "stage2.embedding",
    **{
        f"{part}_{kind}_{way}": f"stage2.lstm.{part}_{kind}_l0{end}"
        for part in ("weight", "bias")
        for kind in ("ih", "hh")
        for way, end in (("ahead", ""), ("back", "_reverse"))
    },
    "linear": "stage2.linear.weight",
    "linear_bias": "stage2.linear.bias",
}  # fmt: skip


def filled(policy):
    """The parameters [1, P] by the recorded formula, with a start state of zeros."""
    values = []
    for (name, shape), size in zip(policy.shapes.items(), policy.sizes, strict=True):
        i = np.arange(size)
        bias = 0.05 * np.cos(i + 1)
        values.append(bias if "bias" in name else np.sin(0.37 * i + 0.5) / np.sqrt(size / shape[0]))
    return np.concatenate([*values[:-2], np.zeros(4 * policy.hidden)])[None]


@pytest.mark.parametrize("name", GOLDEN["architectures"])
def test_the_controller_is_the_recorded_one(name):
    policy, case, cells = (
        TwoStage(SPACE, 256, 1),
        GOLDEN["controller_checks"][name],
        GOLDEN["architectures"][name],
    )
    theta, codes = filled(policy), np.array([[*cells["normal"], *cells["reduction"]]], dtype=np.int8)
    chances = policy.chances(theta, policy.open(1), codes)[0]
    for kind, first in (("index_probs", 0), ("op_probs", 1)):
        wanted = [one for cell in case[kind] for one in cell]
        for decision, probabilities in zip(range(first, 40, 2), wanted, strict=True):
            np.testing.assert_allclose(chances[decision][: len(probabilities)], probabilities, atol=1e-8)
    log_p, entropy = policy.per_stage(theta, codes)
    assert -log_p[0] == pytest.approx([case["neg_log_prob_index"], case["neg_log_prob_op"]], rel=1e-9)
    assert entropy[0] == pytest.approx([case["entropy_index"], case["entropy_op"]], rel=1e-9)
    score = policy.score(theta, policy.open(1), codes[:, None])
    assert [part[0, 0] for part in score] == pytest.approx([log_p.sum(), entropy.sum()], rel=1e-12)
    gradient = policy.gradient(theta, policy.open(1), codes, np.ones(1), 0.0)[0]
    parts = np.split(gradient, np.cumsum(policy.sizes)[:-1])
    norms = {
        NAMES[name]: norm(part) for name, part in zip(policy.shapes, parts, strict=True) if name in NAMES
    }
    assert norms == pytest.approx(case["grad_norms"], rel=1e-8)
    assert not gradient[policy.parameters :].any()  # the start state does not learn


def norm(values):
    return float(np.sqrt((values**2).sum()))


def test_the_numbers_of_parameters_are_the_recorded_ones():
    policy, counts = TwoStage(SPACE, 256, 1), GOLDEN["controller_checks"]["param_counts"]
    sizes = dict(zip(policy.shapes, policy.sizes, strict=True))
    first = sum(size for name, size in sizes.items() if NAMES.get(name, "").startswith("stage1"))
    assert (first, policy.parameters) == (counts["index_lstm"], counts["total"])


def test_uniform_entropies():
    """Logits of zero are uniform choices: 2 ln 720 for each cell, and ln(5)/5."""
    policy = TwoStage(SPACE, 4, 1)
    theta = np.zeros((1, sum(policy.sizes)))
    _, entropy = policy.per_stage(theta, np.zeros((1, 40), dtype=np.int8))
    assert entropy[0] == pytest.approx([4 * np.log(720), 2 * np.log(5) / 5])


def chances(policy, theta, codes):
    return policy.chances(theta, policy.open(len(codes)), codes)


def test_the_released_faults_and_their_remedies():
    codes = SPACE.sample(Stream(1, "codes").at())
    released, distinct = (TwoStage(SPACE, 16, 1, option) for option in (False, True))
    thetas = [policy.initial(Stream(2, "theta").at()) for policy in (released, distinct)]
    same, other = (
        chances(policy, theta, codes)[0] for policy, theta in zip((released, distinct), thetas, strict=True)
    )
    assert np.array_equal(same[::2, 0], same[::2, 1])
    assert np.array_equal(same[0], same[20])  # both cells begin alike
    assert (other[::2, 0] != other[::2, 1]).all()
    assert not np.array_equal(other[0], other[20])
    straight, summed = (
        TwoStage(SPACE, 16, 1, False, "straight"),
        TwoStage(SPACE, 16, 1, False, "exchanged", "sum"),
    )
    carried = chances(straight, thetas[0], codes)[0]
    assert np.array_equal(carried[:20], same[:20])
    assert not np.array_equal(carried[21::2], same[21::2])
    mean, total = (policy.per_stage(thetas[0], codes)[0][0] for policy in (released, summed))
    assert total == pytest.approx([mean[0], 10 * mean[1]], rel=1e-6)


def test_greedy_takes_the_lower_of_equal_states():
    policy = TwoStage(SPACE, 8, 1)
    theta = policy.initial(Stream(3, "theta").at())
    theta[:, policy.parameters :] = 1.0  # which it does not look at
    found = policy.greedy(theta)
    again = theta.copy()
    again[:, policy.parameters :] = 0.0
    assert np.array_equal(found, policy.greedy(again))
    assert np.array_equal(found[0], chances(policy, again, found)[0].argmax(axis=1))
    assert not (found[:, ::2] == 1).any()


SPACES = [SPACE, TOPOLOGY, SIZE, NASNET_SPACES["nasnet-cnas"], NASNET_SPACES["nasnet-gdas-frc"]]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_it_proposes_architectures_of_every_space(space):
    policy, stream = TwoStage(space, 8, 2), Stream(4, "policy", range(5))
    theta = policy.initial(stream.at())
    theta[:, policy.parameters :] = policy.starts(stream.at())
    together = policy.sample(theta, policy.open(5), stream.at())
    assert (together < space.choices).all()
    p = chances(policy, theta, together)
    np.testing.assert_allclose(p.sum(axis=2), 1, rtol=1e-5)
    assert ((p > 0) == policy.mask).all()
    alone = Stream(4, "policy", range(3, 4))
    row = policy.initial(alone.at())
    row[:, policy.parameters :] = policy.starts(alone.at())
    assert np.array_equal(row, theta[[3]])
    assert np.array_equal(policy.sample(row, policy.open(1), alone.at()), together[[3]])


@pytest.mark.parametrize(("decay", "name"), [(0.0, "trajectory"), (0.1, "trajectory_weight_decay_0.1")])
def test_ranger_takes_the_recorded_steps(decay, name):
    case = GOLDEN["ranger_check"]
    state = SimpleNamespace(logits=np.array([case["init"]] * 2))
    ranger.start(state)
    descent = ranger.Ranger(case["lr"], tuple(case["betas"]), case["eps"], decay)
    for wanted in case[name]:
        descent.step(state, np.array([1]), state.logits[[1]])
        np.testing.assert_allclose(state.logits[1], wanted, atol=1e-6)
    assert state.logits[0].tolist() == case["init"]
    with pytest.raises(FloatingPointError):
        descent.step(state, np.array([0]), np.full((1, 3), np.nan))


def test_the_baseline_moves_before_it_is_used():
    searcher: Any = make("slnas", {"hidden": 4, "bl_dec": 0.9, "entropy_weight": 0.0}, preset="live")
    searcher.begin(TOPOLOGY, (), 1, range(1))
    live, before = Live(np.array([0]), np.zeros(1), 0, 0), searcher.state.logits.copy()
    for accuracy, baseline, moves in ((50.0, 50.0, False), (60.0, 51.0, True)):
        codes = searcher.ask(live).codes
        parameters = searcher.state.logits[:, : searcher._policy.parameters].copy()
        searcher.tell(
            SimpleNamespace(replica=np.array([0]), codes=codes, accuracy=np.array([accuracy])), live
        )
        assert searcher.state.baseline[0] == pytest.approx(baseline)
        assert moves != np.array_equal(parameters, searcher.state.logits[:, : searcher._policy.parameters])
    assert before.dtype == searcher.state.logits.dtype == np.float32


# --- the genetic algorithm ---------------------------------------------------------------------------


def bred(space: Space = TOPOLOGY, fitness=None, **changes):
    """A population of one replica, and the next one."""
    searcher: Any = make("slnas-ga", {"population": 40, **changes}, preset="live")
    searcher.begin(space, (), 7, range(1))
    old = searcher.state.codes.copy()
    searcher.breed(np.array([0]), old, np.ones((1, 40)) if fitness is None else fitness)
    return old[0], searcher.state.codes[0], searcher


def test_without_crossing_half_of_the_population_is_new():
    old, children, searcher = bred(cross_rate=1.0, mutation_rate=0.0)
    known = {row.tobytes() for row in old}
    assert all(row.tobytes() in known for row in children[:20])
    assert sum(row.tobytes() in known for row in children[20:]) <= 1
    assert searcher.state.generation[0] == 1


def test_parents_are_drawn_by_the_square_of_their_fitness():
    fitness = np.zeros((1, 40))
    fitness[0, 7] = 1e-3
    old, children, _ = bred(cross_rate=1.0, mutation_rate=0.0, fitness=fitness)
    assert (children[:20] == old[7]).all()
    drawn = np.zeros(40)
    for seed in range(60):
        searcher: Any = make(
            "slnas-ga", {"population": 40, "cross_rate": 1.0, "mutation_rate": 0.0}, preset="live"
        )
        searcher.begin(SIZE, (), seed, range(1))
        old, fitness = searcher.state.codes.copy(), np.where(np.arange(40) < 20, 2.0, 1.0)[None]
        searcher.breed(np.array([0]), old, fitness)
        for child in searcher.state.codes[0, :20]:
            drawn += (old[0] == child).all(axis=1)
    assert drawn[:20].sum() / drawn.sum() == pytest.approx(0.8, abs=0.04)


def test_without_any_fitness_parents_are_uniform():
    old, children, _ = bred(cross_rate=1.0, mutation_rate=0.0, fitness=np.zeros((1, 40)))
    assert len({row.tobytes() for row in children[:20]}) > 8
    assert {row.tobytes() for row in children[:20]} <= {row.tobytes() for row in old}


@pytest.mark.parametrize(("masks", "share"), [("shared", True), ("individual", False)])
def test_one_mask_is_shared_by_all_individuals_and_both_cells(masks, share):
    fitness = np.zeros((1, 40))
    fitness[0, 0] = 1.0
    old, children, _ = bred(SPACE, fitness, cross_rate=0.5, mutation_rate=0.0, masks=masks)
    from_parent = (children[:20] == old[0]).mean(axis=0) == 1
    assert from_parent.any() == share
    if share:
        assert not from_parent.all()
        assert np.array_equal(from_parent[:20], from_parent[20:])


def test_generations_0_and_10_mutate_twice():
    changed = []
    searcher: Any = make(
        "slnas-ga", {"population": 40, "mutation_rate": 0.5, "cross_rate": 0.0}, preset="live"
    )
    searcher.begin(TOPOLOGY, (), 7, range(300))
    for _ in range(3):
        # all are equal, so that what differs has mutated
        codes = np.zeros_like(searcher.state.codes)
        searcher.breed(np.arange(300), codes, np.ones((300, 40)))
        changed.append((searcher.state.codes != 0).mean() / 0.8)
    assert changed == pytest.approx([0.75, 0.5, 0.5], abs=0.03)


def test_a_population_that_was_not_answered_whole_breeds_nothing():
    result = run(
        make("slnas-ga", {"population": 20}), synthetic_table(), Budget(evaluations=30), seed=1, replicas=3
    )
    assert result.evaluations.tolist() == [30, 30, 30]


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("slnas", {"carry": "back"}, "carry"),
        ("slnas", {"op_term": "max"}, "op_term"),
        ("slnas", {"bl_dec": 1.5}, "bl_dec"),
        ("slnas", {"controller_steps": 0}, "controller_steps"),
        ("slnas-ga", {"masks": "none"}, "masks"),
        ("slnas-ga", {"population": 4, "elite": 5}, "elite"),
        ("slnas-ga", {"mutation_rate": -0.1}, "mutation_rate"),
    ],
)
def test_settings_out_of_range_are_refused(name, changes, problem):
    with pytest.raises(BadSetting, match=problem):
        make(name, changes, preset="live")
