#!/usr/bin/env python3
"""CNAS: train a genotype on CIFAR-10 or ImageNet (`eval_arch.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import LINES, Flag, Given, Program, architecture, images, processes, run

CLASSES = {"cifar10": 10, "imagenet": 1000}
SCHEDULES = {"cosine": "cosine", "linear": "linear-tail"}


def command(given: Given) -> list[object]:
    """The training."""
    dataset = given.dataset.replace("imagenet", "imagenet-1k")
    return ["retrain", *architecture(given), "--dataset", dataset, "--dialect", "cnas"]


def recipe(given: Given) -> tuple[str, str]:
    """The shipped recipe of the data set."""
    return "--recipe", "CNAS-CIFAR" if given.dataset == "cifar10" else "CNAS-IMAGENET"


def schedule(given: Given) -> list[object]:
    """How the learning rate falls; that of CIFAR's recipe is cosine, that of ImageNet's linear."""
    return [f"recipe.scheduler={SCHEDULES[given.scheduler]}"]


def length(given: Given) -> list[object]:
    """The epochs, of which ImageNet's recipe has fewer; a single one would be the last, of rate 0."""
    last = [f"recipe.eta_min={given.learning_rate_min}"] if given.max_epochs == 1 else []
    return [f"recipe.epochs={given.max_epochs}", *last]


def remarks(given: Given) -> list[str]:
    """What is told of a single epoch."""
    rate = "the only epoch has --learning_rate_min: the last one of the schedule would have 0"
    return [f"--max_epochs 1: {rate}"] * (given.max_epochs == 1)


def biases(given: Given) -> list[object]:
    """Whether biases are spared the decay; ImageNet's recipe spares them."""
    return [f"recipe.no_bias_decay={int(given.no_bias_decay)}"]


def smoothing(given: Given) -> list[object]:
    """0.1, divided among the other classes; nasreplay's is divided among all of them."""
    classes = CLASSES[given.dataset]
    smooth = 0.1 * classes / (classes - 1)
    return ["recipe.criterion=SmoothSoftmax", f"recipe.label_smooth={smooth}"] * given.label_smooth


def here(given: Given) -> list[object]:
    """The run folder."""
    return ["--out", given.output_directory] if given.output_directory else []


PROGRAM = Program(
    __doc__ or "",
    command,
    [
        Flag("-o --output_directory", "", here, "the run folder, new"),
        Flag("--arch", "DARTS", about="a name of nasreplay zoo or of cnas/model/genotypes.py, or a file"),
        Flag("--dataset", "cifar10", known=tuple(CLASSES)),
        Flag("--data", ".data", lambda given: images(given, ".data", False), "folder of the images"),
        Flag("--batch_size", 64, lambda given: ["--batch", given.batch_size * processes()], "of a process"),
        Flag("--max_epochs", 600, length),
        Flag("--learning_rate", 0.05, "recipe.LR"),
        Flag("--learning_rate_min", 0.001, "recipe.eta_min", "0 where it is not given"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight_decay", 3e-4, "recipe.decay"),
        Flag("--grad_clip", 5.0, "recipe.gradient_clip"),
        Flag("--scheduler", "cosine", schedule, known=tuple(SCHEDULES)),
        Flag("--warmup_epochs", 0, "recipe.warmup"),
        Flag("--label_smooth", False, smoothing),
        Flag("--no_bias_decay", False, biases),
        Flag(
            "--cutout_length",
            16,
            lambda given: ["--cutout", given.cutout_length] * (given.dataset == "cifar10"),
        ),
        Flag("--eval_size", 224, lambda given: ["--side", given.eval_size] * (given.dataset == "imagenet")),
        Flag("--init_channels", 36, "--channels"),
        Flag("--layers", 20, "--layers"),
        Flag("--auxiliary_weight", 0.4, "--auxiliary", "0: no head"),
        Flag("--drop_path_prob", 0.2, "--drop-path"),
        Flag("--seed", 2020, "--seed"),
        Flag("--resume", "", about="a run folder, or a file of one"),
        Flag(
            "--num_workers", 4, lambda given: ["--workers", given.num_workers] * (given.dataset == "imagenet")
        ),
        Flag("--report_freq", 50.0, inert=LINES),
    ],
    recipe,
    remarks,
    epochs="max_epochs",
)

if __name__ == "__main__":
    run(PROGRAM)
