#!/usr/bin/env python3
"""SLNAS: search cells on an image folder (`train_search.py` of the author)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from pipeline import CIFAR, FOLDER, TRUTHS, classes, common, heads, here, large, seen, warm_restarts
from program import Flag, Given, Program, run


def batches(given: Given) -> list[object]:
    """Images of a batch; the controller learns by twice as many of an image folder."""
    double = [f"recipe.arch_batch={2 * given.batch_size}"] if seen(given).large else []
    return ["--batch", given.batch_size, *double]


def first_head(given: Given) -> list[object]:
    """The auxiliary heads: on image folders the first one alone counts."""
    return heads(given) or (["--auxiliary-heads", "first"] if seen(given).large else [])


def program(about: str | None, searcher: str = "slnas", small: bool = False) -> Program:
    """A search; small: with the defaults of CIFAR, else of image folders."""

    def command(given: Given) -> list[object]:
        return ["search", searcher, "--evaluator", "supernet", "--space", "slnas"]

    def controller(name: str, default: float) -> Flag:
        why = "" if searcher == "slnas" else "the genetic search has no controller"
        return Flag(f"--{name}", default, "" if why else f".{name}", inert=why)

    least = (
        Flag("--child_lr_min", 5e-4, inert="the cosine ends at 0")
        if small
        else Flag("--child_lr_min", 1e-4, "recipe.eta_min")
    )
    usual = (CIFAR, 10, 96, 48, "[4,4]", 2) if small else (FOLDER, 8, 32, 16, "[1,1]", 2)
    flags = [flag for flag in common(*usual) if flag.name != "batch_size"]
    return Program(
        about or "",
        command,
        [
            *flags,
            Flag("--batch_size", usual[2], batches),
            Flag("--epochs", 150, "--epochs"),
            Flag("--droppath", 0.35, "--drop-path"),
            Flag("--child_use_aux_heads", "true", first_head, known=TRUTHS),
            controller("controller_lr", 3.5e-5 if small else 3.5e-4),
            controller("entropy_weight", 1e-4),
            controller("bl_dec", 0.95),
            least,
            *warm_restarts(),
            here("search"),
        ],
        lambda given: ("--training", large(given, "SLNAS-SEARCH", "SLNAS-SEARCH-IMAGENET")),
        classes,
    )


PROGRAM = program(__doc__)

if __name__ == "__main__":
    run(PROGRAM)
