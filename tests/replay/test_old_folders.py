"""A replay's folder that an older nasreplay wrote still opens, continues, and is drawn again.

replay-0.1.0.zip was made by commit 9212774: `nasreplay replay random bohb --protocol nats --table steps.h5
--dataset cifar10 --replicas 2 --seed 5 --jobs 1 --out run`, with the table of `steps` as steps.h5.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.pack import write_pack
from nasreplay.jobs.comparison import redraw, replay
from nasreplay.runs.store import load_result, read_comparison
from nasreplay.spaces import TOPOLOGY

RECORDED = Path(__file__).with_name("replay-0.1.0.zip")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # run.json names the table relative to it
    with zipfile.ZipFile(RECORDED) as archive:
        archive.extractall("run")
    return Path("run")


def steps(path: Path) -> None:
    """Write the table: accuracies in steps of one percent."""
    index, columns = np.arange(TOPOLOGY.size), {}
    for recipe, top in (("12", 60.0), ("200", 90.0)):
        columns[f"cifar10-valid/{recipe}/seeds"] = np.array([777])
        columns[f"cifar10-valid/{recipe}/seconds_per_epoch"] = 150.0 + index % 3
        columns[f"cifar10-valid/{recipe}/x-valid/accuracy"] = (top - index % 50)[:, None]
    epochs = {f"cifar10-valid/{recipe}": int(recipe) for recipe in ("12", "200")}
    write_pack(path, TOPOLOGY, columns, title="steps", source="a test", licence="none", epochs=epochs)


def test_it_opens_with_the_numbers_that_were_printed(folder):
    done = redraw(folder)
    assert (done.seed, done.interrupted, done.best) == (5, False, {"cifar10": "bohb"})
    means = {row.searcher: round(row.validation_accuracy_mean or 0, 2) for row in done.rows}
    assert means == {"bohb": 86.61, "random": 83.0}
    assert [round(row.rank or 0, 2) for row in done.rows] == [1.25, 1.75]


def test_numbers_that_nobody_could_check_are_not_shown_again(folder):
    recorded = read_comparison(folder).settings["printed"]
    assert ("bohb", 91.17) in [(row["searcher"], row["valid"]) for row in recorded]
    done = redraw(folder)
    assert [row.searcher for row in done.comparison.published] == ["random"]
    assert "91.17" not in (folder / "summary.md").read_text()
    assert "91.07 ± 0.26" in (folder / "summary.md").read_text()


def test_it_continues_and_computes_only_what_is_missing(folder):
    steps(Path("steps.h5"))
    header, kept = (folder / "run.json").read_bytes(), load_result(folder / "parts/cifar10--random.h5")
    wanted = load_result(folder / "parts/cifar10--bohb.h5")
    (folder / "parts/cifar10--bohb.h5").unlink()
    (folder / "results.h5").unlink()
    told = []
    done = replay(
        "random",
        "bohb",
        protocol="nats",
        table="steps.h5",
        datasets=("cifar10",),
        replicas=2,
        seed=5,
        jobs=1,
        out=folder,
        progress=lambda *at: told.append(at),
    )
    assert told[:2] == [(1, 2, ""), (2, 2, "bohb on cifar10")]
    assert (folder / "run.json").read_bytes() == header
    assert done.comparison.of("cifar10")[0].wall_s == kept.wall_s
    again = done.comparison.of("cifar10")[1]
    for name in ("found_flat", "incumbent_flat", "clock", "evaluated_flat", "observed"):
        np.testing.assert_array_equal(getattr(again, name), getattr(wanted, name))
    assert json.loads(header)["budget_s"] is None
