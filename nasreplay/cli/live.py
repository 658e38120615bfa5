"""Options and builders of the live evaluators: a supernet, or children trained from scratch."""

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
FRACTION = click.option("--fraction", default=1.0, show_default=True, help="Of the images of every part.")
BN = click.option("--bn", default=1, show_default=True, help="1: running statistics; 0: those of each batch.")
CHANNELS = click.option("--channels", default=16, show_default=True, help="Of the first stage.")
CELLS = click.option("--cells", default=5, show_default=True, help="Per stage.")
TRAINING = click.option(
    "--training", metavar="FILE.config", help="Recipe of the weights. Default: the published one."
)
BATCH = click.option("--batch", type=int, help="Images a step. Default: the recipe's.")
CLIP = click.option(
    "--clip", type=float, help="Largest norm of the weights' gradient; 0: none. Default: the recipe's."
)
DROP_PATH = click.option("--drop-path", default=0.0, show_default=True, help="Rate in the last epoch.")
PRECISION = click.option("--precision", default="float32", show_default=True, help="float32 or bf16.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
THREADS = click.option("--threads", type=int, help="CPU threads. Default: PyTorch's.")
VALID = click.option(
    "--valid-batches", default=1, show_default=True, help="Batches of 512 that score a cell."
)
EPOCHS = click.option("--epochs", type=int, help="Of the search. Default: the searcher's published number.")
ALL = (DATA, SPLIT, PORTION, FRACTION, BN, CHANNELS, CELLS, TRAINING, BATCH, CLIP, DROP_PATH, PRECISION)
ALL = (*ALL, DEVICE, THREADS, VALID, EPOCHS)

RECIPES = {
    "darts-v1": "DARTS",
    "darts-v2": "DARTS",
    "gdas": "GDAS",
    "snas": "SNAS",
    "setn": "SETN",
    "enas": "ENAS",
    "rsps": "RANDOM",
    "curriculum": "CURRICULUM",
    "curriculum-fixed": "CURRICULUM",
}


def supernet(chosen: Mapping[str, Any]) -> Any:
    """A fresh supernet for a searcher (`chosen["searcher"]` decides the published recipe of its weights)."""
    from dataclasses import replace

    from nasreplay.evaluate.supernet import SupernetEvaluator
    from nasreplay.train.optim import WEIGHT_SHARING, recipe_of

    published = opts() / f"{RECIPES.get(chosen.get('searcher', ''), 'weight-sharing')}.config"
    recipe = WEIGHT_SHARING
    if chosen["training"] or published.exists():
        recipe = recipe_of(str(chosen["training"] or published))
    given = {key: chosen[key] for key in ("batch", "clip") if chosen[key] is not None}
    recipe = replace(recipe, **given)
    return SupernetEvaluator(
        source(chosen),
        recipe=recipe,
        channels=chosen["channels"],
        cells=chosen["cells"],
        bn=chosen["bn"],
        drop_path=chosen["drop_path"],
        fraction=chosen["fraction"],
        valid_batches=chosen["valid_batches"],
        place=place(chosen),
        truth=truth(chosen),
    )


def scratch(chosen: Mapping[str, Any]) -> Any:
    """Children trained by the benchmark's recipe of `--epochs` epochs (default 12)."""
    from nasreplay.evaluate.scratch import ScratchEvaluator
    from nasreplay.spaces import TOPOLOGY
    from nasreplay.train.optim import Recipe, recipe_of

    epochs = chosen["epochs"] or 12
    recipe = recipe_of(chosen["training"]) if chosen["training"] else Recipe(str(epochs), epochs)
    return ScratchEvaluator(
        TOPOLOGY,
        source(chosen),
        recipe=recipe,
        ladder=(recipe.total,),
        channels=chosen["channels"],
        cells=chosen["cells"],
        fraction=chosen["fraction"],
        place=place(chosen),
    )


def source(chosen: Mapping[str, Any]) -> Any:
    """The images."""
    from nasreplay.train.data import load

    return load(chosen["dataset"], chosen["data"], chosen["split_file"], chosen["train_portion"])


def place(chosen: Mapping[str, Any]) -> Any:
    """Device and precision; sets the number of threads."""
    import torch

    from nasreplay.train.loop import Place, device_named

    if chosen["threads"]:
        torch.set_num_threads(chosen["threads"])
    return Place(device_named(chosen["device"]), chosen["precision"])


def truth(chosen: Mapping[str, Any]) -> Any:
    """The table of the same data set, or None where no table has it."""
    from nasreplay.errors import NotMeasured, UnknownName
    from nasreplay.evaluate.load import load_table

    try:
        return load_table(chosen["dataset"], table=chosen["table"], trial="mean")
    except (UnknownName, NotMeasured):
        return None


def opts() -> Path:
    """The shipped recipes of weights."""
    from nasreplay import config

    return config.folder() / "opts"


def resolved(evaluator: Any, epochs: int | None) -> str:
    """One line: what the options became."""
    import torch

    facts = [f"{evaluator.source.name} ({', '.join(f'{len(part):,}' for part in evaluator.images)} images)"]
    facts += [
        f"bn {evaluator.network['bn']}",
        f"C {evaluator.network['channels']}, N {evaluator.network['cells']}",
    ]
    facts += [
        f"epochs {epochs}" if epochs else "",
        f"batch {evaluator.recipe.batch}",
        f"{evaluator.place.precision}",
    ]
    facts += [f"device {evaluator.place.device}", f"{torch.get_num_threads()} threads", evaluator.source.note]
    return ", ".join(filter(None, facts))


def checkpoint_files() -> Any:
    """Live runs keep tensors: files that torch reads with weights_only."""
    from nasreplay.runs.record import Files
    from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint

    return Files(save_checkpoint, load_checkpoint, "pth")


def of_run(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The evaluator of a recorded live run with its last weights, and the options it was made with."""
    from nasreplay.errors import BadOutput
    from nasreplay.runs.folder import read_header
    from nasreplay.runs.record import latest_state

    chosen = read_header(folder).get("options")
    if not chosen:
        raise BadOutput(f"{folder}: not a live run (`nasreplay search … --evaluator supernet`)")
    state = latest_state(folder, checkpoint_files())
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    evaluator = supernet(chosen)
    evaluator.load_state_dict(state["evaluator"])
    return evaluator, chosen
