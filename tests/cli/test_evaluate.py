"""`nasreplay evaluate` and `retrain --weights`: weights of releases, of trainings here, wrong and hostile ones."""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import nasreplay
from nasreplay.errors import BadOutput
from nasreplay.jobs.training import evaluation_sums, retrain
from nasreplay.jobs.training.evaluation import evaluate
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.jobs.training.training_setup import prepare
from nasreplay.jobs.training.training_target import read_target
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nasnet.parameter_names import published_state
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train import loop
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import load
from tests.support.formula import fill
from tests.support.made_up_searches import genotype, write

SIZES = ("--dataset", "digits", "--channels", "4", "--cells", "1", "--threads", "1", "--fraction", "0.2")
TINY = {"dataset": "digits", "channels": 4, "cells": 1, "threads": 1}


@cache
def made() -> NASNet:
    """CNAS's network for digits, with weights of a formula that nothing changes."""
    return fill(NASNet(entry("CNAS").genotype, Plan(4, 5, 10, auxiliary=True))).float()


@pytest.fixture(scope="module")
def loss() -> float:
    """The loss of that network on the test images."""
    return loop.evaluate(made(), load("digits").all_test.fraction(0.2), device=Device()).loss


def saved(state: Any, path: Path, legacy: bool = False) -> str:
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return str(path)


def measured(run, file: str, *more: str) -> dict:
    return json.loads(run("evaluate", "CNAS", "--weights", file, *SIZES, *more, "--json").out)


def without_counters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As a PyTorch before 0.4.1 wrote it."""
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


FORMS = {
    "the release's state dict": published_state,
    "without a head": lambda net: {k: v for k, v in published_state(net).items() if "auxiliary" not in k},
    "in several processes": lambda net: {f"module.{k}": v for k, v in published_state(net).items()},
    "a checkpoint of CNAS": lambda net: {"epoch": 3, "state_dict": published_state(net), "best_acc1": 97.0},
    "a checkpoint of AutoDL-Projects": lambda net: {"base-model": published_state(net), "scheduler": {}},
    "an archive's": lambda net: {"seed": 777, "net_state_dict": published_state(net)},
    "of an old PyTorch": lambda net: without_counters(published_state(net)),
    "with our names": lambda net: net.state_dict(),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_every_form(run, tmp_path, loss, form):
    told = measured(run, saved(FORMS[form](made()), tmp_path / "w.pth", legacy="old" in form))
    assert told["scores"]["ori-test"]["loss"] == pytest.approx(loss, rel=1e-5)
    assert told["sha256"] == hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    assert told["parameters"] == 19_282
    assert told["auxiliary_parameters"] == (0 if form == "without a head" else 410_890)


@pytest.mark.slow
def test_a_training_is_measured_as_it_was_logged(run, tmp_path):
    more = ("--epochs", "1", "--seed", "1", "--out", "run", "--export", "w.safetensors")
    run("retrain", "CNAS", *SIZES, *more)
    file = max((tmp_path / "run" / "checkpoint").glob("step-*.pt"))
    last = json.loads((tmp_path / "run" / "epochs.jsonl").read_text().splitlines()[-1])["sets"]["ori-test"]
    for weights in ("run", str(file), "w.safetensors"):
        found = measured(run, weights)["scores"]["ori-test"]
        assert (found["loss"], found["top1"], found["top5"]) == (last["loss"], last["top1"], last["top5"])
    for words in (("run",), ("CNAS", "--weights", "run")):  # images and sizes are the training's
        told = json.loads(run("evaluate", *words, "--fraction", "0.2", "--json").out)
        assert told["scores"]["ori-test"]["loss"] == pytest.approx(last["loss"])
        assert (told["dataset"], told["parameters"]) == ("digits", 19_282)
    told = run("evaluate", "CNAS", "--weights", "run", *SIZES)
    assert f"{last['top1']:6.2f} %  here (top 5 {last['top5']:.2f} %)" in told.out
    assert "with the weights of sha256" in told.out


@pytest.mark.slow
def test_a_cell_stands_beside_the_table(run):
    sizes = ("--dataset", "digits", "--channels", "2", "--cells", "0", "--threads", "1", "--fraction", "0.1")
    trained = json.loads(
        run("train", "resnet", "--epochs", "1", "--recipe", "1", *sizes, "--out", "cell", "--json").out
    )
    found = json.loads(run("evaluate", "11472", "--weights", "cell", *sizes, "--json").out)
    before = trained["epochs"][-1]["sets"]
    assert {name: one["top1"] for name, one in found["scores"].items()} == {
        name: one["top1"] for name, one in before.items()
    }
    assert "table" in found


def test_wrong_weights_are_named(refused, tmp_path):
    state = published_state(made())
    weight, bias = (state.pop(f"cells.2.preprocess0.bn.{kind}") for kind in ("weight", "bias"))
    state |= {"cells.2.first": weight, "cells.2.second": bias}
    state |= {f"classifier.{kind}": state[f"classifier.{kind}"][:7] for kind in ("weight", "bias")}
    file = saved(state, tmp_path / "other.pth")
    told = (
        f"{file}: cells.2.preprocess0.bn.weight is not in the weights; cells.2.first is not in a cnas network of "
        "this genotype; classifier.weight has the shape [7, 64], this network needs [10, 64]: genotype, widths, "
        "cells, classes, head or dialect differ"
    )
    for command in ("evaluate", "retrain"):
        assert told in refused(command, "CNAS", "--weights", file, *SIZES)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


class Hollow:
    def __reduce__(self):
        return bytearray, (10**9,)


def spoiled(name: str) -> Any:
    state = dict(made().state_dict())
    match name:
        case "executed":
            return {"state_dict": state, "optimizer": Harmful()}
        case "hollow":
            return {"state_dict": state, "optimizer": Hollow()}
        case "nan":
            state["stem.0.weight"] = torch.full((12, 3, 3, 3), torch.nan)
        case "claims":
            state["stem.0.weight"] = torch.zeros(1).expand(10**5, 10**5)
        case "sparse":
            state["stem.0.weight"] = torch.zeros(12, 3, 3, 3).to_sparse()
        case "eight bits":
            state["stem.0.weight"] = torch.zeros(12, 3, 3, 3).to(torch.float8_e4m3fn)
        case "complex":
            state["stem.0.weight"] = torch.zeros(12, 3, 3, 3, dtype=torch.complex64)
        case "no state":
            return {"epoch": 3}
        case "not a tensor":
            state["stem.0.weight"] = [1, 2]
    return state


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("executed", r"asks for posix.system, which no checkpoint holds; nothing was executed"),
        ("hollow", "it asks for a bytearray, which no checkpoint holds"),
        ("nan", "stem.0.weight holds NaN or infinity: this training has failed"),
        ("claims", "stem.0.weight claims the shape [100000, 100000], which is more than the file holds"),
        ("sparse", "stem.0.weight is no plain array of numbers"),
        ("eight bits", "stem.0.weight is no plain array of numbers"),
        ("complex", "stem.0.weight is no plain array of numbers"),
        ("no state", "holds no weights of a trained network (a state dict)"),
        ("not a tensor", "holds no weights of a trained network (a state dict)"),
    ],
)
def test_hostile_files_are_refused_in_one_line(refused, tmp_path, name, told):
    file = saved(spoiled(name), tmp_path / "w.pth")
    for command in ("evaluate", "retrain"):
        assert told in refused(command, "CNAS", "--weights", file, *SIZES)
    assert not (tmp_path / "witness").exists()


def test_files_that_are_none_are_refused(refused, tmp_path):
    (tmp_path / "text.pth").write_text("weights")
    (tmp_path / "folder").mkdir()
    (tmp_path / "endless.pth").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.safetensors")
    found = write(tmp_path / "seed-1-basic.pth", {0: genotype("none", "none", "none", "none")})
    for file, told in (
        ("text.pth", "text.pth: not a checkpoint, or damaged (it is no file of PyTorch)"),
        ("nothing.pth", "nothing.pth: no such file"),
        ("endless.pth", "endless.pth: a pipe, a device or a socket, not a file"),
        ("pipe.safetensors", "pipe.safetensors: a pipe, a device or a socket, not a file"),
        (300 * "x", "xxx…: the name is too long for a file"),
        ("folder", "folder: holds no checkpoint of a training (checkpoint/step-*.pt)"),
        (str(found), "it is of a search, and `nasreplay retrain` trains what that found"),
    ):
        assert told in refused("evaluate", "CNAS", "--weights", file, *SIZES)
    assert "--weights FILE names a file" in refused("evaluate", "9930", "--dataset", "digits")
    assert "DARTS_V2: no released weights for cifar10 are known" in refused("evaluate", "DARTS")


@pytest.mark.slow
def test_a_training_starts_from_weights(tmp_path):
    net = made()
    file = Path(saved(published_state(net), tmp_path / "w.pth"))
    training = prepare(read_target("CNAS"), RetrainSettings(**TINY, weights=file, fraction=0.1))
    begun = training.trainer(0).network.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in net.state_dict().items())
    options = {**TINY, "weights": file, "fraction": 0.1, "out": str(tmp_path / "run")}
    result = retrain("CNAS", **options, epochs=1, seed=0)
    assert result.header["weights"] == hashlib.sha256(file.read_bytes()).hexdigest()
    other = {name: value * 2 for name, value in published_state(net).items()}
    saved(other, file)
    with pytest.raises(BadOutput, match="holds a run with weights = "):
        retrain("CNAS", **options, epochs=2, resume=True)


def test_an_evaluation_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation_sums, "PIECE", 100)
    options: dict[str, Any] = {**TINY, "weights": Path(saved(made().state_dict(), tmp_path / "w.pth"))}
    whole, done = nasreplay.evaluate("CNAS", **options), []  # pyright: ignore[reportCallIssue]

    def stop(images: int, total: int, name: str) -> None:
        done.append(images)
        if images > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate("CNAS", **options, out=tmp_path / "sums.json", progress=stop)
    assert json.loads((tmp_path / "sums.json").read_text())["sums"]["ori-test"]["images"] == 100
    done.clear()
    rest = evaluate(
        "CNAS", **options, out=tmp_path / "sums.json", progress=lambda images, *_: done.append(images)
    )
    assert (min(done), max(done)) == (200, 360)
    assert rest.scores["ori-test"][:3] == whole.scores["ori-test"][:3]
    with pytest.raises(BadOutput, match=r"holds an evaluation with fraction = 1\.0, now 0\.5"):
        evaluate("CNAS", **options, out=tmp_path / "sums.json", fraction=0.5)
