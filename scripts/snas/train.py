#!/usr/bin/env python3
"""SNAS: train a two-input genotype on CIFAR-10 (`train.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import LINES, Flag, Given, Program, architecture, folder, gpu, images, run


def auxiliary(given: Given) -> list[object]:
    """The weight of the auxiliary head, 0 for none."""
    return ["--auxiliary", given.auxiliary_weight * given.auxiliary]


def network(arch: str, batch: int) -> list[Flag]:
    """The flags of what is trained or tested on CIFAR-10."""
    return [
        Flag("--arch", arch, about="a name of nasreplay zoo, a file with a genotype, or a run folder"),
        Flag("--data", "../data", lambda given: images(given, "../data", True), "folder of CIFAR-10"),
        Flag("--batch_size", batch, "--batch", "of all processes together"),
        Flag("--gpu", 0, gpu, "number of the GPU"),
        Flag("--init_channels", 36, "--channels"),
        Flag("--layers", 20, "--layers"),
    ]


def head() -> list[Flag]:
    """The flags of the auxiliary head."""
    return [
        Flag("--auxiliary", False, auxiliary, "with an auxiliary head"),
        Flag("--auxiliary_weight", 0.4, about="weight of --auxiliary"),
    ]


def learning(epochs: int, rate: float, decay: float, drop_path: float, name: str) -> list[Flag]:
    """The flags of how it is trained; name: of the run folder, as `folder` makes it."""
    return [
        Flag("--epochs", epochs, "recipe.epochs"),
        Flag("--learning_rate", rate, "recipe.LR"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight_decay", decay, "recipe.decay"),
        Flag("--grad_clip", 5.0, "recipe.gradient_clip"),
        Flag("--drop_path_prob", drop_path, "recipe.drop_path_prob"),
        Flag("--seed", 0, "--seed"),
        Flag("--report_freq", 50.0, inert=LINES),
        Flag("--save", "EXP", lambda given: folder(name, given)),
    ]


def program(about: str | None, arch: str, form: str) -> Program:
    """A training on CIFAR-10; form: of the genotype of a search, whose run folder --arch may be, too."""

    def command(given: Given) -> list[object]:
        searched = ["--form", form] if Path(given.arch).exists() else []
        return ["retrain", *architecture(given), "--dataset", "cifar10", "--dialect", "snas", *searched]

    return Program(
        about or "",
        command,
        [
            *network(arch, 96),
            *head(),
            *learning(600, 0.025, 3e-4, 0.2, "runs/eval-{save}-{time}-{arch}"),
            Flag("--cutout", False, lambda given: ["--cutout", given.cutout_length * given.cutout]),
            Flag("--cutout_length", 16, about="side of --cutout"),
            Flag("--model_path", "saved_models", inert="the run folder has the weights"),
        ],
        lambda given: ("--recipe", "SNAS-CIFAR"),
    )


PROGRAM = program(__doc__, "SNAS_mild", "two-input")

if __name__ == "__main__":
    run(PROGRAM)
