"""What `create` opens, and the calls that no recording covers."""

import bz2
import os
import pickle
import random
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from nasreplay.compat.nats_bench import ArchResults, NATSsize, NATStopology, create
from nasreplay.data.importers.nats.archive import ENDING, content_of, official_texts
from nasreplay.data.importers.nats.template import loads_official
from nasreplay.data.pack import write_pack
from nasreplay.errors import BadInput
from nasreplay.spaces import SIZE, TOPOLOGY

CELL = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def embedded(home) -> NATStopology:
    return create("embedded", "tss", verbose=False)


@pytest.fixture(scope="module")
def by_pack(sample_packs) -> NATStopology:
    return create(sample_packs["tss"], "tss", fast_mode=True, verbose=False)


# --- without the official files --------------------------------------------------------------------


def test_the_embedded_table_answers_what_it_holds(embedded):
    assert repr(embedded).startswith(
        "NATStopology(15625/15625 architectures, fast_mode=False, file=nas-bench-201"
    )
    info = embedded.get_more_info(CELL, "cifar100", hp="200", is_random=777)
    assert info["valid-accuracy"] == pytest.approx(51.88, abs=1e-6)
    assert info["train-all-time"] == pytest.approx(2888.4371995925903)
    assert info["valid-loss"] is None  # not in the table, and not left out with what is
    assert "test-accuracy" not in info
    costs = embedded.get_cost_info(0, "cifar10-valid", hp="200")
    assert costs["params"] == 0.129306
    assert costs["flops"] == 15.64737


def test_the_text_leaves_out_what_is_not_held(embedded):
    text = embedded.query_info_str_by_arch(0, hp=200).splitlines()
    assert text[-2] == "ImageNet16-120 FLOP=  3.92 M, Params=0.136 MB, latency=12.98 ms."
    assert text[-1] == "ImageNet16-120 valid : [loss = nan & top1 = 28.21%]"


def test_a_clock_without_evaluation_seconds_charges_training(embedded):
    embedded.reset_time()
    _, latency, seconds, clock = embedded.simulate_train_eval(0, "cifar10", hp="200")
    assert seconds == clock == pytest.approx(1444.2185997962952)
    assert latency == pytest.approx(0.0139359758611311)


def test_the_best_of_the_table_is_found_at_once(embedded):
    index, accuracy = embedded.find_best("cifar10", "valid", hp="200")
    assert (index, accuracy) == (6111, pytest.approx(91.6067, abs=1e-4))
    small, less = embedded.find_best("cifar10", "valid", param_max=0.3, hp="200")
    assert less < accuracy
    assert embedded.get_cost_info(small, "cifar10-valid", hp="200")["params"] <= 0.3
    assert embedded.statistics("cifar10-valid", 200) == {3: 8169, 2: 7456}


def test_what_is_not_held_is_refused_in_the_official_way(embedded):
    with pytest.raises(KeyError, match="no recipe '12' of cifar10-valid: known are 200"):
        embedded.get_more_info(0, "cifar10-valid")
    with pytest.raises(KeyError, match="no data set 'cifar10': known are cifar10-valid, cifar100, Im"):
        embedded.get_more_info(0, "cifar10", hp="200")
    with pytest.raises(AssertionError, match="enforce_all"):
        embedded.find_best("cifar10", "valid", hp="200", enforce_all=True)
    two_trials = next(i for i in range(15_625) if len(embedded.query_by_index(i, "cifar100", "200")) == 2)
    with pytest.raises(ValueError, match=r"can not find random seed \(999\) from \[777, 888\]"):
        embedded.get_more_info(two_trials, "cifar100", hp="200", is_random=999)


def test_names_places_and_spaces_are_checked(home, embedded, tmp_path):
    with pytest.raises(ValueError, match="of the topology space, not of the size space"):
        create("embedded", "sss", verbose=False)
    with pytest.raises(ValueError, match="neither a file nor a folder, nor the name of a table"):
        create("nothing", "tss", verbose=False)
    (tmp_path / "big.pickle.pbz2").write_bytes(b"BZh9")
    with pytest.raises(BadInput, match=r"big\.pickle\.pbz2: truncated"):
        create(tmp_path / "big.pickle.pbz2", "tss", verbose=False)
    with pytest.raises(BadInput, match="fast_mode=True reads an archive folder or a pack"):
        create(tmp_path / "big.pickle.pbz2", "tss", fast_mode=True, verbose=False)


def test_the_default_place_is_searched_by_space(home, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"no archive in .*NATS-sss.* nor is there a table of NATS-sss"):
        create(None, "sss", fast_mode=True, verbose=False)


def test_a_pack_of_the_archive_stands_in_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    columns = {
        "cifar10/01/seeds": np.array([777], np.int32),
        "cifar10/01/train/accuracy": np.linspace(1, 99, SIZE.size)[:, None],
    }
    write_pack(
        tmp_path / "NATS-sss-v1_0-50262-simple.h5",
        SIZE,
        columns,
        title="t",
        source="s",
        licence="MIT",
        epochs={"cifar10/01": 1},
        archive="NATS-sss-v1_0-50262-simple",
    )
    api = create(None, "sss", fast_mode=True, verbose=False)
    assert isinstance(api, NATSsize)
    assert api.filename == "NATS-sss-v1_0-50262-simple"
    assert api.get_more_info("64:64:64:64:64", "cifar10", hp=1, is_random=False)["train-accuracy"] == 99
    assert api.find_best("cifar10", "train", hp=1) == (32767, 99.0)


def test_opening_says_so_when_asked(embedded, capsys):
    create("embedded", "topology")
    assert "Create NATS-Bench (topology) done" in capsys.readouterr().out


# --- with the official samples ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def big(samples) -> dict:
    """A dictionary like the official big file, with numpy's scalars as the official package leaves them."""
    files = {index: Path(samples["tss"]) / f"{index:06d}{ENDING}" for index in (0, 11, 284)}
    infos = {index: loads_official(content_of(file), file.name) for index, file in files.items()}
    for recipes in infos.values():
        for state in recipes.values():
            for trial in state["all_results"].values():
                trial["params"] = np.float64(trial["params"])
                trial["latency"] = [np.float64(each) for each in trial["latency"]]
    return {"meta_archs": official_texts(TOPOLOGY), "arch2infos": infos, "evaluated_indexes": set(infos)}


def test_a_dictionary_in_memory_answers_like_the_pack(big, by_pack):
    api = create(big, "tss", fast_mode=False, verbose=False)
    assert repr(api) == "NATStopology(3/15625 architectures, fast_mode=False, file=None)"
    assert sorted(api.avaliable_hps) == ["12", "200"]
    for hp, iepoch in (("12", None), ("200", 24), ("200", None)):
        asked = {"hp": hp, "iepoch": iepoch, "is_random": False}
        assert api.get_more_info(11, "cifar100", **asked) == pytest.approx(
            by_pack.get_more_info(11, "cifar100", **asked), rel=1e-13
        )
    assert api.find_best("cifar10", "valid") == (284, pytest.approx(72.8759999975586))
    with pytest.raises(ValueError, match="architecture 1 is not among the 3"):
        api.get_more_info(1, "cifar10")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("arch2infos", {5: "own"}, r"arch2infos\[5\] of the dict says that it is architecture 0"),
        ("meta_archs", [CELL], "meta_archs of the dict: 1 texts, the topology space has 15625"),
        ("arch2infos", {0: OrderedDict()}, "not a dictionary of recipes"),
        ("arch2infos", {0: {"12": None}}, "recipe 12: its keys are not all_results"),
        ("arch2infos", {"0": None}, "not a dictionary of recipes"),
        ("arch2infos", [], "arch2infos of the dict: not a dictionary"),
        ("arch2infos", None, "arch2infos of the dict: not a dictionary"),
        ("meta_archs", None, "meta_archs of the dict: not a list of the texts"),
        ("meta_archs", [["none"]], "meta_archs of the dict: not a list of the texts"),
        (
            "meta_archs",
            official_texts(TOPOLOGY)[::-1],
            r"meta_archs\[0\] of the dict is .*, the official one is",
        ),
    ],
)
def test_a_wrong_dictionary_is_refused(big, key, value, message):
    value = {5: big["arch2infos"][0]} if value == {5: "own"} else value
    with pytest.raises(ValueError, match=message):
        create({**big, key: value}, "tss", verbose=False)


@pytest.mark.slow
def test_the_big_file_is_converted_once(big, by_pack, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / f"NATS-tss-v1_0-3ffb9{ENDING}"
    file.write_bytes(bz2.compress(pickle.dumps({**big, "total_archs": 15_625}, 4), 1))
    os.utime(file, (1, 1))
    for given, filename in ((str(file), file.name), (None, None)):
        api = create(given, "tss", verbose=False)
        assert (api.filename, api.evaluated_indexes) == (filename, {0, 11, 284})
        for hp, iepoch in (("12", 3), ("200", None)):
            asked = {"hp": hp, "iepoch": iepoch, "is_random": False}
            assert api.get_more_info(11, "cifar100", **asked) == by_pack.get_more_info(
                11, "cifar100", **asked
            )
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"reading {file} into {tmp_path / 'home' / 'NATS-tss-v1_0-3ffb9-'}" in told
    os.utime(file)  # it was got anew
    create(file, "tss", verbose=False)
    assert "once" in capsys.readouterr().err
    with pytest.raises(BadInput, match="of the topology space, not of the size space"):
        create(file, "sss", verbose=False)


def test_a_folder_may_be_changed_and_read_again(samples, sample_packs, monkeypatch):
    api = create(sample_packs["tss"], "tss", fast_mode=True, verbose=False)
    api.reset_archive_dir(samples["tss"])
    assert api.archive_dir == samples["tss"]
    assert api.get_more_info(0, "cifar10", hp="12", is_random=False)["test-accuracy"] == pytest.approx(69.55)
    monkeypatch.setenv("TORCH_HOME", str(samples["tss"]).rsplit("/", 1)[0])
    api.reload(index=11)
    assert api.evaluated_indexes == {11}
    with pytest.raises(AssertionError, match="no file of architecture 1"):
        api.reload()
    with pytest.raises(ValueError, match="fast_mode=False reads a single file"):
        create(samples["tss"], "tss", verbose=False)


def test_objects_offer_the_stored_fields(by_pack):
    results = by_pack.query_by_index(0, hp="200")
    assert isinstance(results, ArchResults)
    network = results.query("cifar100", 777)
    assert len(network.train_acc1es) == len(network.train_losses) == len(network.train_times) == 200
    assert network.train_acc5es is None
    assert {"ori-test@0", "ori-test@199", "x-valid@199", "x-test@199"} <= network.eval_acc1es.keys()
    assert len(network.eval_losses) == 202
    assert len(network.eval_times) == 600
    assert network.eval_acc1es["ori-test@24"] == network.get_eval("ori-test", 24)["accuracy"]
    short = by_pack.query_by_index(0, "cifar10", "12")[111]
    assert len(short.train_acc5es) == 12
    assert short.latency == [0.0139359758611311]
    assert short.get_config(str.upper)["genotype"] == CELL.upper()
    assert short.arch_config == {"channel": 16, "num_cells": 5, "arch_str": CELL, "class_num": 10}
    assert set(by_pack.arch2infos_dict[0]) == {"12", "200"}


def test_a_drawn_trial_is_that_of_the_global_generator(by_pack):
    results, seeds = by_pack.query_by_index(0, hp="200"), [777, 888, 999]
    random.seed(3)
    drawn = [results.get_metrics("cifar10", "train", is_random=True)["accuracy"] for _ in range(8)]
    random.seed(3)
    chosen = [seeds[random.randint(0, 2)] for _ in range(8)]
    assert drawn == [results.get_metrics("cifar10", "train", is_random=seed)["accuracy"] for seed in chosen]
    assert len(set(drawn)) > 1


def test_an_early_epoch_is_named_as_it_was_asked_for(by_pack):
    for call in (
        lambda: by_pack.get_more_info(0, "cifar10", iepoch=12, is_random=False),
        lambda: by_pack.simulate_train_eval(0, "cifar10", iepoch=12),
        lambda: by_pack.query_by_index(0, "cifar10")[111].get_train(12),
    ):
        with pytest.raises(ValueError, match="invalid iepoch=12: it is 0 to 11, or None"):
            call()


def test_nothing_loaded_has_no_best(sample_packs):
    api = create(sample_packs["tss"], "tss", fast_mode=True, verbose=False)
    assert api.find_best("cifar10", "valid", enforce_all=False) == (-1, None)
    assert api.find_best("cifar10", "valid") == (284, pytest.approx(72.8759999975586))
    assert api.evaluated_indexes == {0, 11, 284}


def test_weights_are_none(by_pack):
    assert by_pack.get_net_param(0, "cifar10", 777, "200") is None
    by_pack.query_by_index(0, hp="200").clear_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_pack.clear_params(0)
        with pytest.raises(UserWarning, match="5 is not loaded"):
            by_pack.clear_params(5)
