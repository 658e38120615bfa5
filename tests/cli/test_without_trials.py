"""A table whose source had averaged over unknown trials and that has no clock: no command claims trials or hours."""

from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.importers.csv_to_pack import import_csv
from nasreplay.data.semantics import UNSTATED
from nasreplay.data.trials import NOT_KNOWN
from nasreplay.evaluate.ledger import simulated_time
from nasreplay.evaluate.table.load import load_table
from nasreplay.spaces import TOPOLOGY


@pytest.fixture(scope="module")
def averages(tmp_path_factory) -> Path:
    """The pack of a CSV file without seeds and seconds, of one data set of somebody's own."""
    folder = tmp_path_factory.mktemp("averages")
    draw = np.random.default_rng(0)
    rows = zip(draw.choice(15_625, 60, replace=False), draw.uniform(50, 90, 60), strict=True)
    (folder / "mine.csv").write_text(
        "arch,acc\n" + "".join(f"{index},{value:.2f}\n" for index, value in rows)
    )
    mappings, mine = ["arch=index", "acc=mine/12/x-valid/accuracy"], {"mine": UNSTATED}
    made = import_csv(folder / "mine.csv", folder / "mine.h5", mappings, space=TOPOLOGY, custom=mine)
    return Path(made.pack.path)


@pytest.mark.slow
def test_replay_says_so_and_explains_no_trials(run, averages, tmp_path):
    words = ("rea", "random", "--table", str(averages), "--evaluations", "9", "--replicas", "3")
    told = " ".join(run("replay", *words, "--out", "r").out.split())
    summary = (tmp_path / "r/summary.md").read_text()
    assert NOT_KNOWN in told
    assert f"is told the accuracy ({NOT_KNOWN})" in summary
    for text in (told, summary):
        assert "mean over trials" not in text
        assert "one of an architecture's trainings" not in text
        assert "simul." not in text


def test_search_and_correlate_say_so_as_well(run, averages):
    words = ("rea", "--table", str(averages), "--evaluations", "9", "--seed", "0")
    told = run("search", *words).out
    assert told.startswith("rea on mine, seed 0: 9 evaluations, ")
    assert NOT_KNOWN in told
    assert "simulated" not in told
    told = " ".join(run("correlate", "mine", "mine@12", "--table", str(averages)).out.split())
    assert told.count(NOT_KNOWN) == 2
    assert "mean over trials" not in told


@pytest.mark.slow
def test_trials_and_hours_are_told_where_there_are_some(run):
    told = " ".join(run("replay", "rea", "--dataset", "cifar10", "--replicas", "2", "--out", "r").out.split())
    assert "mean over trials" in told
    assert "trial one of an architecture's trainings" in told
    assert "hours" in told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.25, "0.25 simulated seconds"),
        (90, "90 simulated seconds"),
        (4_000, "66.7 simulated minutes"),
        (20_000, "5.6 simulated hours"),
        (5e6, "57.9 simulated days"),
    ],
)
def test_simulated_time_has_the_unit_that_fits(seconds, words):
    assert simulated_time(seconds) == words


def test_the_only_data_set_of_a_table_is_meant_and_no_other_that_was_named(run, refused, averages):
    assert load_table(table=averages).dataset == "mine"
    assert load_table().dataset == "cifar10"
    words = ("rea", "--table", str(averages), "--evaluations", "9")
    assert "no valid accuracy of cifar10" in refused("search", *words, "--dataset", "cifar10")
