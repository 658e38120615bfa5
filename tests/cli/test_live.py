"""Live search through the command line: scripts, records, kills and resuming, the gap, a table of shared weights."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--dataset", "digits", "--channels", "2", "--cells", "1", "--fraction", "0.15", "--threads", "1")
WALL = ("wall_s", "simulated_s", "seconds")  # measured times differ from run to run


def events(folder):
    """The log without measured times."""
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in WALL} for line in lines]


def live(*arguments):
    return ("search", *arguments[:1], "--evaluator", "supernet", *TINY, *arguments[1:])


@pytest.mark.parametrize("name", ["gdas", "darts-v2", "snas", "rsps", "setn", "curriculum"])
def test_a_live_search_records_every_epoch(run, tmp_path, name):
    few = ("--set", f"{name}.candidates=4") if name in ("rsps", "setn") else ()
    told = run(*live(name, "--epochs", "2", "--seed", "4", "--json", "--out", "it"), *few)
    facts = json.loads(told.out)
    assert facts["seed"] == 4
    assert "bn 1" in told.err
    log = events(tmp_path / "it")
    epochs = [event for event in log if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [0, 1]
    assert epochs[-1]["found"] == facts["found"] == log[-1]["found"]
    assert all(np.isfinite(event["train_loss"]) for event in epochs)
    assert list((tmp_path / "it" / "tensorboard").iterdir())
    assert list((tmp_path / "it" / "checkpoint").glob("*.pth"))


def test_an_epoch_tells_what_the_table_knows(run, tmp_path):
    """A folder named cifar10 with a few made-up images stands for cifar10; the table's rows are the real ones."""
    from PIL import Image

    for part, count in (("train", 8), ("val", 2)):
        for label in "abcdefghij":
            folder = tmp_path / "data" / "cifar10" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    shape = ("--channels", "2", "--cells", "1", "--batch", "20", "--threads", "1")
    command = ("search", "darts-v1", "--evaluator", "supernet", "--dataset", "cifar10", "--data", "data")
    told = run(*command, *shape, "--epochs", "1", "--seed", "1", "--out", "it", "--json")
    gap = json.loads(told.out)["gap"]
    epoch = next(event for event in events(tmp_path / "it") if event["event"] == "epoch")
    assert 1 <= epoch["table_rank"] <= 15_625
    assert epoch["table_regret"] == pytest.approx(91.6067 - epoch["table_valid"], abs=1e-3)
    assert len(epoch["entropy"]) == 6
    assert "not the official" in told.err
    assert gap["oracle"]
    assert gap["gap"] == pytest.approx(gap["table"]["table_valid"] - gap["live"]["table_valid"])
    more = json.loads(run("gap", "it", "--sample", "12", "--json").out)
    assert more["found"] == gap["found"]
    assert -1 <= more["rank_error"]["kendall_tau"] <= 1
    assert "Kendall tau" in run("gap", "it", "--sample", "5").out


def test_scripts_take_the_published_arguments(run, written, tmp_path):
    script = "scripts-search/algos/GDAS.sh"
    (words,) = written(["bash", script, "digits", "1", "-1", *TINY[2:], "--epochs", "1"])
    told = run(*words)
    assert "bn 1" in told.err
    (folder,) = (tmp_path / "output" / "search-cell-nas-bench-201" / "GDAS-digits-BN1").iterdir()
    seed = json.loads((folder / "run.json").read_text())["seed"]
    assert folder.name == f"seed-{seed}"
    assert f"seed {seed}" in told.out
    short = subprocess.run(
        ["bash", str(ROOT / script), "digits"], capture_output=True, text=True, check=False
    )
    assert short.returncode == 2
    assert "DATASET BN SEED" in short.stderr


@pytest.mark.parametrize(
    "name",
    [
        "DARTS-V1",
        "DARTS-V2",
        "SNAS",
        "SETN",
        "ENAS",
        "RSPS",
        "CURRICULUM",
        "RANDOM",
        "REA",
        "REINFORCE",
        "BOHB",
    ],
)
def test_every_script_names_its_arguments(name):
    script = ROOT / "scripts-search" / "algos" / f"{name}.sh"
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{name}.sh DATASET" in done.stderr


def in_child(folder, arguments, told):
    """Run the command in a forked process (torch is loaded already); `told` gets a byte in every checkpoint write."""
    process = os.fork()
    if process:
        return process
    from nasreplay.cli.main import main
    from nasreplay.jobs.searches import live_search

    live_search.SAVE_EVERY_S = 0.0

    def slow_sync(descriptor):
        os.write(told, b"w")
        time.sleep(0.05)

    # in a process of its own: the temporary file is written, the checkpoint not yet there
    os.fsync = slow_sync
    try:
        main([*arguments, "--out", str(folder)])
    except SystemExit as end:
        os._exit(int(end.code or 0))
    os._exit(3)


def test_killed_and_resumed_equals_the_uninterrupted_run(home, tmp_path, monkeypatch, capfd):
    """SIGKILL at random moments, every other time inside a checkpoint write, and once SIGTERM."""
    import torch

    from nasreplay.train.checkpoint import load_checkpoint

    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    arguments = live("gdas", "--epochs", "8", "--seed", "9", "--keep-every", "3")
    read, told = os.pipe()
    assert os.waitpid(in_child("whole", arguments, told), 0)[1] == 0, capfd.readouterr().err
    rng, in_write = np.random.default_rng(0), 0
    writes = len(os.read(read, 4096))
    assert writes > 16
    for attempt in range(8):
        more = ("--resume",) if Path("killed/run.json").exists() else ()
        process = in_child("killed", (*arguments, *more), told)
        for _ in range(1 if more else 2):  # a new run writes its run.json first
            assert os.read(read, 1) == b"w"
        if attempt % 2:
            time.sleep(rng.uniform(0.0, 0.05))
        os.kill(process, signal.SIGTERM if attempt == 5 else signal.SIGKILL)
        ended = os.waitpid(process, 0)[1]
        assert ended == signal.SIGKILL or attempt == 5, "the run was over before it was killed"
        in_write += any(Path("killed/checkpoint").glob(".*.tmp"))
        os.set_blocking(read, False)
        with suppress(BlockingIOError):
            os.read(read, 4096)
        os.set_blocking(read, True)
    assert in_write >= 3
    status = os.waitpid(in_child("killed", (*arguments, "--resume"), told), 0)[1]
    assert status == 0, capfd.readouterr().err
    assert events(tmp_path / "killed") == events(tmp_path / "whole")
    for ending in (
        "step-*",
        "epoch-00003",
        "epoch-00006",
        "epoch-00008",
    ):  # the last one, and those that are kept
        places = (tmp_path / folder / "checkpoint" for folder in ("killed", "whole"))
        nets = [load_checkpoint(max(place.glob(f"{ending}.pth")))["evaluator"]["net"] for place in places]
        assert all(np.array_equal(nets[0][name], nets[1][name]) for name in nets[1])


def test_bad_input_is_one_line(refused):
    assert "digits" in refused(*live("gdas")[:4], "--dataset", "no-such-data", "--epochs", "1")
    assert "0" in refused(*live("gdas", "--epochs", "1", "--bn", "2"))
    assert "precision" in refused(*live("gdas", "--epochs", "1", "--precision", "half"))
    assert "device" in refused(*live("gdas", "--epochs", "1", "--device", "cuda:7"))
    assert "holds no run" in refused("gap", "nowhere")
