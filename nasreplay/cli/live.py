"""Options that trainings share; they go with the settings of `nasreplay retrain`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the images. Default: $TORCH_HOME."
)
SPLIT = click.option(
    "--split-file", type=click.Path(path_type=Path), help="The official halves, where they are files."
)
PORTION = click.option(
    "--train-portion", type=float, help="Part of the training images that weights learn from."
)
FRACTION = click.option(
    "--fraction",
    default=1.0,
    show_default=True,
    help="Of the images that weights and architecture learn from.",
)
THREADS = click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: PyTorch's.")
PRECISION = click.option("--precision", default="float32", show_default=True, help="float32 or bf16.")
CHECKPOINT = click.option(
    "--checkpoint-cells",
    is_flag=True,
    help="Less memory, more time: compute cells again in the backward pass.",
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")


def device(chosen: Mapping[str, Any]) -> Any:
    """Device, precision and the other processes; sets the number of threads."""
    import torch

    from nasreplay.train.device import Device, device_named
    from nasreplay.train.distributed import process_group

    if chosen["threads"]:
        torch.set_num_threads(chosen["threads"])
    return Device(
        device_named(chosen["device"]),
        chosen["precision"],
        checkpoint_cells=bool(chosen.get("checkpoint_cells")),
        group=process_group(),
    )
