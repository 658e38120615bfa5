#!/usr/bin/env python3
"""CNAS: curriculum search on CIFAR-10 (`search.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from cnas.model.genotypes import DARTS_SPACE
from program import IN_MEMORY, LINES, Flag, Given, Program, images, run

from nasreplay.errors import BadSetting

FIRST = 96  # images of --debug
TRAINING = 50_000


def order(given: Given) -> list[object]:
    """The operations as the original orders them: the first of the list, the others permuted by the seed."""
    import torch

    if given.seed < 0:
        return []
    first, *others = DARTS_SPACE
    permuted = torch.randperm(len(others), generator=torch.Generator().manual_seed(given.seed)).tolist()
    return [".order=" + ",".join([first, *(others[place] for place in permuted)])]


def stages(given: Given) -> int:
    """Number of stages: each opens an operation or a node more."""
    return {"CNAS_OP": given.n_ops, "CNAS_NODE": given.n_nodes, "CNAS_FIX": 1}[given.mode]


def command(given: Given) -> list[object]:
    """The search, in a space that grows or in the whole one."""
    searcher = "curriculum-fixed" if given.mode == "CNAS_FIX" else "curriculum"
    return ["search", searcher, "--evaluator", "supernet", "--space", "nasnet-cnas", "--dataset", "cifar10"]


def growth(given: Given) -> list[object]:
    """What grows, and for how many epochs."""
    grown = {"CNAS_OP": [".grow=operations", *order(given)], "CNAS_NODE": [".grow=nodes"], "CNAS_FIX": []}[
        given.mode
    ]
    epochs = given.epochs_for_warmup + given.epoch_per_stage
    if epochs < 1:
        raise BadSetting("--epoch_per_stage and --epochs_for_warmup: a stage needs an epoch")
    if given.n_ops < len(DARTS_SPACE) and given.mode != "CNAS_NODE":
        grown.append(f".end_ops={given.n_ops}")
    return [*grown, "--epochs", epochs * stages(given), f".warmup={given.epochs_for_warmup / epochs}"]


def remarks(given: Given) -> list[str]:
    """What is refused, as it means nothing."""
    if given.loose_end:
        raise BadSetting("--loose_end is not implemented in the original either: leave it out")
    if not 1 <= given.n_ops <= len(DARTS_SPACE):
        raise BadSetting(f"--n_ops {given.n_ops}: there are {len(DARTS_SPACE)} operations")
    return []


PROGRAM = Program(
    __doc__ or "",
    command,
    [
        Flag("-o --output_directory", "", "--out", "the run folder, new"),
        Flag("--mode", "CNAS_OP", growth, "what grows", known=("CNAS_OP", "CNAS_NODE", "CNAS_FIX")),
        Flag("--search_space", "DARTS_SPACE", about="the operations", known=("DARTS_SPACE",)),
        Flag("--data", ".data", lambda given: images(given, ".data", True), "folder of CIFAR-10"),
        Flag("--train_portion", 0.4, "--train-portion"),
        Flag("--batch_size", 96, "--batch"),
        Flag(
            "--epochs_for_warmup", 20, about="epochs at the start of each stage that train the weights only"
        ),
        Flag("--epoch_per_stage", 40, about="all other epochs of a stage"),
        Flag(
            "--master_start_traning_epoch --master_start_training_epoch",
            0,
            inert="it rests in the warm-up",
        ),
        Flag(
            "--update_w_force_uniform",
            False,
            lambda given: [".train_on=uniform"] * given.update_w_force_uniform,
            "weights learn on uniform samples always",
        ),
        Flag("--arch_learning_rate", 0.01, "recipe.LR", "of the shared weights"),
        Flag("--arch_momentum", 0.9, "recipe.momentum"),
        Flag("--arch_weight_decay", 3e-4, "recipe.decay"),
        Flag("--controller_learning_rate", 3e-4, ".learning_rate"),
        Flag("--controller_weight_decay", 5e-4, ".weight_decay"),
        Flag("--entropy_coeff", 0.005, ".entropy"),
        Flag("--grad_clip", 5.0, ".gradient_clip", "of the controller"),
        Flag("--baseline_moving_gamma", 0.99, ".gamma"),
        Flag("--n_nodes", 4, "--nodes"),
        Flag("--n_ops", 8, about="operations, the first of the order"),
        Flag("--init_channels", 16, "--channels"),
        Flag("--layers", 8, "--layers"),
        Flag("--multiplier", 4, about="nodes of a cell's output: all", known=(4,)),
        Flag("--stem_multiplier", 3, known=(3,)),
        Flag("--loose_end", False),
        Flag("--hidden_size", 128, ".hidden"),
        Flag("--temperature", 0.0, ".temperature", "0: none"),
        Flag("--tanh_constant", 0.0, ".tanh_constant", "0: none"),
        Flag("--op_tanh_reduce", 0.0, ".op_tanh_reduce", "0: none"),
        Flag("--seed", 2020, "--seed"),
        Flag(
            "--debug", False, lambda given: ["--fraction", FIRST / TRAINING] * given.debug, "with 96 images"
        ),
        Flag("--num_workers", 2, inert=IN_MEMORY),
        Flag("--report_freq", 50.0, inert=LINES),
    ],
    lambda given: ("--training", "CURRICULUM"),
    remarks,
)

if __name__ == "__main__":
    run(PROGRAM)
