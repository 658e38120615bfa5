"""Random questions to the official package and to ours, answered alike."""

import random
from typing import Any

import nats_bench
import nats_bench.genotype_utils as theirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official_answers import LOADED, agree, names_of, plain

from nasreplay.compat.nats_bench import NATStopology, create
from nasreplay.compat.nats_bench import genotype_utils as ours

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "own")
HPS = {"tss": ("12", "200"), "sss": ("01", "12", "90")}
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")


def outcome(call: Any, *args: Any, **kwargs: Any) -> tuple[str, Any]:
    try:
        return "result", plain(call(*args, **kwargs))
    except Exception as problem:
        return "raises", names_of(problem)


def alike(mine: tuple[str, Any], official: tuple[str, Any]) -> bool:
    """Equal results, or errors of which ours is of the official types too."""
    if mine[0] != official[0]:
        return False
    return agree(mine[1], official[1]) if mine[0] == "result" else official[1] <= mine[1]


@pytest.fixture(scope="module")
def both(samples, sample_packs) -> dict[str, tuple[Any, Any]]:
    """Our API over packs and the official one over the folders, by space."""
    return {
        space: (
            create(sample_packs[space], space, fast_mode=True, verbose=False),
            nats_bench.create(samples[space], space, fast_mode=True, verbose=False),
        )
        for space in HPS
    }


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(["tss", "sss"]), st.sampled_from(LOADED), st.sampled_from(DATASETS), st.data())
def test_random_questions(both, space, index, dataset, data):
    mine, official = both[space]
    hp = data.draw(st.sampled_from(HPS[space]))
    iepoch = data.draw(st.none() | st.integers(-1, int(hp)))
    trial = data.draw(st.sampled_from([False, True, 111, 777, 888, 5, None]))
    seed = data.draw(st.integers(0, 999))
    for call, args in (
        ("get_more_info", (index, dataset, iepoch, hp, trial)),
        ("simulate_train_eval", (index, dataset, iepoch, hp)),
        ("get_cost_info", (index, dataset, hp)),
        ("random", ()),
    ):
        told = []
        for api in (mine, official):
            random.seed(seed)
            told.append((outcome(getattr(api, call), *args), random.random() if trial is not None else 0))
            api.reset_time()
        assert alike(told[0][0], told[1][0]), f"{call}{args}"
        if told[0][0][0] == "result":
            assert told[0][1] == told[1][1], f"{call}{args} drew another number of random numbers"


def edges(node: int) -> st.SearchStrategy[str]:
    edge = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, node))  # the last source is one too many
    return st.lists(edge, min_size=1, max_size=3).map(lambda found: "|".join(f"{op}~{i}" for op, i in found))


texts = st.integers(1, 4).flatmap(
    lambda nodes: st.tuples(*(edges(node) for node in range(1, nodes + 1))).map(
        lambda parts: "+".join(f"|{part}|" for part in parts)
    )
)


@settings(max_examples=200, deadline=None)
@given(texts, st.sampled_from(OPERATIONS), st.sampled_from([True, False, None]))
def test_random_texts_of_cells(text, operation, zero):
    for call in ("str2lists", "str2matrix"):
        assert alike(
            outcome(getattr(NATStopology, call), text), outcome(getattr(nats_bench.NATStopology, call), text)
        )
    mine, official = (outcome(kind.topology_str2structure, text) for kind in (ours, theirs))
    assert alike(mine, official)
    if official[0] == "result":
        mine, official = (kind.topology_str2structure(text) for kind in (ours, theirs))
        for call, args in (
            ("tolist", (operation,)),
            ("to_unique_str", (zero,)),
            ("check_valid", ()),
            ("check_valid_op", (OPERATIONS[:4],)),
            ("node", (1,)),
            ("tostr", ()),
            ("__len__", ()),
        ):
            assert alike(outcome(getattr(mine, call), *args), outcome(getattr(official, call), *args)), call
