"""Searches of SLNAS on its own supernet: the log of samples, the choice, and what a killed run leaves."""

import json
import os
import re
import signal

import numpy as np
import pytest
from PIL import Image

from nasreplay.runs.record import read_events
from nasreplay.spaces import space_named
from tests.support.command import call, end, start, wait_for

pytestmark = pytest.mark.slow

SPACE = space_named("slnas")
WARM = "[[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]]"  # noqa: E501
SMALL = (
    "--evaluator",
    "supernet",
    "--space",
    "slnas",
    "--dataset",
    "images",
    "--channels",
    "4",
    "--blocks",
    "[1]",
)
SMALL = (*SMALL, "--epochs", "3", "--batch", "3", "--keep-every", "1", "--threads", "1", "--seed", "3")
FEW = {
    "slnas": ("hidden=4", "controller_steps=3", "valid_samples=2", "final_samples=4", "final_images=2"),
    "slnas-ga": ("population=4", "elite=2", "generations=2", "valid_samples=2", "final_samples=4"),
}


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """Eighteen images of 16 × 16 pixels in three classes; stems make them 4 × 4."""
    folder = tmp_path_factory.mktemp("slnas")
    for part, count in (("train", 4), ("val", 2)):
        for label in range(3):
            (folder / "images" / part / str(label)).mkdir(parents=True)
            for number in range(count):
                pixels = np.random.default_rng(10 * label + number).integers(
                    0, 256, (16, 16, 3), dtype=np.uint8
                )
                Image.fromarray(pixels).save(folder / "images" / part / str(label) / f"{number}.png")
    return folder


def words(name, out, *more):
    changes = [word for change in FEW[name] for word in ("--set", f"{name}.{change}")]
    return ("search", name, *SMALL, *changes, "--out", out, *more)


def lines(folder):
    return (folder / "dag_all.txt").read_text().splitlines()


def told(folder):
    measured = ("wall_s", "simulated_s", "seconds")
    return [{k: v for k, v in event.items() if k not in measured} for event in read_events(folder)]


def test_a_killed_search_ends_in_the_same_bits(folder, capsys):
    whole, killed = folder / "whole", folder / "killed"
    process = start(*words("slnas", str(killed)), cwd=folder)
    wait_for(lambda: list((killed / "checkpoint").glob("step-*")), process)
    os.killpg(process.pid, signal.SIGKILL)
    end(process, -signal.SIGKILL)
    with (killed / "dag_all.txt").open("a") as file:  # what was sampled after the last checkpoint
        file.write("99.000 [[0]] infer\n50.0")
    call(*words("slnas", str(killed), "--resume"), cwd=folder)
    assert "continuing after step" in capsys.readouterr().err
    call(*words("slnas", str(whole)), cwd=folder)
    assert told(killed) == told(whole)
    assert lines(killed) == lines(whole)
    assert (killed / "final_arch.json").read_bytes() == (whole / "final_arch.json").read_bytes()
    check("slnas", whole, capsys.readouterr().out)
    (killed / "outcome.json").unlink()
    max((killed / "checkpoint").glob("step-*")).unlink()
    (killed / "dag_all.txt").write_text("\n".join([*lines(whole)[:2], "12.0 [["]))
    call(*words("slnas", str(killed), "--resume"), cwd=folder)
    assert "dag_all.txt holds 2 of" in capsys.readouterr().err
    kept = lines(killed)
    assert kept == lines(whole)[:2] + lines(whole)[2 - len(kept) :]


def test_the_genetic_search_leaves_the_same_files(folder, capsys):
    call(*words("slnas-ga", str(folder / "genetic")), cwd=folder)
    check("slnas-ga", folder / "genetic", capsys.readouterr().out)


def check(name, whole, printed):
    """What every finished run has left and printed."""
    matches = [re.fullmatch(r"(\d+\.\d{3}) (\[\[.*\]\]) (\w+)", line) for line in lines(whole)]
    assert all(matches)
    parts = [match.groups() for match in matches if match]
    steps = [event for event in told(whole) if event["event"] == "step"]
    tags = [tag for _, _, tag in parts]
    assert tags.count("share_weight") == len(steps)
    assert tags.count("controller") == (9 if name == "slnas" else 0)
    assert tags.count("infer") == 3 * 2
    assert parts[0][1] == WARM
    assert [text for _, text, _ in parts].count(WARM) == 1
    for _, text, _ in parts:
        SPACE.parse(text)
    choice = json.loads((whole / "final_arch.json").read_text())
    assert steps[-1]["found"] == json.dumps(choice["arch"])
    other = {"slnas": "argmax_arch", "slnas-ga": "fittest"}[name]
    SPACE.parse(json.dumps(choice[other]))
    assert choice["images"] == (2 if name == "slnas" else 3)
    assert f"nasreplay retrain '{json.dumps(choice['arch'])}' --dataset images" in printed
    assert f"{choice['parameters']:,}" in printed
    tried = [event["accuracy"] for event in told(whole) if event.get("recipe") == "shared"]
    assert len(tried) == 3 * 2 + 4  # two after each of three epochs, four in the end
    assert max(tried[-4:]) == choice["accuracy"]
