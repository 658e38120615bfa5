"""The shell scripts that train: how many processes they start, without any GPU being here."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMON = ROOT / "scripts-search" / "algos" / "common.sh"
PYTHON = """#!/bin/bash
[ "$1" == -c ] && echo "$GPUS" || echo "$@"
"""


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ("4 --batch 96", 4),
        ("5 --batch 96", 4),
        ("8 --batch=100", 5),
        ("2 --batch 7", 1),
        ("8 --batch 64 --batch 36", 6),
        ("3", 3),
        ("0 --batch 96", 1),
        ("4 --batch 96 --device cuda:1", 1),
        ("4 --batch 96 --device=free", 1),
        ("3 --batch x[1]", 3),
    ],
)
def test_as_many_processes_as_visible_gpus_divide_the_batch(arguments, count):
    command = ["bash", "-c", f'source "{COMMON}"; processes "$@"', "bash", *arguments.split()]
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_RANK"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(count)]
    done = subprocess.run(
        command, env=environment | {"LOCAL_RANK": "0"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize(
    ("gpus", "launcher"), [(0, "-m nasreplay"), (4, "--standalone --nproc-per-node=4 -m nasreplay")]
)
def test_scripts_that_train_start_torchrun_where_there_are_several_gpus(tmp_path, gpus, launcher):
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_RANK"}
    environment |= {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "GPUS": str(gpus)}
    for script, target in (("nas-infer-train.sh", "GDAS_V1"), ("retrain-searched-net.sh", "name file.pth")):
        command = ["bash", str(ROOT / "scripts" / script), "cifar10", *target.split(), "96", "-1"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert f"{launcher} retrain" in told.stdout
        assert "--batch 96" in told.stdout
        assert ("4 processes, one for each GPU" in told.stderr) == (gpus == 4)
