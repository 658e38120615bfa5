"""`seed-0777.pth`: what AutoDL-Projects' train-a-net leaves of one seed, of plain values that load with weights_only.

{"info": text, "all_dataset_keys": names, NAME: result}, a result for each data set. Epochs count from 0, and those of
an evaluation set are called "SET@EPOCH"; sizes are in millions, accuracies in percent.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nasreplay._version import __version__
from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.train.foreign.autodl_checkpoint import load_foreign

NUMBERS = {"losses": "loss", "acc1es": "top1", "acc5es": "top5", "times": "seconds"}
"""What the numbers of an epoch are called there → here."""
SIZES = {"channel": "channels", "num_cells": "cells"}
"""What the sizes of a network are called there → here; not every network has both."""


def add_to_seed_file(network: nn.Module, path: Path, side: int, facts: Mapping[str, Any]) -> None:
    """Write a training into the file, beside what that holds of other data sets. Raises BadOutput.

    facts: the training's result as JSON values.
    """
    content, name = held_trainings(path), facts["dataset"]
    keys = [*content["all_dataset_keys"], *([name] if name not in content["all_dataset_keys"] else [])]
    info = f"nasreplay {__version__}, PyTorch {torch.__version__}"
    content |= {"info": info, "all_dataset_keys": keys, name: _result(network, facts)}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())


def held_trainings(path: Path) -> dict[str, Any]:
    """The contents of a file that is there, else of one without a training. Raises BadOutput for another file."""
    if not path.exists():
        return {"all_dataset_keys": []}
    try:
        content = load_foreign(path)
    except BadInput as problem:
        raise BadOutput(f"--export {problem}; choose another name") from None
    keys = content.get("all_dataset_keys") if isinstance(content, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in content for key in keys):
        raise BadOutput(
            f"--export {path}: holds something else than trainings of data sets; choose another name"
        )
    return content


def _result(network: nn.Module, facts: Mapping[str, Any]) -> dict[str, Any]:
    epochs, sizes = facts["epochs"], facts.get("network", facts)
    trained = {
        f"train_{theirs}": {epoch["epoch"] - 1: epoch["train"][ours] for epoch in epochs}
        for theirs, ours in NUMBERS.items()
    }
    evaluated = {
        f"valid_{theirs}": {
            f"{name}@{epoch['epoch'] - 1}": score[ours]
            for epoch in epochs
            for name, score in epoch["sets"].items()
        }
        for theirs, ours in NUMBERS.items()
    }
    return {
        "flop": facts["multiply_adds"] / 1e6,
        "param": facts["parameters"] / 1e6,
        **{theirs: sizes[ours] for theirs, ours in SIZES.items() if ours in sizes},
        "arch_str": facts["architecture"],
        "seed": facts["seed"],
        "config": facts["recipe"],
        "total_epoch": facts["recipe"]["epochs"],
        **trained,
        **evaluated,
        "net_state_dict": {key: values.detach().cpu() for key, values in network.state_dict().items()},
        "net_string": str(network),
        "finish-train": True,
    }
