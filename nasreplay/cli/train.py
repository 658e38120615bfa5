"""`nasreplay train`: one network from scratch by the benchmark's recipe, the table's number beside ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli import live, options
from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.spaces.base import Architecture

if TYPE_CHECKING:
    from nasreplay.train.images.catalogue import ImageSource
    from nasreplay.train.loop import Device, Trainer
    from nasreplay.train.recipe import Recipe

# named structures of the published scripts; all_full has several operations on an edge and is no cell of the space
NAMED = {
    "resnet": "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
    **{
        name: f"|{each}~0|+|{each}~0|{each}~1|+|{each}~0|{each}~1|{each}~2|"
        for name, each in (
            ("all_c3x3", "nor_conv_3x3"),
            ("all_c1x1", "nor_conv_1x1"),
            ("all_idnt", "skip_connect"),
        )
    },
}
DATA = options.together(
    click.option("--dataset", default="digits", show_default=True, help="digits needs no download."),
    click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the images are."),
    click.option(
        "--split-file", type=click.Path(path_type=Path), help="Published halves of the test images."
    ),
    click.option("--train-portion", type=float, help="Of data sets without a published split. [0.5]"),
    click.option("--fraction", default=1.0, show_default=True, help="Of the images of every set."),
)
RECIPE = options.together(
    click.option(
        "--recipe", default="12", show_default=True, help="The benchmark's with N epochs, or FILE.config."
    ),
    click.option("--epochs", type=click.IntRange(min=1), help="Stop after so many. [all of the recipe]"),
    click.option("--batch", type=click.IntRange(min=1), help="Images per batch. [the recipe's: 256]"),
    click.option("--channels", type=click.IntRange(min=1), default=16, show_default=True),
    click.option("--cells", type=click.IntRange(min=0), default=5, show_default=True, help="Per stage."),
)
MACHINE = options.together(
    click.option("--threads", type=click.IntRange(min=1), help="[as many as PyTorch takes]"),
    click.option("--precision", default="float32", show_default=True, help="float32 or bf16."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, …"),
    click.option("--out", type=click.Path(path_type=Path), help="[output/train/ARCH-DATASET-seedN]"),
    click.option("--resume", is_flag=True, help="Continue the training that --out holds."),
    click.option(
        "--save-every", type=float, default=30.0, show_default=True, help="Seconds between checkpoints."
    ),
)


@click.command(short_help="Train one network from scratch.")
@click.argument("arch")
@DATA
@RECIPE
@options.SEED
@MACHINE
@options.TABLE
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(arch: str, as_json: bool, **chosen: Any) -> None:
    """Train ARCH and print its accuracies, and what the table knows of the same network.

    ARCH is an |op~0|… text, a six-digit key, an official index, widths such as 8:16:24:32:40, or one of resnet,
    all_c3x3, all_c1x1, all_idnt. Data sets: digits, cifar10-valid (trains on one half of cifar10's training images),
    cifar10, cifar100, ImageNet16-120, tiny-imagenet-200, or an image folder. The run folder holds run.json,
    epochs.jsonl and checkpoint/; a killed training continues with --resume, to the same bits on a CPU.
    """
    from nasreplay.jobs.compare_to_table import beside
    from nasreplay.jobs.training_folder import TrainingFolder
    from nasreplay.train.images.catalogue import load

    if chosen["resume"] and chosen["out"] is None and chosen["seed"] == -1:
        raise BadSetting("--resume needs --out, the folder of the training, or its --seed")
    architecture = read(arch)
    recipe, until = recipe_and_end(chosen)
    source = load(chosen["dataset"], chosen["data"], chosen["split_file"], chosen["train_portion"])
    settings = {
        "architecture": str(architecture),
        "dataset": source.name,
        "data": source.fingerprint,
        "recipe": recipe.settings(),
        "seed": chosen["seed"],
        **{name: chosen[name] for name in ("fraction", "channels", "cells", "precision")},
    }
    device = live.device(chosen)
    trainer, sets = _trainer(architecture, source, recipe, device, chosen)
    folder = TrainingFolder(chosen["out"] or _folder(architecture, source), settings, chosen["resume"])
    folder.save_every_s = chosen["save_every"]

    def tell(text: str) -> None:
        click.echo(text, err=as_json)

    tell(_resolved(architecture, source, recipe, until, folder, device))
    epochs = folder.run(trainer, sets, until, tell)
    facts = {**folder.settings, "note": source.note, "epochs": epochs, "folder": str(folder.path)}
    facts["table"] = beside(architecture, folder.settings, epochs[-1], chosen["table"])
    click.echo(json.dumps(facts, indent=1) if as_json else _text(facts))


def read(text: str) -> Architecture:
    """The architecture of a text or of a published name; raises BadArchitecture."""
    from nasreplay.spaces.read import read_architecture

    if text == "all_full":
        raise BadArchitecture(
            "all_full has four operations on every edge: it is no architecture of the space"
        )
    return read_architecture(NAMED.get(text, text))


def recipe_and_end(chosen: dict[str, Any]) -> tuple[Recipe, int]:
    """The recipe, and the number of epochs after which the training stops; raises BadSetting."""
    from dataclasses import replace

    from nasreplay.train.recipe import recipe_of

    recipe = recipe_of(chosen["recipe"])
    recipe = replace(recipe, batch=chosen["batch"] or recipe.batch)
    until = chosen["epochs"] or recipe.total
    if until > recipe.total:
        raise BadSetting(
            f"--epochs {until}: recipe {recipe.name} ends after {recipe.total}; --recipe {until} has that many"
        )
    return recipe, until


def _trainer(
    architecture: Architecture, source: ImageSource, recipe: Recipe, device: Device, chosen: dict[str, Any]
):
    """A function of the seed (known only when the run folder is open), and the evaluation sets."""
    from nasreplay.models.nb201.child import child
    from nasreplay.train.loop import Trainer

    images, sets = source.benchmark()
    images = images.fraction(chosen["fraction"])
    about = architecture.codes, source.classes, chosen["channels"], chosen["cells"]

    def made(seed: int) -> Trainer:
        return Trainer(lambda: child(architecture.space, *about), images, recipe, seed, device)

    return made, {name: part.fraction(chosen["fraction"]) for name, part in sets.items()}


def _folder(architecture: Architecture, source: ImageSource):
    """The default run folder of a seed."""
    label = "".join(map(str, architecture.codes))
    return lambda seed: Path("output/train") / f"{label}-{source.name}-seed{seed}"


def _resolved(
    architecture: Architecture, source: ImageSource, recipe: Recipe, until: int, folder: Any, device: Device
) -> str:
    """What will be done, in full."""
    import torch

    lines = [
        f"{architecture}  (index {architecture.official_index}) on {source.name}, seed {folder.settings['seed']}",
        f"recipe {recipe.name}: {until} of {recipe.total} epochs, learning rate {recipe.lr:g} to {recipe.eta_min:g}, "
        f"batch {recipe.batch}; {torch.get_num_threads()} threads, {device.words}",
    ]
    if folder.settings["fraction"] < 1:
        lines.append(f"on {100 * folder.settings['fraction']:g} % of the images of every set")
    return "\n".join(lines + ([f"note: {source.note}"] if source.note else []))


def _text(facts: dict[str, Any]) -> str:
    last = facts["epochs"][-1]
    lines = [f"after epoch {last['epoch']} of recipe {facts['recipe']['name']}:"]
    for name, score in last["sets"].items():
        lines.append(f"  {name:<9}{score['top1']:6.2f} %  here (top 5 {score['top5']:.2f} %)")
        for known in facts["table"]["numbers"]:
            if known["set"] == name:
                lines.append(f"  {'':<9}{known['accuracy']:6.2f} %  in the table: {known['meaning']}")
    lines += [f"  {reason}" for reason in facts["table"]["reasons"]]
    lines += [f"note: {facts['note']}"] if facts["note"] else []
    return "\n".join([*lines, f"run      {facts['folder']}"])
