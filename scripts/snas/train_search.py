#!/usr/bin/env python3
"""SNAS: search cells on CIFAR-10 (`train_search.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import LINES, Flag, Given, Program, folder, gpu, images, processes, run

from nasreplay.errors import BadSetting
from nasreplay.search.parts.penalty import WEIGHTS

METHODS = ("policy_gradient", "reparametrization", "discrete", "none")
TERMS = {"flops": "multiply-adds", "mac": "traffic"}
UNSET = 1e10  # the original's mark for "by method"
DEAD = "the original reads it nowhere"
DEAD_SWITCHES = ("unrolled", "fix_temp", "normalization", "running_mean_var", "edge_reward")
DEAD_SWITCHES += ("enas_reward", "enas_reward_norm", "resource_sche")
DEAD_NUMBERS = {"ema_eta": 1e-3, "lambda_constant": 1e-4, "slope_flag": 0.05, "mavg_alpha": 0.5}
DEAD_NUMBERS |= {"epoch_flag_add": 45.0, "epoch_flag_rm": 90.0}
CREDITS = (
    "edge_reward_norm",
    "edge_reward_norm_mean_0",
    "prox_policy_opt",
    "prox_policy_epi",
    "add_entropy_loss",
)
STILL = 1e-30  # a rate by which nothing moves


def command(given: Given) -> list[object]:
    """The search; all training images train, and the test images validate, as in the original."""
    where = ["--evaluator", "supernet", "--space", "nasnet", "--dataset", "cifar10", "--valid-on", "test"]
    return ["search", "snas", *where]


def temperature(given: Given) -> list[object]:
    """It falls over 150 epochs, as in the original, and only when it is to anneal."""
    last = given.temp_min if given.temp_annealing else given.temp
    epochs = "0" if given.temp_epochs == "auto" else given.temp_epochs
    return [f".temperature_start={given.temp}", f".temperature_end={last}", f".temperature_epochs={epochs}"]


def resources(given: Given) -> list[object]:
    """The resource penalty, of weight 0 where it is computed only."""
    if not given.resource_efficient:
        return []
    form, method = "log" if given.log_penalty else "linear", given.method.replace("_", "-")
    weight = WEIGHTS.get((method, form), 0.0) if given.resource_lambda == UNSET else given.resource_lambda
    released = "-released" if method == "policy-gradient" and given.pg_variant == "original" else ""
    settings = {
        "resource_weight": weight if given.loss else 0.0,
        "resource_method": method + released,
        "resource_form": form,
        "resource_terms": TERMS.get(given.separation, given.separation),
        "resource_norm": given.resource_norm,
        "resource_ratio": given.ratio,
        "resource_baseline": int(given.minus_baseline and method.startswith("policy")),
    }
    return [f".{name}={value}" for name, value in settings.items()]


def samples(given: Given) -> list[object]:
    """Each process draws samples of its own, each of which has a micro-batch."""
    number = given.nsample * processes()
    return [f".samples={number}", *(["--micro-batches", number] if number > 1 else [])]


def resting(given: Given) -> list[object]:
    """Logits that don't learn."""
    return [f".learning_rate={STILL}"] if given.random_sample_fix_temp else []


def uniform(given: Given) -> list[object]:
    """Equal logits that don't learn, of which single paths are drawn."""
    return [".estimator=hard", ".logit_std=0", f".learning_rate={STILL}"] if given.random_sample else []


def pretrained(given: Given) -> list[object]:
    """First epochs of uniform single paths."""
    epochs = given.random_sample_pretrain_epoch
    return [f".pretrain={epochs}"] if given.random_sample_pretrain else []


def frozen(given: Given) -> list[object]:
    """Weights that don't learn."""
    return [f"recipe.LR={STILL}", "recipe.eta_min=0"] if given.fix_weight else []


def credits(given: Given) -> list[object]:
    """How the single-path mode rewards edges."""
    if not given.dsnas:
        return []
    norm = "mean_0" if given.edge_reward_norm_mean_0 else "mean_std" if given.edge_reward_norm else "none"
    clip = given.prox_policy_epi if given.prox_policy_opt else 0.0
    entropy = "released" if given.add_entropy_loss else "none"
    return [f".edge_reward_norm={norm}", f".proximal={clip}", f".entropy_loss={entropy}"]


def recomputed(given: Given) -> list[object]:
    """All cells, or none."""
    return ["--checkpoint-cells"] if given.use_ckpt and given.ckpt_false_list != "all" else []


def remarks(given: Given) -> list[str]:
    """What is told of flags that were given together."""
    if not (given.snas or given.dsnas):
        raise BadSetting("--snas or --dsnas: the search needs one of them")
    told = []
    if given.resource_efficient and not given.loss:
        told.append("--resource_efficient without --loss: the resource loss is logged, and teaches nothing")
    if given.minus_baseline and given.method != "policy_gradient":
        told.append("--minus_baseline has no effect: it is of --method policy_gradient")
    if given.distributed and processes() == 1:
        told.append("--distributed: one process was started; torchrun starts several")
    told += [
        f"--{name} has no effect: without --dsnas"
        for name in CREDITS
        if name in given.told and not given.dsnas
    ]
    if given.ckpt_false_list not in ("[]", "all"):
        told.append("--ckpt_false_list has no effect: all cells are computed again")
    return told


PROGRAM = Program(
    __doc__ or "",
    command,
    [
        Flag("--snas", False, about="relaxed samples; this or --dsnas is needed"),
        Flag("--dsnas", False, lambda given: [".estimator=dsnas"] * given.dsnas, "single paths"),
        Flag("--data", "../data", lambda given: images(given, "../data", True), "folder of CIFAR-10"),
        Flag("--seed", 2, "--seed"),
        Flag("--gpu", 0, gpu, "number of the GPU"),
        Flag("--epochs", 150, "--epochs"),
        Flag("--batch_size", 64, "--batch", "of all processes together"),
        Flag("--learning_rate", 0.025, "recipe.LR"),
        Flag("--learning_rate_min", 0.001, "recipe.eta_min"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight_decay", 3e-4, "recipe.decay"),
        Flag("--grad_clip", 5.0, "--clip"),
        Flag("--arch_learning_rate", 3e-4, ".learning_rate"),
        Flag("--arch_weight_decay", 1e-3, ".weight_decay"),
        Flag("--init_channels", 16, "--channels"),
        Flag("--layers", 8, "--layers"),
        Flag("--bn_affine", False, lambda given: ["--affine", given.bn_affine]),
        Flag("--cutout", False, lambda given: ["--cutout", given.cutout_length] * given.cutout),
        Flag("--cutout_length", 16, about="side of --cutout"),
        Flag("--drop_path_prob", 0.3, "--drop-path"),
        Flag("--auxiliary", False, lambda given: ["--auxiliary", given.auxiliary_weight] * given.auxiliary),
        Flag("--auxiliary_weight", 0.4, about="weight of --auxiliary"),
        Flag("--save", "EXP", lambda given: folder("runs/search-{save}-{time}-{remark}", given)),
        Flag("--remark", "none", about="what else is in the name of the run folder"),
        # the distribution
        Flag("--temp", 1.0, temperature, "first temperature"),
        Flag("--temp_min", 0.03, about="last temperature of --temp_annealing"),
        Flag("--temp_annealing", False, about="let it fall"),
        Flag("--temp_epochs", "150", about="over so many epochs; auto: those of the search"),
        Flag("--nsample", 1, samples, "samples of a step and process"),
        Flag("--loc_mean", 1.0, ".logit_mean"),
        Flag("--loc_std", 0.01, ".logit_std"),
        # the resource loss
        Flag("--resource_efficient", False, resources, "compute the resource loss"),
        Flag("--loss", False, about="learn from it, too"),
        Flag("--resource_lambda", UNSET, about="its weight; by method"),
        Flag("--method", "policy_gradient", known=METHODS),
        Flag("--separation", "all", known=("all", "size", "flops", "mac")),
        Flag("--log_penalty", False),
        Flag("--minus_baseline", False, about="of policy_gradient: counted from the average"),
        Flag("--pg_variant", "corrected", about="of policy_gradient", known=("corrected", "original")),
        Flag(
            "--resource_norm",
            "original",
            about="sums by 6 and 2, or by the cells",
            known=("original", "cells"),
        ),
        Flag("--ratio", 1.0, about="weight of reduction cells"),
        # the machine
        Flag("--distributed", False, about="the launcher says so here"),
        Flag("--port", 23333, inert="the launcher chooses it"),
        Flag("--use_ckpt", False, recomputed, "less memory, more time"),
        Flag("--ckpt_false_list", "[]", about="all: as without --use_ckpt; a list of cells has no effect"),
        Flag("--report_freq", 50.0, inert=LINES),
        Flag("--fix_seedcudnn", False, inert="every run here is seeded"),
        # without effect
        Flag("--resample_layer", False, inert="all cells of a kind share their sample"),
        Flag("--random_sample", False, uniform, "uniform single paths; the logits stay"),
        Flag("--random_sample_fix_temp", False, resting, "the logits stay"),
        Flag("--random_sample_pretrain", False, pretrained, "uniform single paths at first, the logits stay"),
        Flag("--random_sample_pretrain_epoch", 50, about="for so many epochs"),
        Flag("--fix_weight", False, frozen, "the weights stay"),
        Flag("--alternate_update", False, inert="weights and logits learn from every mini-batch"),
        Flag("--edge_reward_norm", False, credits, "of --dsnas: standardize the rewards of edges"),
        Flag("--edge_reward_norm_mean_0", False, about="divide them only"),
        Flag("--prox_policy_opt", False, about="of --dsnas: clip the ratio of probabilities"),
        Flag("--prox_policy_epi", 0.2, about="its clip"),
        Flag("--add_entropy_loss", False, about="of --dsnas: add the entropy to the loss"),
        Flag("--gen_max_child", False, inert="the cell of the largest logits is measured in every epoch"),
        Flag("--gen_max_child_flag", False, inert="it is a state of the original, no option"),
        *(Flag(f"--{name}", False, inert=DEAD) for name in DEAD_SWITCHES),
        *(Flag(f"--{name}", value, inert=DEAD) for name, value in DEAD_NUMBERS.items()),
        Flag("--model_path", "saved_models", inert=DEAD),
    ],
    lambda given: ("--training", "SNAS-NASNet-CIFAR"),
    remarks,
)

if __name__ == "__main__":
    run(PROGRAM)
