import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from nasreplay.evaluate.table.load import load_table
from nasreplay.runs.record import result_of
from nasreplay.runs.store import load_result
from tests.support.command import assert_equal, call, end, log_of, start, wait_for

FEW = ("--evaluations", "30", "--seed", "2")
LONG = ("search", "rea", "--evaluations", "3000", "--seed", "1", "--out", "run")


@pytest.fixture(scope="module")
def long(home, tmp_path_factory) -> Path:
    """The folder of LONG, not interrupted."""
    folder = tmp_path_factory.mktemp("long")
    call(*LONG, cwd=folder)
    return folder / "run"


@pytest.mark.parametrize("searcher", ["random", "rea", "curriculum", "gdas", "snas"])
def test_the_same_seed_gives_the_same_log(run, searcher):
    steps = ("--set", f"{searcher}.epochs=8") if searcher in ("gdas", "snas") else ()
    told = [run("search", searcher, *FEW, *steps, "--out", out).out for out in ("one", "two")]
    results = [load_result(f"{out}/results.h5") for out in ("one", "two")]
    for result, out in zip(results, ("one", "two"), strict=True):
        assert result.settings.pop("command").endswith(f"--out {out}")
    assert log_of(Path("one")) == log_of(Path("two"))
    assert_equal(*results)
    hide = re.compile(r"\d+\.\d s here|(one|two)$")
    assert hide.sub("", told[0].strip()) == hide.sub("", told[1].strip())
    run("search", searcher, *FEW[:-1], "3", *steps, "--out", "three")
    assert log_of(Path("three")) != log_of(Path("one"))


def test_the_outcome_as_json(run, tmp_path):
    told = json.loads(run("search", "rea", *FEW, "--dataset", "cifar100", "--json").out)
    table = load_table("cifar100")
    folder = tmp_path / "output/search/rea-cifar100-seed2"
    assert (told["folder"], told["seed"]) == ("output/search/rea-cifar100-seed2", 2)
    assert (told["searcher"], told["dataset"], told["evaluations"]) == ("rea", "cifar100", 30)
    best = max((e for e in log_of(folder) if e["event"] == "evaluation"), key=lambda e: e["accuracy"])
    assert told["found"] == best["architecture"]
    answer = table.query(told["found"])
    assert told["validation_accuracy"] == answer.accuracy
    assert told["official_index"] == answer.official_index
    assert told["regret"] == pytest.approx(table.optimum - answer.accuracy)
    assert told["rank"] == 1 + (table.final.mean_flat > answer.accuracy).sum()
    assert "validation half (5,000)" in told["meaning"]
    assert "test_accuracy" not in told


def test_the_outcome_in_words(run):
    told = run("search", "darts-v1", *FEW, "--set", "darts-v1.epochs=8", "--out", "run")
    assert "darts-v1 on cifar10, seed 2: 8 oracle steps, " in told.out
    assert "simulated" not in told.out
    assert "\nrun      run\n" in told.out
    assert told.err == ""
    told = run("search", "curriculum", *FEW, "--out", "other")
    assert re.search(
        r"^derived  \d\d\.\d\d %, best of 10 samples of the final policy$", told.out, re.MULTILINE
    )


def test_a_drawn_seed_is_printed_and_recorded(run):
    told = json.loads(run("search", "random", "--evaluations", "3", "--json").out)
    assert json.loads(Path(told["folder"], "run.json").read_text())["seed"] == told["seed"] >= 0
    assert told["folder"].endswith(f"seed{told['seed']}")
    run("search", "random", "--evaluations", "3", "--out", told["folder"], "--resume")


def test_resuming_a_finished_run_changes_nothing(run):
    first = run("search", "rea", *FEW, "--out", "run").out
    log = Path("run/events.jsonl").read_bytes()
    assert run("search", "rea", *FEW, "--out", "run", "--resume").out == first
    assert Path("run/events.jsonl").read_bytes() == log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--seed", "3"), "seed = 2, now 3"),
        (("--evaluations", "31"), "budget.evaluations = 30, now 31"),
        (("--set", "rea.tournament=2"), "searcher.tournament = 3, now 2"),
        (("--dataset", "cifar100"), 'evaluator.dataset = "cifar10", now "cifar100"'),
        (("--trial", "777"), 'evaluator.trial = "drawn", now 777'),
    ],
)
def test_resuming_with_changed_settings_is_refused_by_name(run, refused, change, words):
    run("search", "rea", *FEW, "--out", "run")
    log = Path("run/events.jsonl").read_bytes()
    assert words in refused("search", "rea", *FEW, *change, "--out", "run", "--resume")
    assert Path("run/events.jsonl").read_bytes() == log


def test_another_searcher_or_no_resume_is_refused(run, refused):
    run("search", "rea", *FEW, "--out", "run")
    assert 'searcher.name = "rea", now "random"' in refused(
        "search", "random", *FEW, "--out", "run", "--resume"
    )
    assert "run holds a run: --resume continues it" in refused("search", "rea", *FEW, "--out", "run")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nosuch",), "unknown searcher 'nosuch'; known: random"),
        (("rea", "--evaluator", "magic"), "unknown evaluator 'magic'; known: table"),
        (("gdas", "--evaluator", "frozen"), "give --weights RUN"),
        (("gdas", "--evaluator", "frozen", "--weights", "absent"), "absent: holds no run"),
        (("gdas", "--evaluator", "frozen", "--weights", "absent@x"), "the form is RUN@EPOCH"),
        (("rea", "--evaluator", "shared-table", "--dataset", "digits", "--weights", "it"), "the run says it"),
        (("rea", "--dataset", "mnist"), "unknown data set 'mnist'; known: cifar10"),
        (("rea", "--resume"), "--resume needs --out"),
        (("rea", "--resume", "--out", "absent"), "absent: holds no run"),
        (("rea", "--resume", "--out", "absent", "--seed", "1"), "absent holds no run to resume"),
        (("rea", "--evaluations", "-1"), "evaluations is -1: it must be above 0"),
        (("rea", "--budget", "0"), "simulated_s is 0.0: it must be above 0"),
        (("rea", "--trial", "5"), "no trial 5"),
        (("rea", "--set", "gdas.epochs=3"), "settings for gdas, which is not among the searchers: rea"),
        (("rea", "--set", "rea.epochs=3"), "rea: unknown setting 'epochs'; known: population, tournament"),
        (("gdas", "--gradient", "sampled"), "gdas needs one-hot slope"),
        (("rea", "--out", "taken/run"), "taken/run: cannot be made"),
        (("rea", "--seed", "-7"), "-7 is not in the range"),
        ((), "Missing argument 'SEARCHER'"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(refused, tmp_path, arguments, words):
    (tmp_path / "taken").write_text("a file")
    assert words in refused("search", *arguments)


@pytest.mark.parametrize("name", ["darts_v1", "DARTS-V1"])
def test_a_searcher_may_be_written_in_other_ways(run, name):
    told = run("search", name, "--set", f"{name}.epochs=3", "--seed", "1", "--out", "run", "--json")
    assert json.loads(told.out)["points"] == 3


def test_a_run_on_a_part_of_the_table_says_so(run, refused):
    told = run("search", "rea", "--trial", "999", "--seed", "1", "--out", "run").out
    assert "8,169 of 15,625 architectures measured; rank and regret are among these" in told
    told = refused("search", "darts-v1", "--trial", "999", "--seed", "1", "--out", "other", writes=True)
    assert "darts-v1 needs a slope, and so every architecture: 8,169 of 15,625" in told


# --- interrupted -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_continues_to_the_same_log(run, tmp_path, monkeypatch, long, how):
    process = start(*LONG, cwd=tmp_path)
    log = tmp_path / "run/events.jsonl"
    whole = (long / "events.jsonl").stat().st_size
    wait_for(lambda: log.exists() and log.stat().st_size > whole / 5, process)
    os.killpg(process.pid, how)
    out, err = end(process, 128 + how)
    assert (out, err) == ("", "nasreplay: interrupted; continue with: nasreplay resume run\n")
    assert not (tmp_path / "run/results.h5").exists()
    partly = result_of(tmp_path / "run")
    assert not partly.finished
    assert whole * 0.9 > log.stat().st_size > whole / 5
    monkeypatch.chdir("/")
    err = run("resume", str(tmp_path / "run")).err
    assert re.match(r"continuing after step [\d,]+\n", err)  # a slow machine tells how long it takes
    assert log_of(tmp_path / "run") == log_of(long)
    mine, theirs = load_result(tmp_path / "run/results.h5"), load_result(long / "results.h5")
    assert_equal(mine, theirs)
    points = int(partly.points[0])
    np.testing.assert_array_equal(partly.observed[0], theirs.observed[0, :points])
