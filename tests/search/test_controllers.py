"""The published controllers of curriculum search: forced actions and updates as recorded from the release."""

import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadSetting
from nasreplay.search import Live, make
from nasreplay.search.parts import adam
from nasreplay.search.parts.controllers import Controllers, Shaping
from nasreplay.search.parts.policies import Vocabulary
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.nasnet import NASNET_SPACES
from tests.support.formula import golden

GOLDEN = golden("curriculum_search")
CASES = GOLDEN["forced_action_cases"]
SPACE = NASNET_SPACES["nasnet-cnas"]  # its operations stand in the recorded order
WORDS = Vocabulary(SPACE)
NAMES = {
    "embedding": "node_op_embedding.weight",
    "weight_ih_0": "lstm.weight_ih",
    "weight_hh_0": "lstm.weight_hh",
    "bias_ih_0": "lstm.bias_ih",
    "bias_hh_0": "lstm.bias_hh",
    "head": "w_soft.weight",
    "head_bias": "w_soft.bias",
    **{name: f"{name}.weight" for name in ("emb_attn", "hid_attn", "v_attn")},
}


def filled(policy, prefixes):
    """The parameters [1, P] by the recorded formula."""
    values = [
        0.1 * np.sin(0.37 * np.arange(size) + zlib.crc32(f"{prefix}{NAMES[name]}".encode()) % 1000 / 1000 * 2 * np.pi)
        for prefix in prefixes
        for name, size in zip(policy.shapes, policy.sizes, strict=True)
    ]  # fmt: skip
    return np.concatenate(values)[None]


def words_of(*cells):
    """Words [1, 32] of the recorded actions of each cell: node, node, op, op of each node; closed nodes are none."""
    codes = np.zeros(32, dtype=np.int8)
    codes[1::2] = SPACE.operations.index("none")
    for cell, actions in enumerate(cells):
        for node in range(len(actions) // 4):
            first, second, *operations = actions[4 * node : 4 * node + 4]
            at = 16 * cell + 4 * node
            codes[at : at + 4] = [first, operations[0], second, operations[1]]
    return WORDS.words(codes[None])


def opened(settings):
    """The open words [1, 32, V], in the recorded order of operations; as released no more of them than nodes."""
    head = {"head": "operations" if settings["fixed"] else "nodes"}
    searcher: Any = make("curriculum", {"order": "listed", **head}, preset="live")
    searcher.begin(SPACE, (), 0, range(1))
    allowed = searcher.reachable(np.array([0]), np.array([settings["cur_ops"] - 1]))
    growing: Any = make("curriculum", {"grow": "nodes"}, preset="live")
    growing.begin(SPACE, (), 0, range(1))
    return allowed & growing.allowed(np.array([0]), np.array([settings.get("cur_nodes", 4) - 1]))


def told(policy, theta, allowed, words):
    """Log-probability and entropy of each decision, and its probabilities [32, V]."""
    p = policy.chances(theta, allowed, words)[0]
    return *sums(p, words), p


def sums(p, words):
    log_p = np.log(np.take_along_axis(p, words[0, :, None], axis=1))[:, 0]
    return log_p, -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_forced_actions(case):
    settings = case["settings"]
    names = ("temperature", "tanh_constant", "op_tanh_reduce")
    policy = Controllers(SPACE, 128, 1, Shaping(*(settings.get(name, 0.0) for name in names)))
    theta, words = filled(policy, ("", "")), words_of(case["actions_in_sampling_order"], [])
    allowed = opened(settings)
    allowed[:, 16:] = (
        np.arange(allowed.shape[2]) == words[:, 16:, None]
    )  # the other cell has nothing to choose
    log_p, entropy, p = told(policy, theta, allowed, words)
    if settings.get("force_uniform"):
        p = (allowed / allowed.sum(axis=-1, keepdims=True))[0]
        log_p, entropy = sums(p, words)
    assert log_p.sum() == pytest.approx(case["log_prob"], rel=1e-9)
    assert entropy[::2].sum() == pytest.approx(case["node_entropy"], rel=1e-9)
    assert entropy[1::2].sum() == pytest.approx(case["op_entropy"], rel=1e-9, abs=1e-9)
    order = [4 * node + place for node in range(settings.get("cur_nodes", 4)) for place in (0, 2, 1, 3)]
    for decision, wanted in zip(order, case["step_probs"], strict=True):
        got = p[decision][p[decision] > 0] if decision % 2 == 0 else p[decision, : len(wanted)]
        np.testing.assert_allclose(got, wanted, rtol=1e-9)
    if "grad_l2_total" not in case:
        return
    gradient = policy.gradient(theta, allowed, words, np.array([0.25]), 0.005)[0]
    parts = np.split(gradient, np.cumsum(policy.sizes * 2)[:-1])
    for name, part in zip(policy.shapes, parts, strict=False):  # those of the first cell
        assert norm(part) == pytest.approx(case["grad_l2_by_param"][NAMES[name]], rel=1e-7, abs=1e-12), name
    assert norm(gradient) == pytest.approx(case["grad_l2_total"], rel=1e-8)


def norm(values):
    return float(np.sqrt((values**2).sum()))


def test_updates():
    """The searcher's own three updates from the recorded parameters, in float64."""
    recorded, row = GOLDEN["updates"], np.array([0])
    changes = {"order": "listed", "start_ops": 8, "warmup": 0.0}
    searcher: Any = make("curriculum", changes, preset="live")
    searcher.begin(SPACE, (), 0, range(1))
    policy, masters = Controllers(SPACE, searcher.hidden, 1), ("normal_arch_master.", "reduce_arch_master.")
    searcher.state.logits = filled(policy, masters)
    adam.start(searcher.state)
    words, allowed = words_of(recorded["normal_actions"], recorded["reduced_actions"]), WORDS.mask[None]
    live = Live(row, np.array([0.5]), 0, 0)
    for step in recorded["steps"]:
        log_p, entropy, _ = told(policy, searcher.state.logits, allowed, words)
        assert log_p[:16].sum() == pytest.approx(step["normal_log_prob"], rel=1e-9)
        assert log_p[16:].sum() == pytest.approx(step["reduced_log_prob"], rel=1e-9)
        advantage = step["advantage"]
        assert -log_p.sum() * advantage - 0.005 * entropy.sum() == pytest.approx(step["loss"], rel=1e-9)
        gradient = policy.gradient(searcher.state.logits, allowed, words, np.array([advantage]), 0.005)
        assert norm(gradient) == pytest.approx(step["grad_norm_before_clip"], rel=1e-8)
        accuracy = np.array([100 * step["accuracy"]])
        searcher.tell(SimpleNamespace(replica=row, codes=WORDS.codes(words), accuracy=accuracy), live)
        assert searcher.state.baseline[0] == pytest.approx(step["baseline"], rel=1e-12)
        parts = np.split(searcher.state.logits[0], np.cumsum(policy.sizes * 2)[:-1])
        names = [f"{master}{NAMES[name]}" for master in masters for name in policy.shapes]
        after = dict(zip(names, parts, strict=True))
        for name, wanted in step["params_after"].items():
            got = (after[name].sum(), (after[name] ** 2).sum(), after[name][0])
            assert got == pytest.approx(tuple(wanted.values()), rel=1e-8, abs=1e-9), name


def test_sizes_and_what_is_refused():
    policy = Controllers(SPACE, 128, 1)
    counts = GOLDEN["params"]["corrected_op_head_has_n_ops_outputs"]
    assert (sum(policy.sizes), 2 * sum(policy.sizes)) == (counts["single"], counts["pair"])
    released = GOLDEN["params"]["as_released_op_head_has_n_nodes_outputs"]
    assert counts["single"] - released["single"] == 4 * (128 + 1)  # the outputs that `head=nodes` never uses
    with pytest.raises(BadSetting, match="controllers: in the topology space no nodes choose"):
        Controllers(TOPOLOGY, 128, 1)
    with pytest.raises(BadSetting, match="shape the logits of controllers; the policy is lstm"):
        make("curriculum", {"temperature": 5.0}, preset="live").begin(TOPOLOGY, (), 0, range(1))


@pytest.mark.parametrize("nodes", [2, 6])
def test_cells_of_other_sizes(nodes):
    space = SPACE.with_nodes(nodes)
    words, policy, row = Vocabulary(space), Controllers(space, 4, 1), Stream(1, "nodes")
    theta = policy.initial(row.at())
    drawn = policy.sample(theta, words.mask[None], row.at())
    assert (words.codes(drawn) < space.choices).all()
    p = policy.chances(theta, words.mask[None], drawn)[0]
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert ((p > 0) == words.mask).all()


def test_a_batch_of_policies_is_as_each_alone():
    policy, stream = Controllers(SPACE, 8, 2), Stream(3, "controllers", range(5))
    theta = policy.initial(stream.at())
    allowed = np.repeat(WORDS.mask[None], 5, axis=0)
    together = policy.sample(theta, allowed, stream.at())
    assert WORDS.mask[np.arange(32), together].all()
    for row in range(5):
        alone = Stream(3, "controllers", range(row, row + 1))
        assert np.array_equal(policy.initial(alone.at()), theta[[row]])
        assert np.array_equal(policy.sample(theta[[row]], allowed[:1], alone.at()), together[[row]])
