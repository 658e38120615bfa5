import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import torch

from nasreplay import config
from nasreplay.jobs.training.training_target import read_target
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train import export
from nasreplay.train.checkpoint import load_checkpoint
from nasreplay.train.loop import Trainer
from nasreplay.train.network_config import network_config
from tests.support.command import CHECKOUT, end, start, wait_for
from tests.support.made_up_searches import genotype, write

pytestmark = pytest.mark.slow

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
TINY = ("--channels", "4", "--cells", "1", "--fraction", "0.05", "--batch", "16", "--threads", "1")
DIGITS = ("--dataset", "digits", *TINY)
FEW_SAMPLES = "curriculum --set curriculum.derive_samples=2 --set curriculum.hidden=4"
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "retrained_networks.json").read_text())


def outcome(run, *arguments: str) -> dict:
    return json.loads(run("retrain", *arguments, "--json").out)


@pytest.fixture
def search(tmp_path) -> Path:
    """A search checkpoint of the original, on digits."""
    last = genotype("dua_sepc_3x3", "dil_sepc_3x3", "max_pool_3x3", "avg_pool_3x3", reduce=False)
    first = genotype("skip_connect", "dua_sepc_3x3", "dua_sepc_3x3", "dua_sepc_3x3")
    return write(tmp_path / "seed-945-basic.pth", {0: first, 1: last, "best": first}, 2)


@pytest.fixture
def recipe(tmp_path) -> str:
    """Three epochs with everything that a recipe can have."""
    file = tmp_path / "short.config"
    about = {
        "scheduler": ["str", "cosine"],
        "LR": ["float", "0.1"],
        "epochs": ["int", "2"],
        "warmup": ["int", "1"],
        "criterion": ["str", "SmoothSoftmax"],
        "label_smooth": 0.1,
        "auxiliary": ["float", "0.4"],
        "gradient_clip": 5,
        "no_bias_decay": ["bool", "1"],
        "ema": 0.9,
        "batch_size": 16,
    }
    file.write_text(json.dumps(about))
    return str(file)


def test_a_search_checkpoint_trains_as_it_stands(run, search, tmp_path):
    told = run("retrain", str(search), *TINY, "--epochs", "1", "--seed", "1").out
    assert f"epoch 2 of {search}" in told
    assert "reduce=None" in told
    assert (
        "4 channels, 3 cells (NAS-CIFAR-none), layers of AutoDL-Projects, genotypes of its searches" in told
    )
    assert "data       digits, seed 1: trains on 72 images, evaluates on ori-test 18" in told
    assert (
        "recipe     NAS-CIFAR: 1 of 300 epochs, warm-up 5, learning rate 0.025 to 0 (cos), batch 16" in told
    )
    assert "auxiliary loss 0.4, drop path to 0.2, cutout 4" in told
    assert "after epoch 1 of recipe NAS-CIFAR, the checkpoint reloaded:" in told
    assert (tmp_path / "output/retrain/seed-945-basic-digits-seed1/run.json").exists()
    best = outcome(run, str(search), *TINY, "--epochs", "1", "--which", "best", "--out", "best")
    assert "reduce=[" in best["architecture"]
    assert best["target"] == f"the best epoch of {search}"


def test_a_published_name(run):
    facts = outcome(run, "gdas_v1", *DIGITS, "--epochs", "1", "--seed", "2", "--auxiliary", "0")
    assert facts["folder"] == "output/retrain/GDAS_V1-digits-seed2"
    assert facts["network"] == {
        "channels": 4,
        "cells": 5,
        "classes": 10,
        "stem": "cifar",
        "auxiliary": False,
        "dialect": "xautodl",
        "shuffle_groups": 1,
    }
    assert facts["published"] == []
    assert facts["recipe"]["auxiliary"] == 0
    plan = network_config(config.folder() / "archs" / "NAS-CIFAR-GDAS_V1.config").plan(10, "xautodl")
    small = cost(entry("GDAS_V1").genotype, type(plan)(4, 5), 8)
    assert (facts["parameters"], facts["auxiliary_parameters"], facts["multiply_adds"]) == (
        small.parameters,
        0,
        small.multiply_adds,
    )


def test_a_search_that_found_a_published_genotype(run, tmp_path):
    found = run("zoo", "GDAS_V1", "--to", "xautodl").out
    path = write(tmp_path / "x.pth", {0: found.strip()})
    facts = outcome(run, str(path), *TINY, "--epochs", "1")
    assert facts["target"] == f"epoch 1 of {path}, the genotype of GDAS_V1"
    assert facts["network"]["dialect"] == "xautodl-searched"


def test_the_published_target_is_printed(run, tmp_path):
    from tests.support.made_up import image_folder

    (tmp_path / "data").mkdir()
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    image_folder(tmp_path / "data" / "cifar10", {"train": 2, "val": 1}, names, side=8)
    told = run("retrain", "DARTS", "--data", "data", *TINY, "--fraction", "1", "--epochs", "1").out
    assert "published  97.24 ± 0.09 % on the test images, 3.3 M parameters [Li and Talwalkar" in told
    assert "  published 97.24 ± 0.09 %" in told
    assert "  not the whole training: ours ends after epoch 1 of 300" in told
    assert "  not the same network: ours has 0.01 M parameters" in told
    assert "order and split are not the official ones" in told


def test_genotypes_as_files_and_texts_and_cells(run, tmp_path):
    text = run("zoo", "SNAS_mild", "--to", "json").out
    (tmp_path / "mine.json").write_text(text)
    facts = outcome(run, "mine.json", *DIGITS, "--epochs", "1", "--seed", "1", "--dialect", "darts")
    assert facts["folder"] == "output/retrain/SNAS_mild-digits-seed1"
    assert facts["network"]["dialect"] == "darts"
    other = text.replace("dil_conv_3x3", "dil_conv_5x5")
    facts = outcome(run, other, *DIGITS, "--epochs", "1", "--seed", "1")
    assert facts["folder"].startswith("output/retrain/genotype-")
    facts = outcome(run, CELL, *DIGITS, "--epochs", "1", "--seed", "1")
    assert facts["recipe"]["name"] == "200"
    assert facts["recipe"]["cutout"] == facts["recipe"]["drop_path"] == 0
    assert facts["epochs"][0]["sets"].keys() == {"x-valid", "ori-test"}


def test_cells_train_as_the_train_command_does(run):
    same = ("--seed", "4", "--epochs", "1")
    facts = outcome(run, CELL, *DIGITS, *same)
    other = json.loads(run("train", CELL, *DIGITS, *same, "--recipe", "200", "--json").out)
    for name in ("x-valid", "ori-test"):
        assert facts["epochs"][0]["sets"][name]["loss"] == other["epochs"][0]["sets"][name]["loss"]


def test_a_search_of_our_own(run, tmp_path):
    tiny = ("--dataset", "digits", "--fraction", "0.1", "--channels", "4", "--cells", "1", "--batch", "32")
    run("search", "gdas", "--evaluator", "supernet", *tiny, "--epochs", "1", "--seed", "1", "--out", "s")
    found = json.loads((tmp_path / "s" / "events.jsonl").read_text().splitlines()[-1])["found"]
    checkpoint = max(
        (tmp_path / "s" / "checkpoint").glob("step-*.pth")
    )  # the newest: a slow machine keeps two
    for place, target in enumerate((["s"], ["s", "--which", "best"], [str(checkpoint)])):
        facts = outcome(run, *target, *TINY, "--epochs", "1", "--out", f"r{place}")
        assert facts["architecture"] == found
        assert facts["dataset"] == "digits"


@pytest.mark.parametrize(
    ("searcher", "space", "dialect", "cells", "asked"),
    [
        ("snas", "nasnet", "snas", 5, ()),
        (FEW_SAMPLES, "nasnet-cnas", "cnas", 5, ()),
        ("darts-v1", "nasnet", "darts", 5, ("--dialect", "gdas")),
        ("darts-v1", "nasnet-gdas", "xautodl-searched", 3, ()),
    ],
)
def test_a_search_gets_the_layers_of_its_release(run, tmp_path, searcher, space, dialect, cells, asked):
    tiny = ("--dataset", "digits", "--fraction", "0.03", "--channels", "4", "--cells", "1", "--batch", "16")
    live = ("--evaluator", "supernet", "--space", space, "--epochs", "1", "--seed", "1", "--threads", "1")
    run("search", *searcher.split(), *tiny, *live, "--out", "s")
    own = max((tmp_path / "s" / "checkpoint").glob("step-*.pth"))  # the newest: a slow machine keeps two
    for target in ("s", str(own), "s/checkpoint/seed-1-basic.pth"):
        found = read_target(target)
        assert (found.dialect, found.searched) == (dialect, True)
    facts = outcome(
        run, "s/checkpoint/seed-1-basic.pth", *TINY, "--epochs", "1", "--checkpoint-cells", *asked
    )
    assert (facts["network"]["dialect"], facts["network"]["cells"]) == ([dialect, *asked][-1], cells)
    assert facts["memory_mb"] > 0


def test_imagenet_is_read_from_files(run, tmp_path):
    from tests.support.made_up import image_folder

    image_folder(tmp_path / "data" / "ILSVRC2012", {"train": 4, "val": 2}, side=40)
    tiny = ("--dataset", "imagenet-1k", "--data", "data", "--channels", "8", "--cells", "1", "--threads", "1")
    fast = ("--side", "32", "--workers", "0", "--epochs", "1", "--batch", "8")
    facts = outcome(run, "GDAS_V1", *tiny, *fast)
    assert facts["network"]["stem"] == "imagenet"
    assert facts["network"]["dialect"] == "xautodl"
    assert facts["recipe"]["name"] == "NAS-IMAGENET"
    assert facts["recipe"]["smooth"] == 0.1
    assert facts["recipe"]["cutout"] == facts["recipe"]["drop_path"] == 0
    assert facts["published"][0]["error"] == 26.0
    assert facts["recipe"]["auxiliary"] == 0.4
    assert facts["auxiliary_parameters"] > 0
    assert facts["epochs"][0]["sets"]["ori-test"]["top5"] == 100  # of three classes
    assert (
        "cutout 3: images read from files are not cut"
        in run("retrain", "GDAS_V1", *tiny, *fast, "--cutout", "3", "--out", "x", status=2).err
    )


def test_killed_trainings_end_in_the_same_bits(run, tmp_path, search, recipe):
    more = (*TINY, "--opt", recipe, "--save-every", "0", "--out")
    run("retrain", str(search), *more, "whole", "--seed", "5")
    process = start("retrain", str(search), *more, "killed", "--seed", "5", cwd=tmp_path)
    folder = tmp_path / "killed" / "checkpoint"
    wait_for(lambda: any(int(path.stem[5:]) > 72 for path in folder.glob("step-*.pt")), process, 120)
    os.killpg(process.pid, signal.SIGKILL)
    end(process, -signal.SIGKILL)
    assert "continuing in epoch" in run("retrain", str(search), *more, "killed", "--resume").out
    one, other = (_last(tmp_path / name) for name in ("killed", "whole"))
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in other[part])


def _last(folder: Path) -> dict:
    newest = max((folder / "checkpoint").glob("step-*.pt"))
    return load_checkpoint(newest)["state"]["trainer"]


def test_a_reloaded_checkpoint_with_another_accuracy_is_an_error(run, monkeypatch):
    scores, calls = Trainer.scores, []

    def altered(self, sets):
        calls.append(sets)
        better = len(calls) - 1  # the first call is the epoch's own
        return {name: score._replace(top1=score.top1 + better) for name, score in scores(self, sets).items()}

    monkeypatch.setattr(Trainer, "scores", altered)
    told = run("retrain", "GDAS_V1", *DIGITS, "--epochs", "1", "--out", "out", status=1)
    assert "out: reloaded, the last checkpoint has" in told.err
    assert "% was logged" in told.err


def test_weights_and_programs(run, monkeypatch, tmp_path):
    import nasreplay.jobs.training.training_folder as train_run

    trained: list[Trainer] = []
    check = train_run.TrainingFolder.check
    monkeypatch.setattr(
        train_run.TrainingFolder, "check", lambda *given: trained.append(check(*given)) or trained[-1]
    )
    facts = outcome(run, "GDAS_F1", *DIGITS, "--epochs", "1", "--export", "net.pt2")
    assert facts["exports"] == ["net.pt2"]
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    wanted = trained[0].final(images)
    program = torch.export.load(tmp_path / "net.pt2").module()
    torch.testing.assert_close(program(images), wanted, rtol=1e-4, atol=1e-5)


def test_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch", reason="needs safetensors")
    network = torch.nn.BatchNorm2d(3)
    export.export(network, tmp_path / "x.safetensors", 8, {"architecture": "one"})
    found = safetensors.load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(values, found[name]) for name, values in network.state_dict().items())
    assert json.loads((tmp_path / "x.json").read_text()) == {"architecture": "one", "side": 8}


def test_what_is_not_installed_is_told_before_the_training(refused, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    told = refused("retrain", "GDAS_V1", *DIGITS, "--export", "net.onnx")
    assert "--export net.onnx: needs onnx and onnxscript: pip install onnx onnxscript" in told


@pytest.mark.parametrize("name", GOLDEN["networks"])
def test_shipped_sizes_are_the_published_ones(name):
    sizes = network_config(config.folder() / "archs" / f"{name}.config")
    wanted = GOLDEN["networks"][name]
    classes = 1000 if sizes.dataset == "imagenet" else 10
    plan = sizes.plan(classes, sizes.dialect)
    assert plan.auxiliary
    assert plan.cells == wanted["cells"]
    found = entry(sizes.genotype or wanted["genotype"]).genotype
    assert cost(found, plan).parameters == wanted["parameters"]
    assert sizes.drop_path_prob == (0.2 if sizes.dataset == "cifar" else 0.0)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_published_scripts(tmp_path):
    python = '#!/bin/sh\n[ "$1" = -c ] && echo 0 && exit\nprintf "%s\\n" "$@"\n'  # which has no GPU
    (tmp_path / "python3").write_text(python)
    (tmp_path / "python3").chmod(0o755)

    def call(name: str, *arguments: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
        return subprocess.run(
            ["bash", str(CHECKOUT / "scripts" / name), *arguments],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )

    told = call("retrain-searched-net.sh", "cifar10", "gdas-searched", "x.pth", "96", "-1", "--resume")
    assert told.stdout.split() == [
        *("-m", "nasreplay", "retrain", "x.pth", "--dataset", "cifar10", "--batch", "96", "--seed", "-1"),
        *("--out", "output/nas-infer/cifar10-BS96-gdas-searched/seed-{seed}", "--resume"),
    ]
    told = call("nas-infer-train.sh", "imagenet-1k", "SETN1", "256", "3").stdout.split()
    assert told[3:5] == ["--config", str(CHECKOUT / "configs/archs/NAS-IMAGENET-SETN1.config")]
    assert told[-1] == "output/nas-infer/imagenet-1k-SETN1-256/seed-{seed}"
    assert call("nas-infer-train.sh", "cifar10", "PDARTS", "96", "3").stdout.split()[3] == "PDARTS"
    for name in ("retrain-searched-net.sh", "nas-infer-train.sh"):
        told = call(name, "cifar10")
        assert told.returncode == 2
        assert "[options of nasreplay retrain]" in told.stderr
