"""Options of live searches: what would have no effect is refused, and weights come from somewhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay.live.trained import trained

pytestmark = pytest.mark.slow

TINY = ("--dataset", "digits", "--channels", "2", "--cells", "1", "--fraction", "0.1", "--seed", "0")
LIVE = ("--evaluator", "supernet", *TINY)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("gdas", "--epochs", "3"), "--epochs has no effect with --evaluator table"),
        (("gdas", "--data", "somewhere"), "--data has no effect with --evaluator table"),
        (("gdas", *LIVE, "--gradient", "sampled"), "--gradient has no effect with --evaluator supernet"),
        (
            ("random", "--evaluator", "scratch", *TINY, "--bn", "0"),
            "--bn has no effect with --evaluator scratch",
        ),
        (
            ("gdas", "--evaluator", "scratch", "--dataset", "digits"),
            "evaluate; use a table with gradient 'exact', or",
        ),
        (("gdas", *LIVE, "--valid-batches", "0"), "0 is not in the range x>=1"),
        (("gdas", *LIVE, "--threads", "-1"), "-1 is not in the range x>=1"),
        (("gdas", *LIVE, "--epochs", "0"), "0 is not in the range x>=1"),
        (("gdas", *LIVE, "--device", "meta"), "device 'meta' is not available"),
        (("random", *LIVE, "--evaluations", "3"), "random trains no shared weights: give --weights RUN"),
        (
            ("gdas", *LIVE, "--training", "warm.config"),
            "recipe warm: warmup = 3 has no effect on shared weights",
        ),
    ],
)
def test_options_without_effect_are_refused(refused, tmp_path, arguments, told):
    (tmp_path / "warm.config").write_text(json.dumps({"warmup": 3, "epochs": 2}))
    assert told in refused("search", *arguments)


def test_sampling_searchers_ask_the_weights_of_a_run(run, refused):
    run("search", "rsps", *LIVE, "--epochs", "1", "--out", "trained")
    asked = ("rea", *LIVE, "--evaluations", "4", "--weights", "trained")
    told = run("search", *asked, "--out", "asked")
    evaluator, _ = trained(Path("trained"))
    assert ": 4 evaluations, " in told.out.splitlines()[0]
    assert f"\neach evaluation is on {len(evaluator.valid):,} validation images\n" in told.err
    events = [json.loads(line) for line in Path("asked/events.jsonl").read_text().splitlines()]
    told = {event["architecture"]: event["accuracy"] for event in events if event["event"] == "evaluation"}
    codes = np.array([evaluator.space.parse(text) for text in told])
    evaluator.ledger.listener = None
    again = evaluator.evaluate(codes, replica=np.zeros(len(codes), dtype=np.int64)).accuracy
    np.testing.assert_array_equal(again, list(told.values()))
    assert "this search has" in refused("search", *asked, "--bn", "0", "--out", "other", writes=True)


def test_gap_and_tabulate_refuse_runs_without_shared_weights(run, refused):
    scratch = ("--evaluator", "scratch", "--dataset", "digits", "--channels", "2", "--cells", "1")
    run(
        "search",
        "random",
        *scratch,
        "--fraction",
        "0.02",
        "--epochs",
        "1",
        "--evaluations",
        "1",
        "--out",
        "s",
    )
    assert "not a run with shared weights" in refused("gap", "s", writes=True)
    assert "not a run with shared weights" in refused("tabulate", "--run", "s", "--out", "t.h5", writes=True)
    fresh = ("--evaluator", "supernet", "--dataset", "digits", "--sample", "3", "--out", "t.h5")
    assert "a fresh supernet has learned nothing" in refused("tabulate", *fresh, writes=True)
