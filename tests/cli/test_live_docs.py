"""Each command of the pages on live search, training and the gap, made small (docs/tabulate.md has its own test)."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.command import CHECKOUT

pytestmark = pytest.mark.slow

PAGES = ("live-search", "train", "gap")
CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"

# what stands on a page for something of the reader's → what it is here
NAMES = {"output/search-cell-nas-bench-201/GDAS-cifar10-BN1/seed-N": "run", "RUN": "run", "ARCH": CELL}
# what is added to a command that begins so, the first that fits
THREAD = ("--threads", "1")
FEW = ("--epochs", "1", "--batch", "20", *THREAD)
SMALL = {
    "bash scripts-search/algos/GDAS.sh": (*FEW, "--channels", "2", "--cells", "1"),
    "bash scripts-search/NASNet-space-search-by-GDAS.sh": (*FEW, "--channels", "4", "--cells", "1"),
    "bash scripts/retrain-searched-net.sh": (*FEW, "--channels", "4", "--cells", "1", "--auxiliary", "0"),
    "bash scripts-search/NATS/search-size.sh": (*FEW, "--fraction", "0.2"),
    "bash scripts-search/NAS-Bench-201/train-a-net.sh": ("--epochs", "1", "--channels", "2", "--cells", "1"),
    "nasreplay search gdas --evaluator supernet --dataset digits": ("--fraction", "0.1", "--seed", "1"),
    "nasreplay search rea --evaluator supernet": ("--evaluations", "3", "--fraction", "0.1", *THREAD),
    "nasreplay search rea --evaluator scratch": ("--channels", "2", "--cells", "1", "--evaluations", "3"),
    "nasreplay search gdas --evaluator supernet --space size": FEW,
    "nasreplay search tas": FEW,
    "nasreplay search snas": FEW,
    "nasreplay search darts-v1 --evaluator supernet --space": (*FEW, "--channels", "4"),
    "nasreplay search darts-v1": (*FEW, "--fraction", "0.1"),
    "nasreplay train": ("--epochs", "1", "--channels", "2", "--cells", "1"),
    "nasreplay resume": (),
    "nasreplay gap": ("--sample", "5"),
    "nasreplay tabulate --run": ("--sample", "5"),
    "nasreplay tabulate --dataset cifar10": (),
    "nasreplay replay gdas random": ("--replicas", "2", "--jobs", "1"),
}


def command_lines(page: str) -> list[str]:
    """The indented command lines, and those in the text that name a data set."""
    text = (CHECKOUT / "docs" / f"{page}.md").read_text().replace("\\\n", " ")
    found = re.findall(
        r"^    ((?:nasreplay|bash) .*)$|`(nasreplay [^`…]* --dataset[^`…]*)`", text, flags=re.MULTILINE
    )
    return [" ".join((line or inline).split()) for line, inline in found]


@pytest.fixture
def call(run, written):
    """Run a command line of a page as this test makes it small."""

    def call(line: str) -> list[str]:
        more = next((more for start, more in SMALL.items() if line.startswith(start)), None)
        assert more is not None, f"no small form is known for: {line}"
        for name, here in NAMES.items():
            line = re.sub(rf"(?<=\s){re.escape(name)}(?=\s|$)", shlex.quote(here), line)
        every = written([*shlex.split(line), *more])
        assert every
        return [run(*one).out for one in every]

    return call


def test_every_command_of_live_search(call):
    own = (
        "photos",
        "AID_50",
    )  # images of the reader's own: tests/train/test_split_lists.py and test_streamed_searches.py have some
    lines = [line for line in command_lines("live-search") if not any(name in line for name in own)]
    assert len(lines) >= 6
    for line in lines:
        if "resume" in line:
            line = line.replace("DIR", "it")
            sizes = "--epochs 1 --channels 4 --cells 1 --out it"
            call(f"nasreplay search gdas --evaluator supernet --dataset digits {sizes}")
        assert all(call(line)), line


def test_every_command_of_train(call):
    lines = command_lines("train")
    assert len(lines) == 3
    for line in lines:
        assert all("%" in told for told in call(line)), line


def test_every_command_of_gap(call):
    call("bash scripts-search/algos/GDAS.sh cifar10 1 -1 --out run")
    lines = command_lines("gap")
    assert len(lines) == 3
    call("nasreplay tabulate --dataset cifar10 --out whole.h5")
    for line in lines:  # some cells are no table to search on: a whole one stands in
        assert all(call(re.sub("^(nasreplay replay .*)shared.h5", r"\1whole.h5", line))), line
    assert json.loads(Path("run/run.json").read_text())["evaluator"]["dataset"] == "cifar10"
