#!/usr/bin/env python3
"""Sparse CNAS: train a genotype (`train_cnn.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import LINES, Flag, Given, Program, architecture, folder, run
from train_search import DATASETS, DEAD, data

ALIASES = {"DARTS": "DARTS_MORE_V1"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adamax", "adabound": "AdaBound"}
SEARCH = "it is of the search"


def command(given: Given) -> list[object]:
    """The training; the original calls one of its own cells DARTS."""
    dataset = {"imagenet": "imagenet-1k"}.get(given.train_dataset, given.train_dataset)
    return ["retrain", *architecture(given, **ALIASES), "--dataset", dataset, "--dialect", "sparse"]


def recipe(given: Given) -> tuple[str, str]:
    """The shipped recipe of the data set: cosine for CIFAR, else steps."""
    kinds = {"cifar10": "CIFAR", "cifar100": "CIFAR", "imagenet": "IMAGENET"}
    return "--recipe", f"SPARSE-{kinds.get(given.train_dataset, 'OTHER')}"


def here(given: Given) -> list[object]:
    """The run folder."""
    return folder("logs/eval/{arch}/{train_dataset}/eval-{save}-{time}", given)


def devices(given: Given) -> list[object]:
    """The one with most free memory, if it is not on all."""
    return [] if given.multi_gpus else ["--device", "free"]


def optimizer(given: Given) -> list[object]:
    """The optimizer, where it is not the recipe's."""
    return [f"recipe.optim={OPTIMIZERS[given.opt]}"] * (given.opt != "sgd")


def remarks(given: Given) -> list[str]:
    """What is told of the optimizer."""
    return ["--opt adam: it is Adamax, as in the original"] * (given.opt == "adam")


PROGRAM = Program(
    __doc__ or "",
    command,
    [
        Flag("--train-dataset", "cifar10", about="the images", known=(*DATASETS, "imagenet")),
        Flag("--data", "../data/cifar10", data, "folder of the images"),
        Flag("--arch", "DARTS", about="a name of nasreplay zoo, or a file with a genotype"),
        Flag("--epochs", 200, "recipe.epochs"),
        Flag("--batch-size", 128, "--batch"),
        Flag("--init-channels", 36, "--channels", "48 for food101, 50 for imagenet"),
        Flag("--layers", 20, "--layers"),
        Flag("--learning-rate", 0.001, "recipe.LR"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight-decay", 5e-4, "recipe.decay", "3e-5 for imagenet"),
        Flag("--opt", "sgd", optimizer, known=tuple(OPTIMIZERS)),
        Flag("--gamma", 0.97, "recipe.gamma", "not for CIFAR"),
        Flag("--decay-period", 1, "recipe.decay_period", "not for CIFAR"),
        Flag("--label-smooth", 0.1, "recipe.label_smooth", "from 50 classes on"),
        Flag("--grad-clip", 5.0, "recipe.gradient_clip"),
        Flag("--auxiliary", False, lambda given: ["--auxiliary", given.auxiliary_weight * given.auxiliary]),
        Flag("--auxiliary-weight --auxuliary-weight", 0.4, about="weight of --auxiliary"),
        Flag("--cutout", False, lambda given: ["--cutout", given.cutout_length * given.cutout]),
        Flag("--cutout-length", 16, about="side of --cutout"),
        Flag("--drop-path-prob", 0.05, "--drop-path", "0 for imagenet"),
        Flag("--no-dropout", False, lambda given: ["--drop-path", 0] * given.no_dropout),
        Flag("--multi-gpus", False, devices, "on all visible GPUs"),
        Flag("--seed", 0, "--seed"),
        Flag("--save", "EXP", here, "part of the run folder's name"),
        Flag("--resume", "", about="a run folder, or a file of one"),
        Flag("--num-classes", 10, inert="the data set has them"),
        Flag("--start-epoch", 0, inert="a run goes on where it was"),
        Flag("--report-freq", 50.0, inert=LINES),
        Flag("--model-path", "saved_models", inert=DEAD),
        Flag("--num-meta-node", 4, inert=SEARCH),
        Flag("--use-sparse", False, inert=SEARCH),
        Flag("--train-portion", 0.5, inert=SEARCH),
    ],
    recipe,
    remarks,
    lambda given: given.multi_gpus,
    forced={
        "food101": {"init_channels": 48},
        "imagenet": {"init_channels": 50, "weight_decay": 3e-5, "drop_path_prob": 0.0},
    },
)

if __name__ == "__main__":
    run(PROGRAM)
