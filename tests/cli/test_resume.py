"""A run continues by its folder alone, from anywhere, whatever made it."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from nasreplay.train.recipe import Recipe
from tests.cli.test_train import numbers
from tests.support.command import assert_same_results, end, log_of, searching, start, training, wait_for

TRAIN = training(4, "--threads", "1")
SEARCH = searching(4, "--seed", "3", "--threads", "1")


def interrupted(*words: str, cwd: Path, begun: str) -> str:
    """What a command says that is asked to stop as soon as it has written a file."""
    process = start(*words, cwd=cwd)
    wait_for(lambda: any(path.stat().st_size for path in cwd.glob(begun)), process)
    os.killpg(process.pid, signal.SIGTERM)
    return end(process, 143)[1].splitlines()[-1]


@pytest.mark.slow
def test_a_training_continues_from_anywhere(run, tmp_path, monkeypatch):
    more = (*TRAIN, "--save-every", "0", "--seed", "5")
    run(*more, "--out", "whole")
    told = interrupted(*more, "--out", "a folder", cwd=tmp_path, begun="a folder/checkpoint/step-*.pt")
    assert told == "nasreplay: interrupted; continue with: nasreplay resume 'a folder'"
    monkeypatch.chdir("/")
    assert "continuing in epoch" in run("resume", str(tmp_path / "a folder")).out
    assert numbers(tmp_path / "a folder") == numbers(tmp_path / "whole")


@pytest.mark.slow
def test_a_live_search_continues_and_a_finished_one_tells_its_result_without_images(run, refused, tmp_path):
    first = run(*SEARCH, "--out", "whole").out
    told = interrupted(*SEARCH, "--out", "it", cwd=tmp_path, begun="it/events.jsonl")
    assert told == "nasreplay: interrupted; continue with: nasreplay resume it"
    assert "continuing after step" in run("search", "--out", "it", "--resume").err
    one, other = (
        [
            {key: value for key, value in event.items() if key != "simulated_s"}
            for event in log_of(tmp_path / name)
        ]
        for name in ("it", "whole")
    )
    assert one == other
    told = run("search", "--out", "it", "--resume", "--epochs", "6").err
    assert "lengthened from 4 to 6 epochs: from here on its schedules are those of 6" in told
    assert "epoch 6/6" in told
    assert "epoch 4/" not in told
    rates = [event["learning_rate"] for event in log_of(tmp_path / "it") if event["event"] == "epoch"]
    assert rates[4:] == [Recipe("x", 6, 0.025, 0.001).learning_rate(epoch) for epoch in (4, 5)]
    assert json.loads((tmp_path / "it" / "run.json").read_text())["lengthened"] == [[4, 6]]
    for name in ("checkpoint", "events.jsonl", "results.h5"):  # it has no need of them
        place = tmp_path / "whole" / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert run("resume", "whole").out == first
    assert json.loads(run("resume", "whole", "--json").out)["accuracy"] >= 0
    told = refused("search", "gdas", "--out", "whole", "--resume", "--epochs", "3")
    assert "--epochs 3: whole holds a run of 4, which only more can lengthen" in told
    assert run("resume", "whole").out == first
    assert "'--dataset'" in refused("search", "gdas", "--out", "whole", "--resume", "--dataset", "cifar10")
    assert "holds a run of `nasreplay search`" in refused("train", "--out", "whole", "--resume")


def test_a_table_search_continues_by_its_folder(run, tmp_path):
    first = run("search", "rea", "--evaluations", "30", "--seed", "2", "--out", "one").out
    (tmp_path / "one.log").write_text("what the terminal showed\n")
    assert run("resume", "one").out == first


@pytest.mark.slow
def test_a_replay_continues_by_its_folder(run, tmp_path):
    words = (
        "replay",
        "rea",
        "random",
        "--dataset",
        "cifar10",
        "--replicas",
        "2",
        "--seed",
        "7",
        "--jobs",
        "1",
    )
    run(*words, "--out", "one")
    run("resume", "one")
    run(*words, "--out", "other")
    assert_same_results(tmp_path / "one", tmp_path / "other")


@pytest.mark.slow
def test_a_tabulation_continues_by_its_pack(run, tmp_path, monkeypatch):
    words = ("tabulate", "--evaluator", "scratch", "--dataset", "digits", "--channels", "4", "--cells", "1")
    words = (*words, "--epochs", "1", "--sample", "6", "--threads", "1", "--out", "x.h5")
    told = interrupted(*words, cwd=tmp_path, begun="x.h5.log")
    assert told == "nasreplay: interrupted; continue with: nasreplay resume x.h5"
    monkeypatch.chdir("/")
    assert "6 of 15,625 architectures" in run("resume", str(tmp_path / "x.h5")).out
    assert "x.h5: finished" in run("resume", str(tmp_path / "x.h5")).out


def test_what_cannot_be_resumed(refused, tmp_path):
    assert "nope: holds no run" in refused("resume", "nope")
    (tmp_path / "run").mkdir()
    for header in (
        "{}",
        '{"command": 3}',
        '{"command": "nasreplay data path", "seed": 1}',
        '{"command": "\'"}',
    ):
        (tmp_path / "run/run.json").write_text(header)
        assert "run does not say which command made it" in refused("resume", "run")
    (tmp_path / "x.h5.log").write_bytes(b"\0" * 10)
    assert "not the log of a tabulation" in refused("resume", "x.h5")
