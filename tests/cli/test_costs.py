"""`--cost`, `--bound` and the resource penalty on the command line; costs from a CSV file; their figure."""

import json

import numpy as np
import pytest

from nasreplay import load_table
from nasreplay.spaces import TOPOLOGY


@pytest.fixture
def latencies(tmp_path):
    """A CSV file of made-up costs by official index: one more than the number of 3×3 convolutions."""
    ours = 1.0 + (TOPOLOGY.all_codes == 3).sum(axis=1)
    rows = [f"{index},{ours[flat]}" for index, flat in enumerate(TOPOLOGY.official_to_flat)]
    (tmp_path / "costs.csv").write_text("\n".join(["index,chip", *rows]) + "\n")
    return "costs.csv"


def epochs_of(folder):
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == "epoch"]


def test_costs_are_added_to_a_copy_of_a_table_and_bounded(tmp_path, latencies, run):
    onto = ("--onto", "embedded", "--out", "with.h5", "--map", "index=index")
    run("data", "import-csv", latencies, *onto, "--map", "chip=cifar100/chip")
    before, after = (load_table("cifar100", table=name) for name in (None, "with.h5"))
    np.testing.assert_array_equal(before.final.mean_flat, after.final.mean_flat)
    asked = ("search", "gdas", "--table", "with.h5", "--dataset", "cifar100", "--seed", "1", "--json")
    few = ("--set", "gdas.epochs=60")
    found = json.loads(run(*asked, *few, "--cost", "chip", "--bound", "2", "--out", "run").out)
    assert (TOPOLOGY.codes([found["found"]]) == 3).sum() <= 1
    assert found["note"].startswith("chip ")
    told = run(*asked, "--cost", "chip", "--bound", "0.5", status=2).err
    assert "no architecture has a chip below 1" in told
    told = run(*asked, "--cost", "ship", "--bound", "2", status=2).err
    assert "did you mean chip?" in told
    run("draw", "run", "--costs", "--out", "costs.svg")
    assert (tmp_path / "costs.svg").stat().st_size > 10_000
    epochs = epochs_of(tmp_path / "run")
    assert len(epochs) == 60
    assert {"cell_size", "cell_flops", "cell_mac", "expected_cost"} <= epochs[-1].keys()
    edited = {**epochs[0], "cell_size": None}
    (tmp_path / "run/events.jsonl").write_text(json.dumps(edited) + "\n")
    told = run("draw", "run", "--costs", "--out", "none.svg", status=2).err
    assert "run: damaged: the log has a cost that is no number" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("snas", "--cost", "latency"), "--cost NAME --bound NUMBER"),
        (("rea", "--cost", "latency", "--bound", "3"), "rea bounds no cost"),
        (("snas", "--set", "snas.resource_weight=-1"), "0 or more"),
        (("snas", "--set", "snas.resource_method=policy"), "policy-gradient"),
        (("snas", "--cost", "params", "--bound", "0.01"), "no architecture has a params below 0.07"),
    ],
)
def test_bad_input_is_one_line(given, told, refused):
    assert told in refused("search", *given, "--dataset", "cifar100", "--seed", "0")


@pytest.mark.slow
def test_a_weight_finds_less_live(tmp_path, run):
    live = "--evaluator supernet --dataset digits --epochs 2 --channels 2 --cells 1 --fraction 0.1 --seed 3"
    sizes = []
    for weight in ("0", "10"):
        settings = ("--set", f"snas.resource_weight={weight}", "--set", "snas.learning_rate=0.3")
        run("search", "snas", *live.split(), *settings, "--out", f"run{weight}")
        last = epochs_of(tmp_path / f"run{weight}")[-1]
        sizes.append([value for name, value in last.items() if name.endswith(("_size", "_flops"))])
    assert (np.array(sizes[1]) < np.array(sizes[0])).all()


def test_a_weighed_search_tells_what_its_answer_costs(run):
    asked = ("search", "snas", "--dataset", "cifar100", "--seed", "1", "--set", "snas.epochs=5", "--json")
    found = json.loads(run(*asked, "--set", "snas.resource_weight=1e-2").out)
    told = json.loads(run("query", found["found"], "--json").out)
    row = told["datasets"]["cifar100"]
    assert found["note"] == f"params {row['parameters'] / 1e6:.6g} M, flops {row['flops'] / 1e6:.6g} M"
    assert "note" not in json.loads(run(*asked, "--out", "unweighed").out)
