#!/usr/bin/env python3
"""SNAS: test trained weights of an all-edge genotype on CIFAR-10 (`test_edge_all.py` of the authors)."""

from train import Flag, Program, architecture, head, learning, network, run

TRAINING = "it is of a training"

PROGRAM = Program(
    __doc__ or "",
    lambda given: ["evaluate", *architecture(given), "--dataset", "cifar10", "--dialect", "snas"],
    [
        *network("SNAS_mild_edge_all", 64),
        Flag("--model_path", "saved_models", "--weights", "the file of the weights"),
        *(Flag(flag.names, flag.default, inert=TRAINING) for flag in learning(600, 0.025, 3e-4, 0.2, "")),
        *(Flag(flag.names, flag.default, about="the names of the weights say it") for flag in head()),
        Flag("--cutout", False, inert=TRAINING),
        Flag("--cutout_length", 16, inert=TRAINING),
    ],
)

if __name__ == "__main__":
    run(PROGRAM)
