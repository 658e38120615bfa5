#!/usr/bin/env python3
"""SLNAS: train an architecture on an image folder (`retrainer.py` of the author)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from pipeline import CIFAR, DEAD, FOLDER, TRUTHS, classes, common, heads, here, large, warm_restarts
from program import Flag, Given, Program, run


def program(about: str | None, small: bool = False) -> Program:
    """A training; small: with the defaults of CIFAR, else of image folders."""

    def command(given: Given) -> list[object]:
        return ["retrain", given.arch]

    usual = (CIFAR, 10, 32, 32, "[4,4]", 2) if small else (FOLDER, 30, 32, 32, "[2,2]", 1)
    others = [
        Flag("--child_use_aux_heads", "true", heads, known=TRUTHS),
        Flag("--child_lr_min", 1e-3, inert=DEAD),
        *warm_restarts(),
    ]
    return Program(
        about or "",
        command,
        [
            Flag(
                "--arch",
                "SLNAS_default_prob",
                about="[[20 integers], [20 integers]], a name of nasreplay zoo, or a file",
            ),
            *common(*usual),
            Flag("--epochs", 600, "recipe.epochs"),
            Flag("--drop_prob", 0.35 if small else 0.5, "--drop-path"),
            Flag("--grad_clip", 5.0, "recipe.gradient_clip"),
            *(others if small else []),
            here("retrain"),
        ],
        lambda given: ("--recipe", large(given, "SLNAS-CIFAR", "SLNAS-IMAGENET")),
        classes,
    )


PROGRAM = program(__doc__)

if __name__ == "__main__":
    run(PROGRAM)
