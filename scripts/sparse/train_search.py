#!/usr/bin/env python3
"""Sparse CNAS: search cells by DARTS among its operations (`train_search.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import LINES, Flag, Given, Program, folder, images, run

DATASETS = ("cifar10", "cifar100", "tiny-imagenet", "tiny-imagenet200", "tiny-imagenet-200", "food101")
DEAD = "the original reads it nowhere"


def data(given: Given) -> list[object]:
    """The folder of the images, of which those of CIFAR are fetched."""
    return images(given, "../data/cifar10", given.train_dataset.startswith("cifar"))


def command(given: Given) -> list[object]:
    """DARTS of first or second order; sparse cells keep `none`, and their batch norms learn."""
    searcher = "darts-v2" if given.sec_approx else "darts-v1"
    sparse = ["--derive", "none", "--affine", 1] if given.use_sparse else ["--derive", "top2", "--affine", 0]
    return [
        "search",
        searcher,
        "--evaluator",
        "supernet",
        "--space",
        "nasnet-sparse",
        *sparse,
        "--device",
        "free",
    ]


def here(given: Given) -> list[object]:
    """The run folder."""
    return folder("logs/search/{arch}/search-{save}-{time}", given)


PROGRAM = Program(
    __doc__ or "",
    command,
    [
        Flag("--train-dataset", "cifar10", "--dataset", known=DATASETS),
        Flag("--data", "../data/cifar10", data, "folder of the images"),
        Flag("--num-meta-node", 4, "--nodes"),
        Flag("--use-sparse", False, about="keep `none`, with batch norms that learn"),
        Flag("--sec-approx", False, about="second order"),
        Flag("--epochs", 60, "--epochs", "50 for cifar100"),
        Flag("--batch-size", 32, "--batch"),
        Flag("--init-channels", 16, "--channels", "24 for cifar100"),
        Flag("--layers", 6, "--layers"),
        Flag("--image-channels", 3, about="colors", known=(3,)),
        Flag("--learning-rate", 0.025, "recipe.LR"),
        Flag("--learning-rate-min", 0.003, "recipe.eta_min"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight-decay", 3e-4, "recipe.decay"),
        Flag("--grad-clip", 5.0, "recipe.gradient_clip"),
        Flag("--arch-learning-rate", 3e-4, ".learning_rate"),
        Flag("--arch-weight-decay", 1e-3, ".weight_decay"),
        Flag("--train-portion", 0.5, "--train-portion"),
        Flag("--cutout", False, lambda given: ["--cutout", given.cutout_length] * given.cutout),
        Flag("--cutout-length", 16, about="side of --cutout"),
        Flag("--seed", 2, "--seed"),
        Flag("--arch", "DARTS", about="part of the run folder's name"),
        Flag("--save", "EXP", here, "part of it, too"),
        Flag("--resume", "", about="a run folder, or a file of one"),
        Flag("--start-epoch", 0, inert="a run goes on where it was"),
        Flag("--report-freq", 50.0, inert=LINES),
        Flag("--model-path", "saved_models", inert=DEAD),
        *(Flag(name, False, inert="it is of the evaluation") for name in ("--multi-gpus", "--auxiliary")),
        Flag("--auxiliary-weight --auxuliary-weight", 0.4, inert="it is of the evaluation"),
    ],
    lambda given: ("--training", "SPARSE-SEARCH"),
    forced={"cifar100": {"epochs": 50, "init_channels": 24}},
)

if __name__ == "__main__":
    run(PROGRAM)
