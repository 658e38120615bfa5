"""Options and builders of the live evaluators: a supernet, or children trained from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nasreplay.errors import BadSetting, LacksCapability, UnknownName

DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the images. Default: $TORCH_HOME."
)
SPLIT = click.option(
    "--split-file", type=click.Path(path_type=Path), help="The official halves, where they are files."
)
PORTION = click.option(
    "--train-portion", type=float, help="Part of the training images that weights learn from."
)
VALID_ON = click.option(
    "--valid-on",
    type=click.Choice(["held-out", "test"]),
    default="held-out",
    show_default=True,
    help="test: learn from all training images and validate on the test images, as SNAS did.",
)
FRACTION = click.option(
    "--fraction",
    default=1.0,
    show_default=True,
    help="Of the images that weights and architecture learn from.",
)
SPACE = click.option(
    "--space",
    help="topology, size, nasnet, nasnet-gdas, … Default: the one that the searcher was made for.",
)
BN = click.option(
    "--bn", type=int, help="1: running statistics; 0: those of each batch. Default: 1, size space and CNAS 0."
)
AFFINE = click.option("--affine", type=int, help="1: searched batch norms have weights. Default: 0.")
CHANNELS = click.option(
    "--channels", type=int, help="Of the first stage. Default: 16; not in the size space."
)
CELLS = click.option("--cells", type=int, help="Per stage. Default: 5, NASNet 2; not in the size space.")
DERIVE = click.option(
    "--derive", metavar="RULE", help="From logits to a genotype: top2, none or pairs. Default: top2."
)
TRAINING = click.option(
    "--training", metavar="FILE.config", help="Recipe of the weights. Default: the published one."
)
BATCH = click.option("--batch", type=int, help="Images a step. Default: the recipe's.")
MICRO = click.option(
    "--micro-batches",
    type=click.IntRange(min=1),
    help="Parts of a batch whose gradients are accumulated. Default: the recipe's; at least one a process.",
)
CLIP = click.option(
    "--clip", type=float, help="Largest norm of the weights' gradient; 0: none. Default: the recipe's."
)
DROP_PATH = click.option(
    "--drop-path", type=float, help="Its rate (in the last epoch). Default: 0; not in the size space."
)
PRECISION = click.option("--precision", default="float32", show_default=True, help="float32 or bf16.")
CHECKPOINT = click.option(
    "--checkpoint-cells",
    is_flag=True,
    help="Less memory, more time: compute cells again in the backward pass.",
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
THREADS = click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: PyTorch's.")
VALID = click.option(
    "--valid-batches",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Batches (of the recipe's test_batch_size, else 512) that score a cell.",
)
EPOCHS = click.option(
    "--epochs", type=click.IntRange(min=1), help="Of the search; with scratch, of every child (default 12)."
)
WEIGHTS = click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Begin with the shared weights of a live run, for searchers that train none (random, rea, reinforce, …).",
)
ALL = (
    SPACE,
    DATA,
    SPLIT,
    PORTION,
    VALID_ON,
    FRACTION,
    BN,
    AFFINE,
    CHANNELS,
    CELLS,
    TRAINING,
    BATCH,
    CLIP,
    DROP_PATH,
)
ALL = (*ALL, DERIVE, MICRO, PRECISION, CHECKPOINT, DEVICE, THREADS, VALID, EPOCHS, WEIGHTS)

NAMES = frozenset(
    {
        "space",
        "data",
        "split_file",
        "train_portion",
        "valid_on",
        "fraction",
        "bn",
        "affine",
        "channels",
        "cells",
    }
)
NAMES |= {
    "training",
    "batch",
    "micro_batches",
    "clip",
    "drop_path",
    "derive",
    "precision",
    "checkpoint_cells",
    "device",
    "threads",
    "valid_batches",
}
NAMES |= {"epochs", "weights"}  # of all of them


def supernet(chosen: Mapping[str, Any]) -> Any:
    """A fresh supernet for a searcher (`chosen["searcher"]` decides the published recipe of its weights)."""
    from dataclasses import replace

    from nasreplay.live.supernet import SupernetEvaluator
    from nasreplay.train.recipe import WEIGHT_SHARING, recipe_of

    shared = network(chosen)
    start = of_run(Path(chosen["weights"]))[0] if chosen.get("weights") else None
    if start and (start.network != shared or start.source.name != chosen["dataset"]):
        raise BadSetting(
            f"--weights {chosen['weights']}: of {start.network} on {start.source.name}; this search has {shared} on "
            f"{chosen['dataset']}"
        )
    published = published_recipe(chosen.get("searcher", ""), shared)
    recipe = WEIGHT_SHARING
    if chosen["training"] or published.exists():
        recipe = recipe_of(str(chosen["training"] or published))
    changes = {key: chosen[key] for key in ("batch", "clip", "micro_batches") if chosen[key] is not None}
    where = device(chosen)
    recipe = replace(recipe, **changes).for_world_size(where.group.world_size)
    return SupernetEvaluator(
        source(chosen),
        shared,
        recipe=recipe,
        fraction=chosen["fraction"],
        valid_batches=chosen["valid_batches"],
        device=where,
        truth=truth(chosen),
        start=start and start.net.state_dict(),
    )


def published_recipe(searcher: str, shared: Any) -> Path:
    """The shipped recipe of the weights: one of the shared network's own where there is one."""
    from nasreplay.search import SEARCHERS, Searcher

    name = SEARCHERS.get(searcher, Searcher).recipe
    own = opts() / f"{name}{shared.recipes}.config"
    return own if own.exists() else opts() / f"{name}.config"


def scratch(chosen: Mapping[str, Any]) -> Any:
    """Children trained by the benchmark's recipe of `--epochs` epochs (default 12)."""
    if not space_of(chosen).indexed:
        raise LacksCapability(
            f"--evaluator scratch trains the benchmarks' networks, not those of the {space_of(chosen).name} space: "
            "use --evaluator supernet, and nasreplay retrain for what it finds"
        )
    from dataclasses import replace

    from nasreplay.live.scratch import ScratchEvaluator
    from nasreplay.train.recipe import Recipe, recipe_of

    epochs = chosen["epochs"] or 12
    recipe = recipe_of(chosen["training"]) if chosen["training"] else Recipe(str(epochs), epochs)
    recipe = replace(recipe, batch=chosen["batch"] or recipe.batch)
    return ScratchEvaluator(
        space_of(chosen),
        source(chosen),
        recipe=recipe,
        ladder=(recipe.total,),
        **given(chosen, "channels", "cells"),
        fraction=chosen["fraction"],
        device=device(chosen),
    )


def space_of(chosen: Mapping[str, Any]) -> Any:
    """The space of `--space`, or the one that the searcher was made for; raises UnknownName."""
    from nasreplay.models.shared_networks import NETWORKS
    from nasreplay.search import SEARCHERS, Searcher
    from nasreplay.spaces import space_named

    space = space_named(chosen["space"] or SEARCHERS.get(chosen.get("searcher", ""), Searcher).home)
    if space.name not in NETWORKS:
        raise UnknownName(f"--space {space.name}: live evaluators know {', '.join(NETWORKS)}")
    return space


def network(chosen: Mapping[str, Any]) -> Any:
    """What the options say of the shared network of their space."""
    from dataclasses import fields

    from nasreplay.models.shared_networks import NETWORKS
    from nasreplay.search import SEARCHERS, Searcher

    kind = NETWORKS[space_of(chosen).name]
    settings = given(chosen, "bn", "affine", "channels", "cells", "drop_path", "derive")
    searcher = SEARCHERS.get(chosen.get("searcher", ""), Searcher)
    if searcher.resizes and "resize" in {field.name for field in fields(kind)}:
        settings["resize"] = True
    return kind(**settings)


def given(chosen: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The options of these names that were given; raises BadSetting for one that the space's networks don't have."""
    from dataclasses import fields

    from nasreplay.models.shared_networks import NETWORKS

    space = space_of(chosen)
    known = {field.name for field in fields(NETWORKS[space.name])}
    found = {name: chosen[name] for name in names if chosen.get(name) is not None}
    for name in found.keys() - known:
        raise BadSetting(f"--{name.replace('_', '-')} does not apply to the {space.name} space: leave it out")
    return found


def source(chosen: Mapping[str, Any]) -> Any:
    """The images."""
    from nasreplay.train.images.catalogue import load

    return load(
        chosen["dataset"],
        chosen["data"],
        chosen["split_file"],
        chosen["train_portion"],
        chosen.get("valid_on") == "test",
    )


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


def truth(chosen: Mapping[str, Any]) -> Any:
    """The table of the same space and data set, or None where no table has it.

    Raises BadSetting for a table that was named and is of another space.
    """
    from nasreplay.errors import NotMeasured
    from nasreplay.evaluate.table.load import load_table

    try:
        table = load_table(chosen["dataset"], table=chosen["table"], trial="mean")
    except (UnknownName, NotMeasured):
        return None
    space = space_of(chosen)
    if chosen["table"]:
        check_space(table, space)
    return table if table.space is space else None


def check_space(table: Any, space: Any) -> None:
    """Raise BadSetting for a table of another space."""
    if table.space is not space:
        raise BadSetting(
            f"{table.source['table']} is a table of the {table.space.name} space, not of {space.name}: "
            "name another with --table"
        )


def opts() -> Path:
    """The shipped recipes of weights."""
    from nasreplay import config

    return config.folder() / "opts"


def resolved(evaluator: Any, epochs: int | None) -> str:
    """One line: what the options became."""
    import torch

    told = evaluator.describe()
    images = ", ".join(f"{count:,}" for count in told.get("images", [len(evaluator.images)]))
    network = told.get("network") or {name: told[name] for name in ("channels", "cells") if name in told}
    facts = [f"{evaluator.source.name} ({images} images)", f"{evaluator.space.name} space"]
    facts += [f"{name.replace('_', ' ')} {value}" for name, value in network.items()]
    facts += [
        f"epochs {epochs}" if epochs else "",
        f"batch {evaluator.recipe.batch}",
        evaluator.device.words,
    ]
    facts += [f"{evaluator.recipe.micro_batches} micro-batches" if evaluator.recipe.micro_batches > 1 else ""]
    facts += [
        f"{evaluator.device.group.world_size} processes" if evaluator.device.group.world_size > 1 else ""
    ]
    facts += [f"device {evaluator.device.name}", f"{torch.get_num_threads()} threads", evaluator.source.note]
    return ", ".join(filter(None, facts))


def memory(supernet: Any, searcher: Any) -> str:
    """One line: what a search on shared weights will take beyond the images."""
    from nasreplay.live.search_memory import of_search

    mixes = "slope" in searcher.needs and "one-hot slope" not in searcher.needs
    found = of_search(supernet, mixes) / 1e6
    less = "" if mixes else " at most"
    return f"memory{less} {found:,.0f} MB for weights and steps of {supernet.recipe.batch} images"


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
    if not chosen or chosen["evaluator"] != "supernet":
        raise BadOutput(
            f"{folder}: not a run with shared weights (`nasreplay search … --evaluator supernet`)"
        )
    state = latest_state(folder, checkpoint_files())
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    evaluator = supernet(chosen)
    evaluator.load_state_dict(state["evaluator"])
    return evaluator, chosen
