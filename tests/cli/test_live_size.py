"""Live searches in the size space through the command line."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.pack import Pack, write_pack
from nasreplay.spaces import SIZE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--evaluator", "supernet", "--dataset", "digits", "--fraction", "0.03", "--batch", "16")
TINY = (*TINY, "--threads", "1")


def epochs_of(folder):
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == "epoch"]


@pytest.fixture
def few(tmp_path):
    """A recipe that looks at 16 validation images."""
    recipe = json.loads((ROOT / "configs" / "opts" / "weight-sharing.config").read_text())
    (tmp_path / "few.config").write_text(json.dumps(recipe | {"test_batch_size": 16}))
    return ("--training", "few.config")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tas", "tas-affine0_BN0-AWD0.001-WARM0.5-E2"),
        ("mask-gumbel", "mask_gumbel-affine0_BN0-AWD0.001-WARM0.5-E2"),
        ("mask-rl", "mask_rl-affine0_BN0-AWD0.0-WARM0.5-E2"),
    ],
)
def test_the_published_searches(run, tmp_path, few, name, folder):
    command = ("search", name, *TINY, *few, "--epochs", "2", "--seed", "4", "--set", f"{name}.warmup=0.5")
    told = run(*command, "--json")
    facts = json.loads(told.out)
    assert facts["found"] == SIZE.format(SIZE.from_flat([facts["official_index"]])[0])
    assert f"size space, bn 0, affine 0, resize {name == 'tas'}" in told.err
    done = tmp_path / "output" / "search-sss" / "digits" / folder / "seed-4"
    epochs = epochs_of(done)
    assert [len(epoch["entropy"]) for epoch in epochs] == [5, 5]
    assert "skip_share" not in epochs[-1]
    assert "arch_accuracy" not in epochs[0]  # it warms up
    assert 0 <= epochs[1]["arch_accuracy"] <= 100
    (tmp_path / "sizes.txt").write_text("8:8:8:8:8\n64:64:64:64:64\n")
    run("tabulate", "--run", str(done), "--archs", "sizes.txt", "--out", "it.h5")
    pack = Pack.open("it.h5")
    assert pack.custom["digits"].facts == (10, 8, 22)
    assert np.isfinite(pack.accuracy("digits")[0]).sum() == 2


def test_a_table_of_the_space_gives_the_gap(run, refused, tmp_path, few):
    draw = np.random.default_rng(0).uniform(10, 90, (SIZE.size, 1))
    columns = {"digits/shared/seeds": [-1], "digits/shared/x-valid/accuracy": draw}
    epochs = {"digits/shared": 1}
    write_pack(Path("sizes.h5"), SIZE, columns, title="t", source="s", licence="l", epochs=epochs)
    sized = (*TINY, *few, "--space", "size", "--table", "sizes.h5")
    run(
        "search",
        "rsps",
        *sized,
        "--epochs",
        "1",
        "--set",
        "rsps.candidates=2",
        "--seed",
        "1",
        "--out",
        "base",
    )
    command = ("search", "rea", *sized, "--evaluations", "3", "--weights", "base")
    facts = json.loads(run(*command, "--seed", "1", "--out", "it", "--json").out)
    known = draw[SIZE.flat(np.array([SIZE.parse(facts["found"])]))[0], 0]
    assert facts["gap"]["live"]["table_valid"] == known
    gap = json.loads(run("gap", "it", "--sample", "4", "--json").out)
    assert gap["found"] == facts["found"]
    assert -1 <= gap["rank_error"]["kendall_tau"] <= 1
    assert "of the size space, not of topology" in refused("search", "gdas", *TINY, "--table", "sizes.h5")


@pytest.mark.parametrize(
    ("space", "shape"), [("size", ()), ("topology", ("--channels", "2", "--cells", "1"))]
)
def test_training_from_scratch_in_both_spaces(run, refused, tmp_path, space, shape):
    command = ("search", "rea", *TINY, "--evaluator", "scratch", "--space", space, "--evaluations", "1")
    told = run(*command, *shape, "--epochs", "1", "--seed", "3", "--out", "it", "--json")
    assert json.loads(told.out)["points"] == json.loads(told.out)["evaluations"] == 1
    assert "each evaluation is on " in told.err
    assert f"{space} space" in told.err
    assert json.loads((tmp_path / "it" / "run.json").read_text())["evaluator"]["space"] == space
    if space == "size":
        assert "--channels does not apply" in refused(*command, "--channels", "2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--drop-path 0.1", "--drop-path does not apply to the size space"),
        ("--channels 4", "--channels does not apply to the size space"),
        ("--cells 1", "--cells does not apply to the size space"),
        ("--affine 3", "affine is 3"),
        ("--space other", "unknown space 'other'"),
        ("--set tas.warmup=1", "warmup"),
    ],
)
def test_what_does_not_apply_is_refused(refused, words, message):
    assert message in refused("search", "tas", *TINY, "--epochs", "1", *words.split())


def test_tables_of_another_space_are_refused(refused):
    assert "topology space, not of size" in refused("search", "rea", "--space", "size", "--evaluations", "3")


def test_the_script_passes_the_published_arguments(tmp_path):
    """A python3 that prints its arguments stands for the real one."""
    stand_in = tmp_path / "python3"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    script = str(ROOT / "scripts-search" / "NATS" / "search-size.sh")
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DATASETS": "cifar10 digits"}
    command = ["bash", script, "0", "0.3", "777", "--epochs", "2"]
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"-m nasreplay search {name} --evaluator supernet --dataset {dataset} --bn 0 --seed 777 "
        f"--download --device cuda:0 --set {name}.warmup=0.3 --epochs 2"
        for dataset in ("cifar10", "digits")
        for name in ("tas", "mask-gumbel", "mask-rl")
    ]
    short = subprocess.run(["bash", script, "0"], capture_output=True, text=True, check=False)
    assert short.returncode == 2
    assert "NATS/search-size.sh DEVICE RATIO SEED" in short.stderr
