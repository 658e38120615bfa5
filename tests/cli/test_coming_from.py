"""Every command of ours in docs/coming-from.md runs, made small, on made-up images or the embedded table."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.command import CHECKOUT
from tests.support.query_tables import write_widths

pytestmark = pytest.mark.slow

PAGE = CHECKOUT / "docs" / "coming-from.md"
CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
GENOTYPE = "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], normal_concat=[2], reduce=None)"

# what stands on the page → what it is here; several processes are one, and all images are made up
HERE = {
    "ARCH": shlex.quote(CELL),
    "cifar100": "cifar10",
    "(tiny-imagenet-200|AID_50|leaf|nas_eval_hard_sport)": "cifar10",
    "A B C D": "GDAS_V1 SETN DARTS CNAS",
    "snas.samples=8": "snas.samples=1",  # of eight processes
    r"torchrun --nproc-per-node=\d+ -m nasreplay": "nasreplay",
}
LIVE = ("--epochs", "1", "--batch", "20", "--threads", "1", "--fraction", "0.15")
FEW = {  # of what a searcher otherwise asks thousands of times
    "enas": "updates=1 samples=2 final_candidates=2",
    "setn": "candidates=2",
    "rsps": "candidates=2",
    "curriculum": "derive_samples=2 hidden=4",
    "slnas": "controller_steps=2 valid_samples=2 final_samples=2 hidden=4",
    "slnas-ga": "population=4 elite=2 generations=1 valid_samples=2 final_samples=2",
}


def cells() -> list[list[str]]:
    """The rows of the page's tables: there, here, what differs."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if row[0] not in ("there", "---") and not row[0].startswith("---")]


def commands() -> list[str]:
    """Those of the second column, each once."""
    found = {}
    for row in cells():
        for line in re.findall("`([^`]*)`", row[1]):
            for there, here in HERE.items():
                line = re.sub(rf"(?<!\S){there}(?!\S)", lambda _, here=here: here, line)
            found[line] = None
    return list(found)


def around(words: Sequence[str]) -> tuple[str, str]:
    """What makes a network small."""
    slnas = any("slnas" in word.lower() or word.startswith("[[") for word in words)
    return ("--blocks", "[1]") if slnas else ("--cells", "1")


def smaller(words: Sequence[str]) -> list[str]:
    """A command of nasreplay with what makes it small."""
    match words:
        case ["search", _, *rest] if "supernet" not in rest:
            return [*words, "--evaluations", "3"]
        case ["search", name, *_]:
            cells = ("--layers", "3") if "--layers" in words else around(words)
            few = [word for each in FEW.get(name, "").split() for word in ("--set", f"{name}.{each}")]
            size = () if name in ("tas", "mask-gumbel", "mask-rl") else ("--channels", "4", *cells)
            return [*words, *LIVE, *size, *few]
        case ["retrain", *rest]:
            files = ("--side", "32", "--workers", "0") if "imagenet-1k" in rest else ()
            small = (
                "--batch",
                "8",
                "--channels",
                "8",
                *around(words),
                "--auxiliary",
                "0",
            )  # two batches learn
            return [*words, *LIVE, *small, *files]
        case ["evaluate", *rest]:
            files = ("--side", "32", "--workers", "0") if "imagenet-1k" in rest else ()
            return [*words, "--channels", "8", "--cells", "1", "--fraction", "0.15", *files]
        case ["train", *_]:
            return [*words, "--epochs", "1", "--channels", "2", "--cells", "1"]
        case ["tabulate", *rest] if "scratch" in rest:
            size = () if "size" in rest else ("--channels", "2", "--cells", "1")
            return [*words, *LIVE, *size, "--sample", "41", "--shard", "1/41", "--trial", "777"]
        case _:
            return list(words)


def prepare(line: str, run) -> None:
    """What a command takes as given: files and runs of the reader's."""
    words = line.split()
    if "mine.txt" in words:
        Path("mine.txt").write_text(GENOTYPE)
    if "NATS-sss.h5" in words:
        write_widths(Path("NATS-sss.h5"))
    if "RUN" in words:
        search = "search darts-v1 --evaluator supernet --space nasnet --dataset digits --out RUN"
        run(*smaller(search.split()), "--fraction", "0.02")
    if "--merge" in words:
        for part, name in ((1, "part.h5"), (2, "other.h5")):
            run("tabulate", "--sample", "8", "--seed", "1", "--shard", f"{part}/2", "--out", name)
    if "evaluate" in words:
        at = words.index("--weights")
        trained = ["retrain", *words[2:at], *words[at + 2 :]]
        run(*smaller(trained), "--out", words[at + 1])
    for word in words:
        if "/derive/" in word:
            Path(word).parent.mkdir(parents=True)
            Path(word).write_text(json.dumps({"derived_acc": 0.5, "arch": GENOTYPE}))
        if word.endswith("seed-945-basic.pth"):
            search = "search gdas --evaluator supernet --dataset cifar10 --space nasnet-gdas --seed 945"
            run(*smaller(search.split()))
            assert Path(word).exists()


def test_the_page_is_read():
    assert len(cells()) > 60
    assert all(len(row) == 3 for row in cells()), [row for row in cells() if len(row) != 3]
    assert all(row[1] == "–" or "`" in row[1] for row in cells())
    assert all(row[2] for row in cells() if row[1] == "–"), "what has no equivalent says so"
    assert len(commands()) > 40


@pytest.mark.parametrize("line", commands())
def test_a_command_runs(line, run, written):
    prepare(line, run)
    every = written(shlex.split(line))
    assert every
    for words in every:
        assert run(*smaller(words)).out
