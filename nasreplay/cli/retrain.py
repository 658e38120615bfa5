"""`nasreplay retrain`: the whole training of what a search found, or of a published genotype."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli import live, options
from nasreplay.cli.views import retrain_text
from nasreplay.errors import BadSetting
from nasreplay.spaces import Genotype
from nasreplay.spaces.costs.network_plan import DIALECTS

if TYPE_CHECKING:
    from nasreplay.jobs.training_job import Job
    from nasreplay.jobs.training_target import Target
    from nasreplay.train.images.catalogue import ImageSource
    from nasreplay.train.images.streamed import StreamedSource

NETWORK = options.together(
    click.option(
        "--which", type=click.Choice(["last", "best"]), default="last", help="Epoch of a search. [last]"
    ),
    click.option("--config", metavar="FILE", help="Sizes: configs/archs/NAS-*.config. [by target]"),
    click.option("--dialect", type=click.Choice(list(DIALECTS)), help="Whose layers. [by target]"),
    click.option("--channels", type=click.IntRange(min=1), help="[the sizes']"),
    click.option("--cells", type=click.IntRange(min=1), help="Normal cells a stage. [the sizes']"),
)
RECIPE = options.together(
    click.option("--opt", metavar="FILE", help="Recipe: configs/opts/NAS-*.config, or N. [by target]"),
    click.option("--epochs", type=click.IntRange(min=1), help="Stop after so many. [all of the recipe]"),
    click.option("--batch", type=click.IntRange(min=1), help="Images per batch. [the recipe's]"),
    click.option("--micro-batches", type=click.IntRange(min=1), help="Parts of a batch. [one a process]"),
    click.option("--sync-bn", is_flag=True, default=None, help="Common batch statistics on CUDA devices."),
    click.option("--schedule", metavar="cos|cosine|linear", help="Of the learning rate. [the recipe's]"),
    click.option(
        "--auxiliary", type=float, help="Weight of the auxiliary loss; 0: no head. [the recipe's: 0.4]"
    ),
    click.option("--drop-path", type=float, help="Rate at the end. [the sizes': 0.2 for CIFAR]"),
    click.option("--cutout", type=int, help="Side of the square. [half the image for CIFAR networks]"),
    click.option("--ema", type=float, metavar="DECAY", help="Also evaluate averaged weights. [0: none]"),
    click.option("--no-bias-decay", is_flag=True, default=None, help="Biases don't decay."),
)
RUN = options.together(
    click.option("--out", metavar="DIR", help="[output/retrain/NAME-DATASET-seed{seed}]"),
    click.option("--resume", is_flag=True, help="Continue the training that --out holds."),
    click.option("--save-every", type=float, default=30.0, help="Seconds between checkpoints. [30]"),
    click.option(
        "--export",
        "exports",
        multiple=True,
        type=click.Path(path_type=Path),
        help="FILE.safetensors, .pt2 or .onnx.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON."),
)


@click.command(short_help="Train a found or published network to the end.")
@click.argument("target", required=False)
@click.option("--dataset", help="[the search's; cifar10 where there is none]")
@options.together(live.DATA, live.SPLIT, live.PORTION, live.FRACTION)
@click.option("--side", type=click.IntRange(min=8), help="Pixels of ImageNet images. [224]")
@click.option("--workers", type=click.IntRange(min=0), help="Processes that read ImageNet images. [4]")
@NETWORK
@RECIPE
@options.SEED
@options.together(live.THREADS, live.PRECISION, live.CHECKPOINT, live.DEVICE, options.TABLE)
@RUN
def retrain(target: str | None, as_json: bool, **chosen: Any) -> None:
    """Train TARGET by the published recipe and print its accuracy beside the published one.

    TARGET is a search checkpoint (of nasreplay, or a seed-*.pth of AutoDL-Projects), a run folder of nasreplay
    search, a file or text with a genotype, an |op~0|… cell, or a name of nasreplay zoo. Genotypes become NASNet-type
    networks, cells the benchmark's. Without TARGET the genotype that --config names is meant. A killed training
    continues with --resume, to the same bits on a CPU. At the end the last checkpoint is loaded and evaluated anew:
    another accuracy than the logged one is an error.
    """
    from nasreplay.jobs.training_folder import TrainingFolder
    from nasreplay.jobs.training_job import job_of, source_of
    from nasreplay.jobs.training_target import read_target
    from nasreplay.train.export import check_export, export

    _check(chosen)
    for path in chosen["exports"]:
        check_export(path)
    found = read_target(target or _named(chosen["config"]), chosen["which"])
    source = source_of(found, chosen)
    job = job_of(found, source, live.device(chosen), chosen)
    until = _end(job, chosen["epochs"])
    facts = _facts(found, source, job)
    settings = _settings(found, source, job, chosen)
    folder = TrainingFolder(_folder(chosen["out"], found, source), settings, chosen["resume"])
    folder.save_every_s = chosen["save_every"]

    def tell(text: str) -> None:
        click.echo(text, err=as_json)

    tell(retrain_text.resolved(found, source, job, facts, until, folder.settings["seed"]))
    epochs = folder.run(job.trainer, job.sets, until, tell)
    trainer = folder.check(job.trainer, job.sets)
    facts = {**folder.settings, **facts, "epochs": epochs, "folder": str(folder.path)}
    for path in chosen["exports"] if folder.group.is_rank_zero else ():
        export(trainer.final, path, source.side, facts)
    facts |= {"exports": list(map(str, chosen["exports"]))} | _table(found, facts, chosen["table"])
    click.echo(json.dumps(facts, indent=1) if as_json else retrain_text.outcome(facts))


def _check(chosen: dict[str, Any]) -> None:
    from nasreplay.train.recipe import SCHEDULES

    if chosen["resume"] and chosen["seed"] == -1 and "{seed}" in (chosen["out"] or "{seed}"):
        raise BadSetting("--resume needs --out, the folder of the training, or its --seed")
    if chosen["schedule"] not in (None, *SCHEDULES):
        raise BadSetting(f"--schedule {chosen['schedule']!r}: one of {', '.join(SCHEDULES)}")


def _named(file: str | None) -> str:
    """The genotype that a configuration names."""
    from nasreplay.train.network_config import network_config

    named = network_config(Path(file)).genotype if file else ""
    if not named:
        raise click.UsageError("name a TARGET, or with --config a file that names its genotype")
    return named


def _end(job: Job, epochs: int | None) -> int:
    if epochs and epochs > job.recipe.total:
        raise BadSetting(
            f"--epochs {epochs}: recipe {job.recipe.name} ends after {job.recipe.total}; give another with --opt"
        )
    return epochs or job.recipe.total


def _settings(
    target: Target, source: ImageSource | StreamedSource, job: Job, chosen: dict[str, Any]
) -> dict[str, Any]:
    """What a continued training must have in common."""
    return {
        "architecture": str(target),
        "dataset": source.name,
        "data": source.fingerprint,
        "recipe": job.recipe.settings(),
        "seed": chosen["seed"],
        **job.network,
        **{name: chosen[name] for name in ("fraction", "precision")},
    }


def _folder(out: str | None, target: Target, source: ImageSource | StreamedSource):
    """The run folder of a seed, or the one that was named without one."""
    name = out or f"output/retrain/{target.name}-{source.name}-seed{{seed}}"
    if "{seed}" not in name:
        return Path(name)
    return lambda seed: Path(name.replace("{seed}", str(seed)))


def _facts(target: Target, source: ImageSource | StreamedSource, job: Job) -> dict[str, Any]:
    """What is known before the training: the network's size, and what was published of it on this data set."""
    import torch

    from nasreplay.models.module_cost import multiply_adds, parameters

    with torch.device("meta"):
        network = job.build()
        work = multiply_adds(network, torch.empty(1, 3, source.side, source.side))
    head = getattr(network, "auxiliary_head", None)
    extra = parameters(head) if head is not None else 0
    published = target.entry.published if target.entry else ()
    return {
        "target": target.where,
        "parameters": parameters(network) - extra,
        "auxiliary_parameters": extra,
        "multiply_adds": work,
        "memory_mb": round(_memory(job, source.side) / 1e6),
        "published": [vars(one) for one in published if one.dataset == source.name],
        "note": source.note,
    }


def _memory(job: Job, side: int) -> int:
    """Bytes of the training beyond its images."""
    from nasreplay.train.loop import EVALUATION_BATCH, initial
    from nasreplay.train.step_memory import of_training

    with initial(0):
        network = job.device.move(job.build())
    evaluated = min(EVALUATION_BATCH, max(map(len, job.sets.values())))
    return of_training(network, job.recipe, job.device, side, evaluated)


def _table(target: Target, facts: dict[str, Any], table: str | None) -> dict[str, Any]:
    """What a table knows of a cell of NAS-Bench-201."""
    from nasreplay.jobs.compare_to_table import beside

    if isinstance(target.cell, Genotype):
        return {}
    return {"table": beside(target.cell, facts, facts["epochs"][-1], table)}
