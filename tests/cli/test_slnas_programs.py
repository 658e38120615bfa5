"""The programs of SLNAS: which pipeline they choose; both commands of its README, made small, killed and resumed."""

import json
import os
import re
import signal

import pytest
import torch

from nasreplay.train.checkpoint import load_checkpoint
from tests.support.command import call, end, start, wait_for
from tests.support.made_up import image_folder
from tests.support.programs import translated

LIST = "[[0, 1, 0, 4, 1, 3, 0, 3, 0, 3, 0, 0, 1, 1, 0, 3, 0, 3, 1, 0], [0, 3, 1, 0, 0, 4, 1, 1, 1, 1, 0, 3, 0, 2, 1, 2, 1, 1, 0, 3]]"  # noqa: E501
SEARCH = "--save cifa10_searcher --seed 0 --batch_size 96 --child_out_filters 16 --data ../data/cifar10"
SEARCH = (
    *SEARCH.split(),
    "--num_class",
    "30",
    "--epochs",
    "150",
    "--blocks",
    "[2,2]",
    "--weight_decay",
    "3e-4",
)
RETRAIN = (
    "--save cifar10_retrain --seed 2 --batch_size 32 --child_out_filters 40 --data ../data/exp_data/AID_50"
)
RETRAIN = (*RETRAIN.split(), *("--num_class", "30", "--epochs", "600", "--blocks", "[2,2]", "--arch", LIST))


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The folder from which the commands of the README are run, with images where they look for them."""
    root = tmp_path_factory.mktemp("slnas")
    image_folder(root / "data" / "exp_data" / "AID_50", {"train": 12, "val": 2}, side=64)
    image_folder(root / "data" / "cifar10", {"train": 8, "val": 2}, side=16)
    image_folder(root / "data" / "photos", {"train": 2, "val": 1}, side=64, ending="jpg")
    image_folder(root / "data" / "tiny", {"train": 2, "val": 1}, side=32)
    (root / "code").mkdir()
    return root / "code"


@pytest.fixture
def words(code, monkeypatch):
    """What a program becomes in that folder."""
    monkeypatch.chdir(code)
    return lambda name, *arguments: translated(f"slnas/{name}.py", *arguments)


def value(words, option):
    return words[words.index(option) + 1]


def test_the_images_choose_the_pipeline(words):
    small, _ = words("train_search", "--data", "../data/cifar10")
    assert value(small, "--dataset") == "cifar10"
    assert value(small, "--training").startswith("SLNAS-SEARCH")
    assert "IMAGENET" not in value(small, "--training")
    assert not {"--side", "--auxiliary-heads"} & {*small}
    large, _ = words("train_search_cifar", "--data", "../data/exp_data/AID_50/")
    assert value(large, "--dataset") == "AID_50"
    assert value(large, "--training") == "SLNAS-SEARCH-IMAGENET,arch_batch=192"
    assert value(large, "--auxiliary-heads") == "first"
    own, _ = words("retrainer_cifar", "--data", "../data/photos")
    assert (value(own, "--side"), value(own, "--recipe")) == ("224", "SLNAS-IMAGENET")
    tiny, _ = words("retrainer", "--data", "../data/tiny")
    assert value(tiny, "--recipe") == "SLNAS-CIFAR"
    assert "--side" not in tiny


def test_classes_are_those_of_the_images(words, capsys):
    told = "--num_class 30: the network has the 3 classes of the images"
    assert words("train_search_cifar", *SEARCH)[1] == words("retrainer_cifar", *RETRAIN)[1] == [told]
    assert words("retrainer", "--data", "../data/tiny", "--num_class", "3")[1] == []
    with pytest.raises(SystemExit) as ended:
        words("retrainer", "--data", "../data/tiny", "--num_class", "2")
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert "--num_class 2: the images of ../data/tiny have 3 classes" in err


def test_spellings_truths_and_fractions(words):
    old, _ = words(
        "retrainer_cifar", "--drop_prob", "0.2", "--child_use_aux_heads", "False", "--num_class", "10"
    )
    new, _ = words("retrainer_cifar", "--drop-prob=0.2", "--child-use-aux", "0", "--num-class", "10")
    assert old == new
    assert (value(new, "--drop-path"), value(new, "--auxiliary")) == ("0.2", "0")
    assert "--auxiliary" not in words("retrainer_cifar", "--child_use_aux_heads", "true")[0]
    genetic, remarks = words("train_search_cifar_GA", "--bl_dec", "0.5")
    assert genetic[:2] == ["search", "slnas-ga"]
    assert remarks == ["--bl_dec has no effect: the genetic search has no controller"]


def arrays(state):
    """All tensors of nested states, by place."""
    if torch.is_tensor(state):
        return {"": state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {f"{key}/{name}": each for key, inner in items for name, each in arrays(inner).items()}


def newest(folder):
    return arrays(load_checkpoint(max((folder / "checkpoint").glob("step-*"))))


def killed(code, begun, *arguments):
    """Run a command whole, and once more killed after its first checkpoint and resumed; both folders."""
    whole, cut = code / f"{begun}-whole", code / f"{begun}-cut"
    process = start(*arguments, "--out", str(cut), cwd=code)
    wait_for(lambda: list((cut / "checkpoint").glob("step-*")), process)
    os.killpg(process.pid, signal.SIGKILL)
    end(process, -signal.SIGKILL)
    assert not (cut / "outcome.json").exists()
    call("resume", str(cut), cwd=code)
    call(*arguments, "--out", str(whole), cwd=code)
    one, other = newest(whole), newest(cut)
    assert one.keys() == other.keys()
    assert len(one) > 10
    assert all(torch.equal(values, other[name]) for name, values in one.items())
    return whole, cut


@pytest.mark.slow
def test_the_search_of_the_readme(code, words, home, capsys):
    few = ("controller_steps=3", "valid_samples=2", "final_samples=3", "hidden=8")
    small = [word for change in few for word in ("--set", f"slnas.{change}")]
    smaller = ("--batch_size", "5", "--child_out_filters", "4", "--blocks", "[1]", "--epochs", "3")
    found, _ = words("train_search_cifar", *SEARCH, *smaller, "--", "--threads", "1", *small)
    whole, cut = killed(code, "search", *found)
    for name in ("dag_all.txt", "final_arch.json"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
    told = capsys.readouterr().out
    choice = json.loads((whole / "final_arch.json").read_text())
    assert f"{choice['parameters']:,}" in told
    assert (
        f"nasreplay retrain '{json.dumps(choice['arch'])}' --dataset cifar10 --data ../data/cifar10" in told
    )


@pytest.mark.slow
def test_the_retraining_of_the_readme(code, words, home, capsys):
    smaller = ("--batch_size", "9", "--child_out_filters", "4", "--blocks", "[1,1]", "--epochs", "4")
    small = ("--", "--threads", "1", "--side", "32", "--workers", "0", "--save-every", "0")
    found, _ = words("retrainer_cifar", *RETRAIN, *smaller, *small)
    whole, cut = killed(code, "retrain", *found)
    told = capsys.readouterr().out
    assert "4 channels, blocks [1,1], stem cifar" in told
    assert re.search(r"drop path to 0\.35, from 70% of the epochs on as it is, label smoothing 0\.1", told)
    epochs = [[json.loads(line) for line in (each / "epochs.jsonl").open()] for each in (whole, cut)]
    losses = [[(epoch["train"]["loss"], epoch["sets"].keys()) for epoch in each] for each in epochs]
    assert losses[0] == losses[1]
    call("evaluate", str(cut), "--json", cwd=code)
    score = json.loads(capsys.readouterr().out)["scores"]["ori-test"]
    assert score["loss"] == epochs[0][-1]["sets"]["ori-test"]["loss"]
