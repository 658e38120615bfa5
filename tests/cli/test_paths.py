"""Paths that can name nothing, or name a folder where a file is written, are refused in one line."""

import json
from typing import Any

import pytest

import nasreplay
from nasreplay.errors import BadInput
from nasreplay.files.typed import parse_json
from nasreplay.settings import Json

ZERO = "a\0b"


@pytest.mark.parametrize(
    "words",
    [
        ("tabulate", "--out", ZERO),
        ("tabulate", "--run", ZERO, "--out", "x.h5"),
        ("tabulate", "--evaluator", "scratch", "--data", ZERO, "--out", "x.h5"),
        ("merge", ZERO, "b", "--out", "c"),
        ("merge", "a", "b", "--out", ZERO),
        ("gap", ZERO),
        ("gap", "a", "--data", ZERO),
        ("replay", "--config", ZERO),
        ("replay", "--redraw", ZERO),
        ("search", "rea", "--out", ""),
        ("replay", "--out", ""),
        ("replay", "--recipe", ""),
        ("resume", ZERO),
        ("resume", ""),
        ("data", "import-csv", "x.csv", "--map-file", ZERO),
        ("data", "fetch", "cifar10", "--data", ZERO),
        ("draw", "1", "--out", ""),
    ],
    ids=lambda words: repr(" ".join(words)),
)
def test_an_option_that_names_nothing_is_refused(refused, words):
    told = refused(*words)
    assert "bug" not in told
    assert any(word in told for word in ("is no path", "must not be empty", "zero byte")), told


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_table_is_not_written_over_a_folder(refused, place):
    assert f"{place}: a folder; name the .h5 file" in refused("tabulate", "--sample", "3", "--out", place)


def test_a_run_is_resumed_from_within(run, refused, tmp_path, monkeypatch):
    run("search", "random", "--evaluations", "3", "--seed", "1", "--out", "one")
    monkeypatch.chdir(tmp_path / "one")
    assert "index" in run("resume", ".").out
    monkeypatch.chdir("/")
    assert "holds no run" in refused("resume", "/")


def test_a_run_without_its_seed_says_so(refused, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/run.json").write_text(json.dumps({"command": "nasreplay replay rea"}))
    assert "one does not say the seed of its run" in refused("resume", "one")


def test_python_calls_are_told_the_same(tmp_path):
    package: Any = nasreplay  # whose packages can be called
    for call in (
        lambda: package.search("rea", evaluations=3, out=ZERO),
        lambda: package.search("rea", evaluations=3, out=""),
        lambda: package.replay("rea", recipe=""),
        lambda: package.tabulate(ZERO),
        lambda: package.gap(ZERO),
    ):
        with pytest.raises(BadInput, match=r"it must be a path|without zero bytes|at recipe"):
            call()


def test_recorded_texts_hold_no_zero_bytes():
    with pytest.raises(BadInput, match=r"here, options\.data: a text with a zero byte"):
        parse_json(json.dumps({"options": {"data": ZERO}}), Json, "here")


@pytest.mark.parametrize(
    "event", [{"event": "epoch", "epoch": 1, "trial": "x"}, {"event": "note", "trial": []}]
)
def test_what_an_event_does_not_promise_is_not_compared(run, tmp_path, event):
    run("search", "random", "--evaluations", "3", "--seed", "1", "--out", "one")
    with (tmp_path / "one/events.jsonl").open("a") as log:
        log.write(json.dumps(event) + "\n")
    assert run("convert", "one", "--to", "index").out.strip().isdigit()
