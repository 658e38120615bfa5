"""Random calls, many with wrong arguments, of the official package and of ours, over a folder and over a pack.

Left out is what docs/coming-from-nats-bench.md lists and test_nats_goldens.py shows: numpy integers, texts for calls
that take an index, numbers for recipes where the official calls want texts, and what shows or counts everything.
"""

import contextlib
import io
import random
import warnings
from functools import cache
from typing import Any, NamedTuple

import nats_bench
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nasreplay.compat.nats_bench import create
from nasreplay.errors import NasReplayError
from tests.support.official_answers import LOADED, alike, outcome

HPS = {"tss": ("12", "200"), "sss": ("01", "12", "90")}
TEXTS = {
    "tss": (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",  # of no file
    ),
    "sss": ("8:8:8:8:8", "64:64:64:64:64"),
}
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SETS = ("train", "valid", "test", "x-valid", "x-test", "ori-test")


class Strange(NamedTuple):
    """A value of a wrong type: the official call may do anything, ours answers the same or says what is wrong."""

    value: Any


def pool(*good: Any, wrong: tuple = ()) -> st.SearchStrategy[Any]:
    """Good values more often than wrong ones, and those of no use for any argument."""
    strange = [Strange(each) for each in (*wrong, 1.5, 12.0, b"cifar10", [0], {}, object())]
    return st.sampled_from([*good * 10, *strange])


index = pool(*LOADED * 4, 5, -1, -2, 15_625, 32_768, 10**9, wrong=(None,))
arch = {
    space: st.one_of(index, pool(*texts, "", "|", "8:8:8:8", wrong=(None,))) for space, texts in TEXTS.items()
}
dataset = pool(*DATASETS * 3, "cifar", "CIFAR10", "imagenet16-120", "", wrong=(None, 0))
iepoch = pool(None, None, 0, 3, 11, 89, 199, -1, 200, wrong=("", "3", True))
trial = pool(False, True, 777, 888, 111, 999, 5, -1, wrong=(None, "777"))
seed = pool(None, 777, 888, 111, 5, wrong=("777",))
which = pool(*SETS, wrong=(None, 0))
limit = pool(None, None, 0, 0.05, 10, 1e9, -1, float("nan"), wrong=("5",))


def recipe(space: str, *more: Any) -> st.SearchStrategy[Any]:
    return pool(*HPS[space] * 3, "200", "90", "1", "7", "012", " 12", *more, wrong=(None,))


@cache
def calls(space: str) -> dict[str, tuple[st.SearchStrategy[Any], ...]]:
    """Call → the arguments to draw; `ArchResults.` and `ResultsCount.` are calls of the objects."""
    hp, text = recipe(space, 12, 7, -1, 200), recipe(space)
    return {
        "get_more_info": (arch[space], dataset, iepoch, hp, trial),
        "simulate_train_eval": (arch[space], dataset, iepoch, hp),
        "get_cost_info": (index, dataset, hp),
        "get_latency": (index, dataset, hp),
        "query_by_index": (index, st.one_of(st.none(), dataset), hp),
        "query_meta_info_by_index": (index, hp),
        "get_net_config": (index, dataset),
        "get_net_param": (index, dataset, seed, hp),
        "query_index_by_arch": (arch[space],),
        "query_info_str_by_arch": (arch[space], text),
        "query_by_arch": (arch[space], text),
        "find_best": (dataset, which, limit, limit, text, st.just(False)),
        "statistics": (dataset, recipe(space, 12)),
        "arch": (index,),
        "__getitem__": (pool(0, 5, -1, 15_624, 40_000),),
        "show": (pool(*LOADED, 15_625, 40_000, wrong=(None,)),),
        "clear_params": (index, hp),
        "random": (),
        "ArchResults.get_metrics": (dataset, which, iepoch, trial),
        "ArchResults.get_compute_costs": (dataset,),
        "ArchResults.get_latency": (dataset,),
        "ArchResults.get_total_epoch": (st.one_of(st.none(), dataset),),
        "ArchResults.get_dataset_seeds": (dataset,),
        "ArchResults.get_dataset_names": (),
        "ArchResults.query": (dataset, seed),
        "ArchResults.get_net_param": (dataset, seed),
        "ArchResults.arch_idx_str": (),
        "ResultsCount.get_train": (iepoch,),
        "ResultsCount.get_eval": (which, iepoch),
        "ResultsCount.get_times": (),
        "ResultsCount.get_latency": (),
        "ResultsCount.get_eval_set": (),
        "ResultsCount.get_total_epoch": (),
        "ResultsCount.judge_valid": (iepoch,),
        "ResultsCount.get_config": (st.sampled_from([None, str.upper]),),
    } | ({"get_unique_str": (index,)} if space == "tss" else {})


@pytest.fixture(scope="module")
def apis(samples, sample_packs) -> dict[str, tuple[Any, ...]]:
    """The official API over the folder, ours over the folder and over the pack, by space; all files are loaded."""
    found = {}
    for space in HPS:
        opened = [nats_bench.create(samples[space], space, fast_mode=True, verbose=False)]
        opened += [
            create(place[space], space, fast_mode=True, verbose=False) for place in (samples, sample_packs)
        ]
        for api in opened:
            for each in LOADED:
                api.get_more_info(each, "cifar10")
        found[space] = tuple(opened)
    return found


def told(api: Any, call: str, args: list[Any], of: tuple, state: int) -> tuple:
    """The outcome, what was printed, and the next random number."""
    random.seed(state)
    api.reset_time()
    asked, printed = api, io.StringIO()
    if "." in call:
        asked = api.query_meta_info_by_index(*of[:2])
    if call.startswith("ResultsCount."):
        asked = asked.query(*of[2:])
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of clear_params
        found = outcome(getattr(asked, call.rsplit(".", 1)[-1]), *args)
    return found, printed.getvalue(), random.random()


@pytest.mark.slow
@settings(max_examples=400, deadline=None, phases=[Phase.generate])  # official calls are too slow to shrink
@given(st.sampled_from(list(HPS)), st.data())
def test_random_calls(apis, space, data):
    official, *mine = apis[space]
    call = data.draw(st.sampled_from(list(calls(space))))
    args = [data.draw(each) for each in calls(space)[call]]
    of = data.draw(st.tuples(st.sampled_from(LOADED), st.sampled_from(HPS[space]), st.sampled_from(DATASETS)))
    of = (*of, data.draw(st.sampled_from(official.query_meta_info_by_index(*of[:2]).dataset_seed[of[2]])))
    values = [each.value if isinstance(each, Strange) else each for each in args]
    state = data.draw(st.integers(0, 999), label="state of random")
    right, printed, after = told(official, call, values, of, state)
    for api in mine:
        found, shown, then = told(api, call, values, of, state)
        if alike(found, right):
            assert right[0] == "raises" or (shown, then) == (printed, after), (
                f"{call} printed or drew otherwise"
            )
        else:
            assert any(isinstance(each, Strange) for each in args), (found, right)
            assert isinstance(found[1], NasReplayError), (found, right)
            assert "\n" not in str(found[1])


@pytest.mark.slow
def test_the_best_of_few_files(apis, samples, sample_packs):
    """A folder without all files refuses a search of all, as the official API does; a pack has what it has."""
    official, folder, pack = apis["tss"]
    question = "cifar100", "valid", None, None, "200"
    for api in (official, folder):
        with pytest.raises(AssertionError):
            api.find_best(*question)
    best = official.find_best(*question, enforce_all=False)
    assert folder.find_best(*question, enforce_all=False) == pack.find_best(*question)
    assert pack.find_best(*question) == (best[0], pytest.approx(best[1], rel=1e-12))
    fresh = create(samples["tss"], "tss", fast_mode=True, verbose=False)
    assert fresh.find_best(*question, enforce_all=False) == (-1, None)
    assert create(sample_packs["tss"], "tss", verbose=False).find_best(*question) == pack.find_best(*question)


@pytest.mark.parametrize("hp", [12.0, None, "7", 7, True])
def test_what_is_no_recipe_is_named(apis, hp):
    for api in apis["tss"][1:]:
        for ask in (
            lambda api=api: api.get_more_info(0, "cifar10", hp=hp),
            lambda api=api: api.get_cost_info(0, "cifar10", hp=hp),
            lambda api=api: api.query_by_index(0, hp=hp),
            lambda api=api: api.find_best("cifar10", "valid", hp=hp, enforce_all=False),
            lambda api=api: api.query_info_str_by_arch(0, hp=hp),
            lambda api=api: api.statistics("cifar10", hp),
        ):
            with pytest.raises(ValueError, match=r"(known are|instead of)") as found:
                ask()
            assert isinstance(found.value, KeyError)


def test_a_numpy_integer_is_an_index_and_a_seed(apis):
    for api in apis["sss"][1:]:
        told = api.get_more_info(np.int64(11), "cifar10", is_random=np.int32(777))
        assert told == api.get_more_info(11, "cifar10", is_random=777)
