import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.pack import write_pack
from nasreplay.evaluate.table.load import load_table
from nasreplay.runs.store import part_path, read_comparison, save_result
from nasreplay.search import SEARCHERS, make
from nasreplay.spaces import TOPOLOGY
from tests.support.command import assert_same_results, end, start

STEPS = ("--set", "darts-v1.epochs=6", "--set", "gdas.epochs=5")
SMALL = ("random", "bohb", "rea", "darts-v1", "gdas", *STEPS, "--dataset", "cifar10", "--replicas", "5")
SMALL = ("replay", *SMALL, "--evaluations", "20", "--seed", "3")


@pytest.fixture(scope="module")
def done(home, tmp_path_factory) -> Path:
    """The folder of SMALL, from the real command."""
    folder = tmp_path_factory.mktemp("done")
    out, _ = end(start(*SMALL, "--out", "run", cwd=folder), 0)
    assert "Open next: run/overview.png, then run/summary.md (tests, settings); seed 3." in " ".join(
        out.split()
    )
    return folder / "run"


# --- the numbers -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_same_seed_gives_the_same_arrays_in_one_process_and_in_two(run, done, jobs):
    run(*SMALL, "--out", "again", "--jobs", jobs)
    assert_same_results(Path("again"), done)
    assert len(read_comparison(done).results) == 5


@pytest.mark.slow
def test_another_seed_gives_other_arrays(run, done):
    run(*SMALL[:-1], "4", "--out", "other", "--jobs", "1")
    for mine, theirs in zip(read_comparison("other").results, read_comparison(done).results, strict=True):
        kept = mine.incumbent_flat if mine.oracle else mine.observed
        assert not np.array_equal(kept, theirs.incumbent_flat if mine.oracle else theirs.observed)


@pytest.mark.slow
def test_a_drawn_seed_is_printed_recorded_and_kept(run, tmp_path):
    arguments = ("replay", "random", "--dataset", "cifar10", "--replicas", "2", "--evaluations", "3")
    seeds = []
    for _ in range(2):
        told = run(*arguments, "--seed", "-1")
        seeds += map(int, re.findall(r"\bseed\s(\d+)\.", told.out))
        header = json.loads((tmp_path / f"output/replay-seed{seeds[-1]}/run.json").read_text())
        assert header["seed"] == seeds[-1]
    assert seeds[0] != seeds[1]
    again = run(*arguments, "--out", f"output/replay-seed{seeds[0]}")
    assert f"seed {seeds[0]}." in " ".join(again.out.split())
    assert again.err == ""


@pytest.mark.slow
def test_a_rerun_computes_only_what_is_missing(run, done):
    run(*SMALL, "--out", "run", "--jobs", "1")
    whole = {result.searcher: result for result in read_comparison("run").results}
    Path(
        "run/results.h5"
    ).unlink()  # as if it had been killed with these four parts written, one of them damaged
    for name in ("random", "bohb", "gdas", "rea"):
        save_result(part_path("run", "cifar10", name), whole[name])
    part_path("run", "cifar10", "rea").write_bytes(part_path("run", "cifar10", "rea").read_bytes()[:-9])
    told = run(*SMALL, "--out", "run", "--jobs", "1")
    assert told.err == ""  # no terminal, and less than a minute
    assert not Path("run/parts").exists()
    assert_same_results(Path("run"), done)
    again = {
        result.searcher: result.wall_s == whole[result.searcher].wall_s
        for result in read_comparison("run").results
    }
    assert again == {"random": True, "bohb": True, "gdas": True, "rea": False, "darts-v1": False}


@pytest.mark.slow
def test_the_same_command_again_only_prints(run, done):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.name != ".lock"}
    told = run(*SMALL, "--out", str(done))
    assert told.out == run("replay", "--redraw", str(done)).out
    assert told.err == ""
    run("replay", "--out", str(done))  # what is not given is the folder's
    after = {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.name != ".lock"}
    changed = {path.stem for path in before if before[path] != after[path]}
    assert changed <= {"summary", "regret-cifar10", "overview"}  # by --redraw


@pytest.mark.slow
def test_a_table_of_other_recipes_and_its_trials(run, refused, small_table):
    arguments = ("replay", "random", "--table", str(small_table), "--replicas", "3")
    assert "give --evaluations N" in refused(*arguments)
    run(*arguments, "--evaluations", "9", "--recipe", "12", "--trial", "777", "--seed", "1", "--out", "run")
    [result] = read_comparison("run").results
    assert (result.dataset, result.evaluations.tolist()) == ("cifar10", [9, 9, 9])
    assert set(result.trial.flat) == {777}
    told = load_table("cifar10", table=small_table, recipe="12").levels[0]
    assert told.at.epoch == 12
    np.testing.assert_array_equal(result.observed, told.accuracy[result.evaluated_flat, 0])
    assert "trial 5 at epoch 12 of recipe 12; trials: 777, 888" in refused(
        *arguments, "--recipe", "12", "--trial", "5"
    )
    assert "valid of cifar10 at recipe 36" in refused(*arguments, "--recipe", "200")


@pytest.fixture
def small_table(tmp_path) -> Path:
    return write_small_table(tmp_path / "small.h5", 0)


def write_small_table(path: Path, seed: int) -> Path:
    draw = np.random.default_rng(seed)
    columns = {}
    for recipe, trials in (("12", 2), ("36", 1)):
        columns[f"cifar10-valid/{recipe}/seeds"] = np.array([777, 888][:trials])
        columns[f"cifar10-valid/{recipe}/x-valid/accuracy"] = draw.uniform(10, 90, (TOPOLOGY.size, trials))
    epochs = {"cifar10-valid/12": 12, "cifar10-valid/36": 36}
    return write_pack(
        path, TOPOLOGY, columns, title="small", source="a test", licence="MIT", epochs=epochs
    ).path


# --- changed settings ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("--replicas", "4"), "replicas = 5, now 4"),
        (("--seed", "4"), "seed = 3, now 4"),
        (("--evaluations", "21"), "evaluations = 20, now 21"),
        (("--budget", "900"), "budget_s = not set, now 900.0"),
        (("--trial", "mean"), 'trial = "drawn", now "mean"'),
        (("--set", "rea.population=9"), "searchers.rea.population = 10, now 9"),
        (("--set", "gdas.epochs=7"), "searchers.gdas.epochs = 5, now 7"),
    ],
)
def test_changed_settings_are_refused_by_name(run, refused, done, change, name):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    assert name in refused(*SMALL, *change, "--out", str(done))
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == before


def test_a_table_with_other_numbers_is_refused(run, refused, small_table):
    arguments = ("replay", "random", "--table", "small.h5", "--replicas", "2", "--evaluations", "3")
    run(*arguments, "--out", "run")
    write_small_table(small_table, 1)
    assert "run holds a run with fingerprint = " in refused(*arguments, "--out", "run")


# --- what it prints --------------------------------------------------------------------------------


@pytest.mark.slow
def test_redraw_gives_the_same_bytes(run, done):
    names = [
        "summary.md",
        *(f"{figure}.{end}" for figure in ("regret-cifar10", "overview") for end in ("png", "svg", "pdf")),
    ]
    before = {name: (done / name).read_bytes() for name in names}
    first = run(*SMALL, "--out", str(done)).out
    for name in names:
        (done / name).unlink()
    assert run("replay", "--redraw", str(done)).out == first
    assert {name: (done / name).read_bytes() for name in names} == before


@pytest.mark.slow
def test_json_and_csv_rows(run, done):
    rows = json.loads(run("replay", "--redraw", str(done), "--json").out)
    table = load_table("cifar10")
    assert {row["searcher"] for row in rows} == {"random", "bohb", "rea", "darts-v1", "gdas"}
    results = {result.searcher: result for result in read_comparison(done).results}
    for row in rows:
        result = results[row["searcher"]]
        score = table.final.mean_flat[result.found_flat]
        assert row["validation_accuracy_mean"] == pytest.approx(score.mean(), abs=1e-12)
        assert row["regret_mean"] == pytest.approx(91.606666 - score.mean(), abs=1e-5)
        assert row["oracle"] == (row["rank"] is None) == (row["searcher"] in ("darts-v1", "gdas"))
        assert row["evaluations_mean"] == (0 if row["oracle"] else 20)
        assert row["test_accuracy_mean"] is None
        assert [
            key for key in row if "accuracy" in key and not key.startswith(("validation_", "test_"))
        ] == []
    lines = list(csv.DictReader(io.StringIO(run("replay", "--redraw", str(done), "--csv").out)))
    assert [line["searcher"] for line in lines] == [row["searcher"] for row in rows]
    assert [list(line) for line in lines] == [list(row) for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert float(line["validation_accuracy_mean"]) == row["validation_accuracy_mean"]


@pytest.mark.slow
def test_the_output_says_what_the_numbers_are(run, done):
    run("replay", "--redraw", str(done))
    told = (done / "summary.md").read_text()
    for note in read_comparison(done).settings["notes"]:
        assert note in told
    assert "A search is told one drawn trial at epoch 200 of recipe 200" in told
    assert "the score is the mean over trials at epoch 200 of recipe 200" in told


def test_list_says_of_every_searcher_what_it_is(run):
    lines = run("replay", "--list").out.splitlines()
    assert max(map(len, lines)) <= 80
    told = {text.split()[0]: " ".join(text.split()) for text in "\n".join(lines).split("\n\n")}
    assert list(told) == list(SEARCHERS)
    for name, kind in SEARCHERS.items():
        assert kind.sentence()
        assert f"{name} {kind.sentence()} runs {kind.places()}" in told[name]
        assert ("compared by default" in told[name]) == kind.compared
        assert f"source: {kind.source}" in told[name]
        for key, value in make(name).settings().items():
            assert value in ("", None) or f"{key} {value}" in told[name]


@pytest.mark.slow
def test_oracles_can_be_left_out(run, refused):
    few = ("--dataset", "cifar10", "--replicas", "2", "--evaluations", "3")
    run("replay", "rea", "gdas", "--no-oracles", *few, "--out", "run")
    assert [result.searcher for result in read_comparison("run").results] == ["rea"]
    assert "leaves nothing to compare: gdas" in refused("replay", "gdas", "--no-oracles", *few)


# --- hyper-parameters ------------------------------------------------------------------------------


@pytest.mark.slow
def test_configurations_and_settings(run, tmp_path):
    (tmp_path / "rea.config").write_text('{"population": ["int", "7"], "tournament": 2}')
    (tmp_path / "darts-v1-mine.config").write_text('{"betas": ["float", ["0.4", "0.9"]], "epochs": 4}')
    run("replay", "rea", "DARTS_V1", "--config", "rea.config", "--config", "darts-v1-mine.config",
        "--set", "REA.tournament=5", "--set", "darts_v1.learning_rate=0.1", "--dataset", "cifar10",
        "--replicas", "2", "--evaluations", "9", "--out", "run")  # fmt: skip
    made = json.loads((tmp_path / "run/run.json").read_text())["searchers"]
    assert made["rea"] == {"population": 7, "tournament": 5}
    assert (made["darts-v1"]["betas"], made["darts-v1"]["epochs"]) == ([0.4, 0.9], 4)
    assert made["darts-v1"]["learning_rate"] == 0.1
    assert read_comparison("run").of("cifar10")[1].points.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nosuch",), "unknown searcher 'nosuch'; known: random, local-search, rea"),
        (("rea", "--dataset", "mnist"), "unknown data set 'mnist'; known: cifar10, cifar100, ImageNet16-120"),
        (("rea", "--replicas", "0"), "replicas is 0: it must be at least 1"),
        (("rea", "--replicas", "-2"), "replicas is -2"),
        (("rea", "--evaluations", "0"), "evaluations is 0: it must be above 0"),
        (("rea", "--evaluations", "-5"), "evaluations is -5: it must be above 0"),
        (("rea", "--budget", "-1"), "simulated_s is -1.0: it must be above 0"),
        (("rea", "--budget", "nan"), "'nan' is not a valid float: it must be a number"),
        (("rea", "--seed", "-2"), "-2 is not in the range x>=-1"),
        (("rea", "--jobs", "0"), "--jobs 0: it must be at least 1"),
        (("rea", "--protocol", "tpami"), "unknown protocol 'tpami'"),
        (("--protocol", "nats", "--budget", "5"), "--protocol nats fixes recipe and budget: leave out --budget"),
        (("--protocol", "nats"), "at recipe 12: it holds valid of cifar10, cifar100, ImageNet16-120 at recipe 200"),
        (("rea", "--trial", "1"), "no trial 1 at epoch 200 of recipe 200; trials: 777, 888, 999"),
        (("rea", "--trial", "best"), "--trial 'best': drawn, mean, or the seed of a trial"),
        (("rea", "--recipe", "12"), "at recipe 12: it holds valid of cifar10, cifar100, ImageNet16-120 at"),
        (("darts-v1", "--gradient", "x"), "gradient 'x': a table knows 'exact' and 'sampled'"),
        (("darts-v1", "--gradient", "sampled", "--samples", "1"), "at least 2 samples"),
        (("rea", "--set", "rea.size=3"), "rea: unknown setting 'size'; known: population, tournament"),
        (("rea", "--set", "rea.population=x"), "rea.population = 'x': must be of type int, like 10"),
        (("rea", "--set", "rea.population=0"), "rea.population is 0: it must be above 0"),
        (("rea", "--set", "ant.size=3"), "unknown searcher 'ant'; known: random"),
        (("rea", "--set", "population=3"), "the form is NAME.KEY=VALUE"),
        (("rea", "--set", "gdas.epochs=3"), "settings for gdas, which is not among the searchers: rea"),
        (("rea", "--config", "absent/rea.config"), "absent/rea.config: cannot be read: No such file"),
        (("rea", "--config", "ant.config"), "name the file after a searcher"),
        (("rea", "--table", "absent.h5"), "absent.h5: no such file"),
        (("rea", "--out", "taken/run"), "taken/run: cannot be made: Not a directory; choose another --out"),
        (("rea", "--out", "taken"), "taken: cannot be made: File exists; choose another --out"),
        (("--redraw", "absent"), "absent: no such file"),
        (("--redraw", "absent", "--replicas", "3"), "--replicas has no effect with --redraw"),
        (("--list", "--protocol", "nats"), "--protocol has no effect with --list"),
        (("--redraw", "taken"), "taken: not a results file of nasreplay"),
        (("rea", "--score", "x"), "'x' is not one of 'last', 'published'"),
        (("rea", "--nonsense"), "No such option"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_writes_nothing(refused, tmp_path, arguments, words):
    (tmp_path / "taken").write_text("a file")
    assert words in refused("replay", *arguments)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "rea.config, line 1: not JSON"),
        ("[1]", "rea.config: must be an object, not a list"),
        ('{"size": 1}', "rea: unknown setting 'size'; known: population, tournament"),
        ('{"population": ["int", "many"]}', "rea.config: population: 'many' is not int"),
        ('{"population": 2.5}', "rea.population = 2.5: must be of type int"),
    ],
)
def test_bad_configurations(refused, tmp_path, content, words):
    (tmp_path / "rea.config").write_text(content)
    assert words in refused("replay", "rea", "--config", "rea.config")


def test_a_corrupt_table(refused, small_table):
    content = small_table.read_bytes()
    for damaged in (b"nothing", content[: len(content) // 2]):
        small_table.write_bytes(damaged)
        assert "small.h5: " in refused("replay", "rea", "--table", "small.h5", "--evaluations", "2")


def test_debug_shows_the_traceback(home, tmp_path):
    for arguments in (("--debug", "replay", "nosuch"), ("replay", "nosuch", "--debug")):
        _, err = end(start(*arguments, cwd=tmp_path), 1)
        assert err.startswith("Traceback (most recent call last)")
        assert "UnknownName" in err.splitlines()[-1]


def test_a_method_made_for_another_space_is_told_on_screen_and_in_json(run, tmp_path):
    told = run(
        "replay",
        "tas",
        "random",
        "--dataset",
        "cifar10",
        "--set",
        "tas.epochs=3",
        "--replicas",
        "2",
        "--evaluations",
        "3",
        "--out",
        str(tmp_path / "r"),
        "--jobs",
        "1",
        "--json",
    )
    assert "tas was made for the size space" in told.err
    assert {row["searcher"] for row in json.loads(told.out) if "remark" in row} == {"tas"}
