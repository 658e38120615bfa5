"""2,807 recorded calls of the official NATS-Bench API, over an archive folder and over the pack made of it."""

from typing import Any

import pytest

from nasreplay.compat import nats_bench
from nasreplay.compat.nats_bench import create
from tests.support.official_answers import Session, recorded, same

ENTRIES = recorded()
BY_ID = {entry["id"]: entry for entry in ENTRIES}

# Every difference there is, by the id of the recorded call: why, and the recorded call whose answer ours is, or the
# error. docs/coming-from-nats-bench.md lists the same.
NUMPY_INDEX = "a numpy integer is an index"
TEXT_INDEX = "a text is an architecture here too"
NUMBER_HP = "a recipe may be given as a number"
SHOW_ALL = "show(-1) shows all that is loaded"
UNKNOWN_TEXT = "an unknown text is refused, not answered for the last architecture"
DIFFERENCES: dict[str, tuple[str, str | int]] = {
    "tss-00037": (NUMPY_INDEX, "tss-00029"),
    "sss-01229": (NUMPY_INDEX, "tss-00029"),
    "tss-01178": (NUMPY_INDEX, "tss-00123"),
    "sss-02585": (NUMPY_INDEX, "sss-01353"),
    "tss-01179": (TEXT_INDEX, "tss-00131"),
    "sss-02586": (TEXT_INDEX, "sss-01369"),
    "tss-01183": (TEXT_INDEX, "tss-00203"),
    "sss-02590": (TEXT_INDEX, "sss-01423"),
    "tss-01184": (NUMBER_HP, "tss-00366"),
    "sss-02591": (NUMBER_HP, "sss-01620"),
    "tss-01104": (NUMBER_HP, "tss-01081"),
    "sss-02511": (NUMBER_HP, "sss-02479"),
    "tss-01189": (SHOW_ALL, "tss-00378"),
    "sss-02596": (SHOW_ALL, "sss-01636"),
    "tss-02791": (UNKNOWN_TEXT, "ValueError"),
}


@pytest.fixture(scope="module", params=["folder", "pack"])
def opened(request, samples, sample_packs) -> dict[str, Session]:
    """A session for each space."""
    places = samples if request.param == "folder" else sample_packs
    return {
        space: Session(lambda space=space: create(places[space], space, fast_mode=True, verbose=False))
        for space in ("tss", "sss")
    }


@pytest.mark.slow
def test_every_recorded_call_has_its_answer(opened, samples):
    odd, seen = {}, set()
    for entry in ENTRIES:
        space = entry["id"].split("-")[0]
        outcome = general(entry, samples) if space == "any" else opened[space].outcome(entry)
        if expected(outcome, entry):
            seen.add(entry["id"])
        elif not same(outcome, entry):
            odd[entry["id"]] = outcome
    assert not odd
    assert seen == DIFFERENCES.keys(), "a listed difference is none"
    assert len(ENTRIES) == 2_807


def expected(outcome: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether the outcome differs as the list says."""
    if entry["id"] not in DIFFERENCES:
        return False
    reason, instead = DIFFERENCES[entry["id"]]
    if reason == SHOW_ALL:  # what it printed before it broke, then the text that shows that architecture
        whole = entry["stdout"] + BY_ID[instead]["stdout"]
        return outcome == {"result": None, "stdout": whole}
    if instead == "ValueError":
        return same(outcome, {"raises": instead})
    return same(outcome, {key: BY_ID[instead][key] for key in ("result",)})


def general(entry: dict[str, Any], samples: dict[str, str]) -> dict[str, Any]:
    """The outcome of a call of the package itself."""
    tss = samples["tss"]
    openings = {
        "unknown space": lambda: create(tss, "foo", fast_mode=True, verbose=False),
        "file with fast_mode": lambda: create(
            f"{tss}/meta.pickle.pbz2", "tss", fast_mode=True, verbose=False
        ),
        "dir without fast_mode": lambda: create(tss, "tss", fast_mode=False, verbose=False),
        "missing path": lambda: create("does-not-exist", "tss", fast_mode=True, verbose=False),
        "dict with duplicate archs": lambda: create(
            {"meta_archs": ["a", "a"], "arch2infos": {}, "evaluated_indexes": set()}, "tss", verbose=False
        ),
        "dict without arch2infos": lambda: create(
            {"meta_archs": ["a"], "evaluated_indexes": set()}, "tss", verbose=False
        ),
    }
    try:
        if entry["call"] == "create":
            return {"result": openings[entry["note"]]()}
        return {"result": getattr(nats_bench, entry["call"])(*entry["args"])}
    except Exception as problem:
        return {"raises": problem}
