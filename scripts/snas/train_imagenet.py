#!/usr/bin/env python3
"""SNAS: train a genotype on ImageNet (`train_imagenet.py` of the authors)."""

import math

from train import Flag, Given, Program, architecture, gpu, head, learning, run


def warm_up(given: Given) -> list[object]:
    """Each epoch has a multiple of the rate of the one before, until --learning_rate is reached."""
    if not given.warm_start:
        return []
    epochs = math.log(given.learning_rate / given.warm_start_lr, given.warm_start_gamma)
    return [f"recipe.warmup={round(epochs)}", f"recipe.warmup_start={given.warm_start_lr}"]


PROGRAM = Program(
    __doc__ or "",
    lambda given: ["retrain", *architecture(given), "--dataset", "imagenet-1k", "--dialect", "snas"],
    [
        Flag("--arch", "SNAS_moderate", about="a name of nasreplay zoo, or a file with a genotype"),
        Flag("--data", "", "--data", "folder with train/CLASS and val/CLASS"),
        Flag("--batch_size", 128, "--batch", "of all processes together"),
        Flag("--gpu", 0, gpu, "number of the GPU"),
        Flag("--init_channels", 50, "--channels"),
        Flag("--layers", 14, "--layers"),
        *head(),
        *learning(250, 0.1, 3e-5, 0.0, "runs/eval_imagenet-{save}-{time}-{arch}-{remark}"),
        Flag("--label_smooth", 0.1, "recipe.label_smooth"),
        Flag("--gamma", 0.97, "recipe.gamma"),
        Flag("--decay_period", 1, "recipe.decay_period"),
        Flag("--warm_start", False, warm_up, "begin with a small rate"),
        Flag("--warm_start_lr", 0.001, about="the first rate of --warm_start"),
        Flag("--warm_start_gamma", 10**0.1, about="its factor an epoch"),
        Flag("--warm_up_learning_rate", 0.1, inert="the original reads it nowhere"),
        Flag("--port", 23333, inert="the launcher chooses it"),
        Flag("--remark", "none", about="what else is in the name of the run folder"),
    ],
    lambda given: ("--recipe", "SNAS-IMAGENET"),
)

if __name__ == "__main__":
    run(PROGRAM)
