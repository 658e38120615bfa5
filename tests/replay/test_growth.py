"""A finished comparison grows to just what the whole command would have made, and comparisons are merged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import BadInput, BadOutput, BadSetting
from nasreplay.jobs import comparison as jobs
from nasreplay.jobs.comparison import ReplaySettings, merge, redraw, replay
from nasreplay.runs.result import Comparison
from nasreplay.runs.store import read_comparison, write_comparison
from tests.support.command import assert_equal

SHORT = {"evaluations": 12, "seed": 3, "jobs": 1}
WALL = ("versions", "command")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jobs, "_write_report", lambda *_: None)  # figures take seconds


def done(*searchers, out, **settings):
    return replay(*searchers, out=Path(out), **{**SHORT, **settings})


@pytest.fixture
def base():
    return done("random", "rea", out="grown", datasets=("cifar10",), replicas=4)


def assert_is(grown: Comparison, whole: Comparison) -> None:
    """The same in everything but wall seconds."""
    assert [(one.dataset, one.searcher) for one in grown.results] == [
        (o.dataset, o.searcher) for o in whole.results
    ]
    for one, other in zip(grown.results, whole.results, strict=True):
        assert_equal(one, other)
    assert grown.settings == whole.settings
    assert grown.tables.keys() == whole.tables.keys()


@pytest.mark.parametrize(
    ("more", "settings", "words"),
    [
        (("local-search",), {}, "local-search"),
        ((), {"replicas": 9}, "replicas 4 to 8 of each searcher"),
        ((), {"datasets": ("cifar100",)}, "data set cifar100"),
        (("bohb", "curriculum"), {"replicas": 5}, "bohb, curriculum, curriculum-fixed; replicas 4 to 4"),
    ],
)
def test_it_grows_to_what_the_whole_command_makes(base, more, settings, words):
    told = []
    grown = replay(*more, **settings, jobs=1, out=Path("grown"), progress=lambda *at: told.append(at))
    datasets = ("cifar10", *settings.get("datasets", ()))
    whole = done("random", "rea", *more, out="whole", **{"replicas": 4, **settings, "datasets": datasets})
    assert_is(grown.comparison, whole.comparison)
    assert grown.added.startswith(words)
    kept = 0 if "replicas" in settings else 2
    assert told[0] == (kept, len(whole.comparison.results), "")  # only what is missing is computed
    assert not Path("grown/parts").exists()


@pytest.mark.slow
def test_searches_by_steps_grow_as_well():
    slow = {"datasets": ("cifar10",), "sets": ("gdas.epochs=7", "snas.epochs=4")}
    done("gdas", "snas", out="grown", replicas=2, **slow)
    grown = replay(out=Path("grown"), replicas=5, jobs=2)
    assert_is(grown.comparison, done("gdas", "snas", out="whole", replicas=5, **slow).comparison)


def test_what_is_not_given_is_the_folders(base):
    again = replay(out=Path("grown"))
    assert again.added == ""
    assert_is(again.comparison, base.comparison)


def test_a_kill_while_it_grows_loses_only_what_was_in_flight(base):
    def stop(done: int, total: int, what: str) -> None:
        if what == "random on cifar10":
            raise KeyboardInterrupt

    stopped = replay(out=Path("grown"), replicas=7, jobs=1, progress=stop)
    assert stopped.interrupted
    assert [len(one.found_flat) for one in stopped.comparison.results] == [7, 4]
    grown = replay(out=Path("grown"), jobs=1)
    assert_is(
        grown.comparison, done("random", "rea", out="whole", datasets=("cifar10",), replicas=7).comparison
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 4}, "seed = 3, now 4"),
        ({"replicas": 3}, "replicas = 4, now 3"),
        ({"evaluations": 13}, "evaluations = 12, now 13"),
        ({"trial": "mean"}, 'trial = "drawn", now "mean"'),
    ],
)
def test_other_settings_are_refused_by_name(base, settings, words):
    header = Path("grown/run.json").read_bytes()
    with pytest.raises(BadOutput, match=words):
        replay("bohb", out=Path("grown"), **settings)
    with pytest.raises(BadOutput, match=r"searchers\.rea\.population = 10, now 9"):
        replay("rea", sets=("rea.population=9",), out=Path("grown"))
    assert Path("grown/run.json").read_bytes() == header


def test_without_a_folder_another_comparison_gets_another_one(base):
    same = replay("rea", datasets=("cifar10",), replicas=2, evaluations=3, jobs=1)
    assert same.folder == Path("output/replay-seed0")
    assert replay("rea", datasets=("cifar10",), replicas=2, evaluations=3, jobs=1).folder == same.folder
    assert replay("rea", datasets=("cifar10",), replicas=2, evaluations=4, jobs=1).folder == Path(
        "output/replay-seed0-2"
    )


# --- merge -----------------------------------------------------------------------------------------


def test_a_merge_is_the_whole_comparison(base):
    done("local-search", "rea", out="other", datasets=("cifar10", "cifar100"), replicas=4)
    joined = merge("grown", "other", out=Path("both"))
    whole = done("random", "rea", "local-search", out="whole", datasets=("cifar10", "cifar100"), replicas=4)
    kept = [one for one in whole.comparison.results if (one.dataset, one.searcher) != ("cifar100", "random")]
    assert_is(joined.comparison, replace(whole.comparison, results=kept))
    filled = replay(out=Path("both"), jobs=1)  # it is a folder as any other
    assert_is(filled.comparison, whole.comparison)
    assert redraw(Path("both")).best == whole.best


def test_what_is_not_one_comparison_is_refused_by_name(base):
    done("bohb", out="seed", datasets=("cifar10",), replicas=4, seed=5)
    with pytest.raises(
        BadInput, match="differ in seed, 3 and 5: replicas of different seeds are different samples"
    ):
        merge("grown", "seed", out=Path("both"))
    done("bohb", out="few", datasets=("cifar10",), replicas=3)
    with pytest.raises(
        BadInput, match="differ in replicas, 4 and 3: `nasreplay replay --out DIR --replicas N`"
    ):
        merge("grown", "few", out=Path("both"))
    with pytest.raises(BadSetting, match="two comparisons or more"):
        merge("grown", out=Path("both"))
    assert not Path("both").exists()
    with pytest.raises(BadOutput, match="holds a comparison"):
        merge("grown", "grown", out=Path("grown"))


def test_numbers_that_disagree_are_refused(base):
    old = read_comparison("grown")
    changed = [replace(one, found_flat=np.roll(one.found_flat, 1)) for one in old.results]
    Path("forged").mkdir()
    write_comparison("forged/results.h5", changed, old.tables, old.settings)
    with pytest.raises(BadInput, match="random on cifar10 has different numbers"):
        merge("grown", "forged", out=Path("both"))


def test_every_setting_of_a_replay_can_be_left_to_its_folder():
    assert {
        name
        for name in ("replicas", "seed", "recipe", "budget", "evaluations")
        if getattr(ReplaySettings(), name)
    } == set()
