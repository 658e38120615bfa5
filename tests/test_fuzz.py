"""Whatever comes from outside is a value or one named error on one short line: thousands of spoiled inputs.

`python -m tests.test_fuzz SEED COUNT` runs a longer campaign and says what it tried.
"""

import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import click
import pytest

from nasreplay.cli.main import LONGEST_USAGE
from nasreplay.data.pack import Pack
from nasreplay.errors import NasReplayError
from nasreplay.files.text import harmless
from nasreplay.runs.store import read_comparison
from tests.support.crafted_results import seal
from tests.support.spoiled_files import checkpoint, hdf5, run, training, weights
from tests.support.spoiled_texts import (
    architecture,
    changed,
    config_file,
    csv,
    logits,
    matrix,
    name,
    option,
    setting,
)
from tests.support.spoiling import Parse

LONGEST_ERROR = 600
INPUTS = 20_000

PARSERS: dict[str, tuple[float, Parse]] = {
    "architectures": (0.34, architecture),
    "matrices": (0.1, matrix),
    "--set": (0.12, changed),
    "config": (0.06, config_file),
    "settings": (0.13, setting),
    "options": (0.08, option),
    "names": (0.04, name),
    "run folders": (0.04, run),
    "checkpoints": (0.02, checkpoint),
    "trainings": (0.01, training),
    "weights": (0.01, weights),
    "logits": (0.02, logits),
    "csv": (0.015, csv),
    "packs": (0.015, hdf5("pack", lambda path: None, Pack.open)),
    "results": (0.01, hdf5("results", seal, read_comparison)),
}


def campaign(seed: int, count: int) -> tuple[Counter[str], list[str], tuple[float, str]]:
    """Try so many inputs: outcomes, what was broken, and the longest time (seconds, of which)."""
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    longest = (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for kind, (share, parse) in PARSERS.items():
            for number in range(round(share * count)):
                place = Path(folder) / kind.strip("-")
                place.mkdir(exist_ok=True)
                started = time.perf_counter()
                outcome = one(parse, f"{seed}/{kind}/{number}", place)
                longest = max(longest, (time.perf_counter() - started, f"{seed}/{kind}/{number}"))
                outcomes[f"{kind} {outcome.split(':')[0]}"] += 1
                broken += [f"{seed}/{kind}/{number} {outcome}"] if outcome.startswith("broken") else []
    return outcomes, broken, longest


def one(parse: Parse, seed: str, folder: Path) -> str:
    """What an input came to: accepted, refused, or broken and how."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse(random.Random(seed), folder)
        except (NasReplayError, click.ClickException) as problem:
            text = problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
            if isinstance(problem, click.ClickException):
                text = harmless(text, most=LONGEST_USAGE)  # as `main` does
            fits = text.isprintable() and 0 < len(text) <= LONGEST_ERROR + len(str(folder))
            return "refused" if fits else f"broken: {len(text)} characters: {text!r}"
        except click.exceptions.Exit:
            return "accepted"
        except Exception as problem:
            return f"broken: {type(problem).__name__}: {str(problem)[:200]!r}"
    return "accepted"


@pytest.mark.slow
def test_every_input_is_a_value_or_one_named_error(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outcomes, broken, _ = campaign(1, INPUTS)
    assert outcomes.total() >= INPUTS
    assert not broken
    for kind in PARSERS:  # the inputs are near enough to valid ones
        assert outcomes[f"{kind} refused"]


if __name__ == "__main__":
    tried, wrong, slowest = campaign(int(sys.argv[1]), int(sys.argv[2]))
    print(*sorted(tried.items()), *wrong[:400], sep="\n")
    print(
        len(wrong),
        "broken; longest",
        slowest,
        "; MB",
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )
