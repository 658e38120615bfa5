"""Searches of genotypes through the command line: scripts, folders, the published checkpoint, kills, refusals."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from nasreplay.jobs.searches import live_search
from nasreplay.jobs.training.training_target import read_target
from nasreplay.models.shared_networks import NETWORKS
from nasreplay.runs import record
from nasreplay.runs.record import read_events
from nasreplay.search import SEARCHERS
from nasreplay.spaces.nasnet import NASNET_SPACES
from nasreplay.train.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--evaluator", "supernet", "--dataset", "digits", "--channels", "4", "--cells", "1")
TINY = (*TINY, "--fraction", "0.03", "--batch", "16", "--threads", "1")
FRC = ("--space", "nasnet-gdas-frc")
MEASURED = ("wall_s", "simulated_s", "seconds")


def log_of(folder):
    return [
        {key: value for key, value in event.items() if key not in MEASURED} for event in read_events(folder)
    ]


def test_a_search_leaves_the_published_checkpoint(run, refused):
    told = run("search", "gdas", *TINY, *FRC, "--epochs", "2", "--seed", "4", "--json")
    facts = json.loads(told.out)
    home = Path("output/search-cell-darts/GDAS-FRC-digits-BN1")
    assert facts["folder"] == str(home / "seed-4")
    assert "official_index" not in facts
    path = home / "checkpoint" / "seed-4-basic.pth"
    assert facts["checkpoint"] == str(path)
    assert facts["found"] in told.err
    plain = torch.load(path, weights_only=True)
    assert plain.keys() == {"json", "tensors"}
    assert isinstance(plain["json"], str)
    assert all(isinstance(value, torch.Tensor) for value in plain["tensors"].values())
    content = load_checkpoint(path)
    epochs = [event for event in read_events(home / "seed-4") if event["event"] == "epoch"]
    best = max(epochs, key=lambda event: event["shared_accuracy"])
    assert content["epoch"] == 2
    assert content["genotypes"] == {0: epochs[0]["found"], 1: epochs[1]["found"], "best": best["found"]}
    assert content["valid_accuracies"]["best"] == best["shared_accuracy"]
    assert content["search_model"]["arch_parameters"].shape == (14, 8)
    assert all("skip_share" in event and len(event["entropy"]) == 14 for event in epochs)
    space = NASNET_SPACES["nasnet-gdas-frc"]
    for target, which in ((path, "last"), (path, "best"), (home / "seed-4", "last")):
        found = read_target(str(target), which)
        wanted = best["found"] if which == "best" else facts["found"]
        assert found.cell == space.genotype(space.parse(wanted))
        assert (found.dataset, found.searched) == ("digits", True)
    reason = "the nasnet-gdas-frc space has 2.4e+11 architectures, too many for tables"
    assert reason in refused("gap", facts["folder"])
    assert reason in refused("tabulate", "--run", facts["folder"], "--sample", "3", "--out", "x.h5")


class Killed(BaseException):
    """Stands for a kill: nothing after it runs."""


def test_a_killed_search_continues_to_the_same_log_and_checkpoint(run, tmp_path, monkeypatch):
    monkeypatch.setattr(live_search, "SAVE_EVERY_S", 0.0)
    command = ("search", "darts-v1", *TINY, *FRC, "--epochs", "2", "--seed", "9", "--derive", "pairs")
    run(*command, "--out", "whole")
    steps = [event["step"] for event in read_events(tmp_path / "whole") if event["event"] == "step"]
    written = record.RunFolder._write_step

    def dies(self, step, *rest):
        if step == len(steps) - 1:
            raise Killed
        written(self, step, *rest)

    monkeypatch.setattr(record.RunFolder, "_write_step", dies)
    with pytest.raises(Killed):
        run(*command, "--out", "it")
    monkeypatch.setattr(record.RunFolder, "_write_step", written)
    run(*command, "--out", "it", "--resume")
    assert log_of(tmp_path / "it") == log_of(tmp_path / "whole")
    ours, wanted = (
        load_checkpoint(tmp_path / folder / "checkpoint" / "seed-9-basic.pth") for folder in ("it", "whole")
    )
    assert ours["genotypes"] == wanted["genotypes"]
    assert ours["valid_accuracies"] == wanted["valid_accuracies"]
    for name, values in wanted["search_model"].items():
        assert torch.equal(torch.as_tensor(ours["search_model"][name]), torch.as_tensor(values)), name


def test_genotypes_are_not_trained_from_scratch_in_a_search(refused):
    scratch = refused("search", "rea", "--evaluator", "scratch", *FRC, "--dataset", "digits")
    assert "use --evaluator supernet" in scratch


def test_files_of_other_runs_are_kept(refused, tmp_path):
    old = tmp_path / "output" / "search-cell-darts" / "GDAS-digits-BN1" / "checkpoint" / "seed-7-basic.pth"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"somebody's")
    command = ("search", "gdas", *TINY, "--space", "nasnet-gdas", "--epochs", "1", "--seed", "7")
    assert "seed-7-basic.pth: is there already" in refused(*command)
    assert old.read_bytes() == b"somebody's"


def test_stages_of_a_curriculum_are_told_and_left(run, tmp_path):
    sets = (
        "stages=sep_conv_3x3,none;skip_connect,max_pool_3x3,avg_pool_3x3,sep_conv_5x5,dil_conv_3x3,dil_conv_5x5",
    )
    sets += ("derive_samples=2", "derive_repeats=1", "hidden=4")
    changes = [word for text in sets for word in ("--set", f"curriculum.{text}")]
    about = ("--space", "nasnet-cnas", "--epochs", "4", "--seed", "4", "--out", "it")
    told = run("search", "curriculum", *TINY, *about, *changes)
    events = read_events(Path("it"))
    assert [
        (one["stage"], len(one["open"]), one["step"] % 2) for one in events if one["event"] == "stage"
    ] == [
        (1, 2, 1),
        (2, 8, 1),
    ]
    epochs = [event for event in events if event["event"] == "epoch"]
    assert [(one["stage"], one["stages"], "derived" in one) for one in epochs] == [
        (1, 2, False),
        (1, 2, True),
        (2, 2, False),
        (2, 2, True),
    ]
    assert "stage 1/2 ended, 2 operations, best " in told.err
    for epoch in epochs[1::2]:
        assert epoch["winner_accuracy"] == max(epoch["repeat_accuracies"])
        cells = [read_target(str(Path("it", file))).cell for file in epoch["derived"]]
        space = NASNET_SPACES["nasnet-cnas"]
        found = space.genotype(space.parse(epoch["found"]))
        assert found == cells[epoch["repeat_accuracies"].index(epoch["winner_accuracy"])]
    assert len(list(Path("it").glob("derive/stage-*/epoch-*/*.svg"))) == 2 * 2


SCRIPTS = {
    "GDAS": ("D 1 5", "gdas --evaluator supernet --dataset D --bn 1 --seed 5 --space nasnet-gdas"),
    "GDAS-FRC": ("D 0 5", "gdas --evaluator supernet --dataset D --bn 0 --seed 5 --space nasnet-gdas-frc"),
    "DARTS1V": ("D 5", "darts-v1 --evaluator supernet --dataset D --bn 1 --seed 5 --space nasnet-gdas"),
    "DARTS2V": ("D 5", "darts-v2 --evaluator supernet --dataset D --bn 1 --seed 5 --space nasnet-gdas"),
    "SNAS": ("D 5", "snas --evaluator supernet --dataset D --bn 1 --seed 5 --space nasnet --drop-path 0.3"),
    "CURRICULUM": (
        "D 5",
        "curriculum --evaluator supernet --dataset D --bn 0 --seed 5 --space nasnet-cnas --train-portion 0.4",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_take_the_published_arguments_of_genotype_searches(tmp_path, name):
    """A python3 that prints its arguments stands for the real one."""
    stand_in = tmp_path / "python3"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    script = str(ROOT / "scripts-search" / f"NASNet-space-search-by-{name}.sh")
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    given, wanted = SCRIPTS[name]
    command = ["bash", script, *given.split(), "--epochs", "2"]
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    fetching = wanted.replace("--seed 5", "--seed 5 --download")
    assert done.stdout == f"-m nasreplay search {fetching} --epochs 2\n"
    command[-2:] = "--data", "mine"  # whose images those are; nothing is fetched into it
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    assert done.stdout == f"-m nasreplay search {wanted} --data mine\n"
    short = subprocess.run(["bash", script, "D"], capture_output=True, text=True, check=False)
    assert short.returncode == 2
    assert f"by-{name}.sh DATASET {'BN ' if 'GDAS' in name else ''}SEED" in short.stderr


@pytest.mark.parametrize(
    ("searcher", "space", "recipe", "batch", "decay"),
    [
        ("gdas", "nasnet-gdas", "GDAS-NASNet-CIFAR", 256, 5e-4),
        ("darts-v2", "nasnet-gdas-frc", "DARTS-NASNet-CIFAR", 64, 3e-4),
        ("snas", "nasnet", "SNAS-NASNet-CIFAR", 64, 3e-4),
        ("curriculum", "nasnet-cnas", "CURRICULUM", 96, 3e-4),
        ("gdas", "topology", "GDAS", 64, 5e-4),
    ],
)
def test_the_published_recipes_of_the_weights(searcher, space, recipe, batch, decay):
    from nasreplay.live.evaluator_settings import published_recipe
    from nasreplay.train.recipe import recipe_of

    path = published_recipe(SEARCHERS[searcher](), NETWORKS[space]())
    assert path.stem == recipe
    found = recipe_of(str(path))
    assert (found.batch, found.decay, found.idle) == (batch, decay, "decay")  # idle: as released


def test_validation_on_the_test_images_is_asked_for_and_told(run, refused):
    command = ("search", "snas", *TINY, "--space", "nasnet", "--epochs", "1", "--seed", "1", "--json")
    told = run(*command, "--valid-on", "test", "--out", "theirs")
    warning = "digits: validation images are the test images, so what is found has seen them; "
    warning += "the architecture learns from the images of the weights"
    assert f"warning: {warning}" in told.err
    assert json.loads(told.out)["note"] == warning
    header = json.loads(Path("theirs/run.json").read_text())
    assert header["evaluator"]["split"] == warning
    assert header["searcher"]["logit_mean"] == 1
    assert " MB for weights and steps of 16 images" in told.err
    usual = run(*command, "--out", "usual", "--checkpoint-cells")
    assert "validation images are the test images" not in usual.err + usual.out
    assert "note" not in json.loads(usual.out)
    assert "float32, cells recomputed" in usual.err
    both = refused(*command, "--valid-on", "test", "--train-portion", "0.5")
    assert "leave the options of the split out" in both
    idle = refused("search", "snas", "--valid-on", "test", "--dataset", "cifar10")
    assert "--valid-on" in idle
