import json
import os
import resource
import shutil
import signal
import subprocess

import pytest
import torch

from nasreplay.train.checkpoint import Checkpoints, load_checkpoint
from tests.support.command import CHECKOUT, end, start, wait_for

pytestmark = pytest.mark.slow

FEW = ("--batch", "32", "--fraction", "0.3", "--threads", "1")
SMALL = ("--channels", "4", "--cells", "0", *FEW)
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


def numbers(folder) -> list[dict]:
    """The epochs of a training without their seconds."""

    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if key != "seconds"}
        return value

    return [timeless(json.loads(line)) for line in (folder / "epochs.jsonl").read_text().splitlines()]


def weights(folder) -> dict:
    newest = max((folder / "checkpoint").glob("step-*.pt"))
    return load_checkpoint(newest)["state"]["trainer"]["network"]


def test_a_training_is_told_epoch_by_epoch(run, tmp_path):
    told = run("train", "resnet", *SMALL, "--epochs", "2", "--seed", "1", "--out", "out").out
    assert RESNET in told
    assert (
        "recipe 12: 2 of 12 epochs, learning rate 0.1 to 0, batch 32; 1 threads, float32, device cpu" in told
    )
    assert "on 30 % of the images of every set" in told
    assert "epoch 2/2  lr 0.0983  train loss " in told
    assert "x-valid " in told
    assert "after epoch 2 of recipe 12, the checkpoint reloaded:" in told
    assert len(numbers(tmp_path / "out")) == 2


def test_json(run):
    told = run("train", "8:8:8:8:8", *FEW, "--epochs", "1", "--seed", "3", "--json")
    facts = json.loads(told.out)
    assert facts["architecture"] == "8:8:8:8:8"
    assert facts["seed"] == 3
    assert facts["epochs"][0]["sets"].keys() == {"x-valid", "ori-test"}
    assert facts["folder"] == "output/train/00000-digits-seed3"
    assert "epoch 1/1" in told.err


def test_the_file_of_a_seed_has_every_data_set(run, refused, tmp_path, images):
    options = (*SMALL, "--epochs", "2", "--recipe", "2", "--seed", "777", "--export", "seed-0777.pth")
    run("train", "resnet", "--out", "one", *options)
    run("train", "resnet", "--out", "two", "--dataset", "cifar10", "--data", str(images), *options)
    content = torch.load(tmp_path / "seed-0777.pth", weights_only=True)
    assert content["all_dataset_keys"] == ["digits", "cifar10"]
    result = content["digits"]
    assert result["valid_acc1es"].keys() == {
        f"{name}@{epoch}" for name in ("x-valid", "ori-test") for epoch in (0, 1)
    }
    for number, epoch in enumerate(numbers(tmp_path / "one")):
        assert result["train_losses"][number] == epoch["train"]["loss"]
        assert result["valid_acc5es"][f"ori-test@{number}"] == epoch["sets"]["ori-test"]["top5"]
    held = weights(tmp_path / "one")
    assert all(torch.equal(held[name], values) for name, values in result["net_state_dict"].items())
    assert (result["channel"], result["num_cells"], result["total_epoch"], result["seed"]) == (4, 0, 2, 777)
    assert result["finish-train"]
    more = ("--dataset", "digits", *SMALL, "--weights", "seed-0777.pth")
    told = json.loads(run("evaluate", "11472", *more, "--json").out)["scores"]["ori-test"]["top1"]
    assert told == result["valid_acc1es"]["ori-test@1"]
    assert "holds weights of digits, cifar10, not of cifar100" in refused(
        "evaluate", "11472", "--dataset", "cifar100", "--weights", "seed-0777.pth"
    )
    torch.save({"epoch": 1}, tmp_path / "other.pth")
    assert "holds something else than trainings of data sets" in refused(
        "train", "resnet", "--export", "other.pth"
    )


@pytest.fixture
def images(tmp_path):
    """A made-up cifar10 in image-folder layout."""
    from tests.support.made_up import image_folder

    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    (tmp_path / "data").mkdir()
    return image_folder(tmp_path / "data" / "cifar10", {"train": 6, "val": 2}, names, side=8).parent


def test_the_tables_number_stands_beside(run, images):
    told = run(
        "train", "11", "--dataset", "cifar10-valid", "--data", str(images), *SMALL, "--epochs", "1"
    ).out
    assert "87.94 %  in the table: accuracy on the 25,000 held-out training images" in told
    assert "epoch 200 of recipe 200, mean of 3 trials" in told
    assert "not the same training: ours is epoch 1 of recipe 12, the table's epoch 200 of 200" in told
    assert "not the same network: ours has 4 channels and 0 cells a stage" in told
    assert "not the same data: ours is 30 %" in told
    assert told.count("order and split are not the official ones") == 1


def test_without_a_number_in_the_table_it_says_so(run, images):
    told = run("train", "8:8:8:8:8", "--dataset", "cifar10", "--data", str(images), *FEW, "--epochs", "1").out
    assert "has no number of this network on cifar10" in told


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("all_full",), "no architecture of the space"),
        (("nonsense",), "is not an architecture"),
        (("11", "--recipe", "twelve"), "a number of epochs"),
        (("11", "--epochs", "13"), "recipe 12 ends after 12; --recipe 13 has that many"),
        (("11", "--fraction", "0"), "a fraction of the images is above 0"),
        (("11", "--train-portion", "2"), "between 0 and 1"),
        (("11", "--precision", "half"), "float32, bf16"),
        (("11", "--device", "cuda:77"), "not available here"),
        (("11", "--dataset", "nothing"), "data set 'nothing' is not under"),
        (("8:8:8:8:8", "--channels", "4"), "--channels does not apply to 8:8:8:8:8"),
        (("11", "--resume"), "--resume needs --out"),
        (("11", "--resume", "--out", "none"), "holds no training to resume"),
    ],
)
def test_bad_input_is_refused_in_one_line(refused, arguments, problem):
    assert problem in refused("train", *arguments)


def test_a_folder_belongs_to_one_training(run, refused):
    run("train", "resnet", *SMALL, "--epochs", "1", "--seed", "1", "--out", "out")
    assert "--resume continues it" in refused("train", "resnet", *SMALL, "--out", "out")
    told = refused("train", "resnet", *SMALL, "--cells", "1", "--out", "out", "--resume")
    assert "cells = 0, now 1" in told


def test_killed_trainings_end_in_the_same_bits(run, tmp_path):
    more = (*SMALL, "--epochs", "3", "--save-every", "0")
    run("train", "resnet", *more, "--seed", "5", "--out", "whole")
    killed, inside = tmp_path / "killed", 0
    folder = killed / "checkpoint"
    for begun in ("step-*.pt", *5 * [".*.tmp"]):  # when one is written, and while one is
        if inside:
            break
        resume = ("--resume",) if killed.exists() else ("--seed", "5")
        process = start("train", "resnet", *more, "--out", str(killed), *resume, cwd=tmp_path)
        before = set(folder.glob(begun))
        wait_for(lambda begun=begun, before=before: set(folder.glob(begun)) - before, process, 120)
        os.killpg(process.pid, signal.SIGKILL)
        end(process, -signal.SIGKILL)
        inside += bool(list(folder.glob(".*.tmp")))
    told = run("train", "resnet", *more, "--out", str(killed), "--resume").out
    assert "continuing in epoch" in told
    assert inside > 0, "no kill fell inside the write of a checkpoint"
    assert numbers(killed) == numbers(tmp_path / "whole")
    one, other = weights(killed), weights(tmp_path / "whole")
    assert all((one[name] == other[name]).all() for name in other)
    assert not list(folder.glob(".*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_saves_and_ends(run, tmp_path, monkeypatch, number):
    more = (*SMALL, "--epochs", "3", "--save-every", "0", "--seed", "2")
    run("train", "resnet", *more, "--out", "whole")
    save, saved = Checkpoints.save, []

    def save_and_signal(self, *arguments):
        save(self, *arguments)
        saved.append(arguments[0])
        if len(saved) == 10:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_signal)
        told = run("train", "resnet", *more, "--out", "out", status=128 + number)
    assert told.err == "nasreplay: interrupted; continue with: nasreplay resume out\n"
    assert len(saved) in (10, 11)
    run("train", "resnet", *more, "--out", "out", "--resume")
    assert numbers(tmp_path / "out") == numbers(tmp_path / "whole")


def test_a_diverging_training_leaves_the_last_good_checkpoint(run, tmp_path):
    file = tmp_path / "wild.config"
    file.write_text(json.dumps({"LR": 1e9, "epochs": 3, "warmup": 1, "batch_size": 32}))
    told = run(
        "train", "resnet", *SMALL, "--recipe", str(file), "--save-every", "0", "--out", "out", status=1
    )
    assert "no longer a number" in told.err or "loss is" in told.err
    kept = list((tmp_path / "out" / "checkpoint").glob("step-*.pt"))
    assert kept
    for path in kept:
        network = load_checkpoint(path)["state"]["trainer"]["network"]
        assert all(values.isfinite().all() for values in network.values())


def test_a_full_disk_ends_with_a_line_and_the_last_checkpoint(run, tmp_path):
    run("train", "resnet", *SMALL, "--epochs", "1", "--seed", "1", "--out", "out")
    before, limits = weights(tmp_path / "out"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # a write beyond it fails, as on a full disk
    try:
        told = run("train", "resnet", *SMALL, "--epochs", "2", "--out", "out", "--resume", status=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot be written: File too large" in told.err
    after = weights(tmp_path / "out")
    assert all((after[name] == before[name]).all() for name in before)
    assert not list((tmp_path / "out" / "checkpoint").glob(".*.tmp"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_published_script(home, tmp_path):
    search = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
    script = CHECKOUT / "scripts-search" / "NAS-Bench-201" / "train-a-net.sh"

    def call(*arguments: str):
        return subprocess.run(
            ["bash", str(script), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": search, "DATASETS": "digits", "SEEDS": "777"},
            capture_output=True,
            text=True,
        )

    assert call("resnet").returncode == 2
    told = call("resnet", "4", "0", "--epochs", "1", "--fraction", "0.1", "--threads", "1")
    assert told.returncode == 0, told.stderr
    assert "recipe 200: 1 of 200 epochs" in told.stdout
    assert (tmp_path / "output/NAS-BENCH-201-4/specifics/FULL-resnet-4-0/digits-seed777/run.json").exists()
