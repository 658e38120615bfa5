"""From a target and options to a training: network, recipe, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasreplay import config
from nasreplay.errors import BadSetting
from nasreplay.jobs.training_target import Target
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nb201.child import child
from nasreplay.spaces import SIZE, Architecture, Genotype
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH
from nasreplay.train.device import Device
from nasreplay.train.images.catalogue import ImageSource, load
from nasreplay.train.images.streamed import StreamedSource, load_files
from nasreplay.train.loop import Images, Trainer, division_of
from nasreplay.train.network_config import NetworkConfig, network_config, shipped
from nasreplay.train.recipe import Recipe, recipe_of

if TYPE_CHECKING:
    from torch import nn

DATASET = "cifar10"  # where neither the options nor the target name one
AUTODL = "xautodl-searched"  # the dialect of its searches
BENCHMARK = "200"  # the recipe of NAS-Bench-201's cells
OF_RECIPE = ("batch", "ema", "auxiliary", "drop_path", "cutout", "schedule", "no_bias_decay")
OF_RECIPE = (*OF_RECIPE, "micro_batches", "sync_bn")


@dataclass(frozen=True)
class Job:
    """One training. network: what its folder records of the network, and words; sets: evaluated after each epoch."""

    recipe: Recipe
    network: dict[str, Any]
    words: str
    build: Callable[[], nn.Module]
    images: Images
    sets: Mapping[str, Images]
    device: Device

    def trainer(self, seed: int) -> Trainer:
        """The training of a seed, at its start."""
        return Trainer(self.build, self.images, self.recipe, seed, self.device)


def source_of(target: Target, chosen: dict[str, Any]) -> ImageSource | StreamedSource:
    """The images: ImageNet-style from files for imagenet-1k and for sizes of ImageNet networks. Raises BadData."""
    dataset = chosen["dataset"] or target.dataset or DATASET
    sizes = network_config(Path(chosen["config"])) if chosen["config"] else NetworkConfig()
    files = dataset == "imagenet-1k" or sizes.dataset == "imagenet"
    whole, small = "genotypes train on all training images", f"{dataset} is not read as ImageNet is"
    refused = {"split_file": whole, "train_portion": whole} if isinstance(target.cell, Genotype) else {}
    refused |= {} if files else {"side": small, "workers": small}
    for name, why in refused.items():
        if chosen[name] is not None:
            raise BadSetting(f"--{name.replace('_', '-')} does not apply: {why}")
    if not files:
        return load(dataset, chosen["data"], chosen["split_file"], chosen["train_portion"])
    data = chosen["data"] and chosen["data"].expanduser()
    return load_files(dataset, data, **_given(chosen, side="side", workers="workers"))


def job_of(
    target: Target, source: ImageSource | StreamedSource, device: Device, chosen: dict[str, Any]
) -> Job:
    """What the options make of a target; raises BadSetting or UnknownName."""
    if isinstance(target.cell, Genotype):
        job = _of_genotype(target, target.cell, source, device, chosen)
    elif isinstance(source, StreamedSource):
        raise BadSetting(f"{source.name}: {target.cell} has a network for small images only")
    else:
        job = _of_cell(target.cell, source, device, chosen)
    part = chosen["fraction"]
    sets = {name: images.fraction(part) for name, images in job.sets.items()}
    recipe = job.recipe.for_world_size(device.group.world_size)
    images = job.images.fraction(part)
    division_of(recipe, device, len(images))
    if recipe.auxiliary and 1 in (recipe.batch, len(images) % recipe.batch):
        raise BadSetting(
            f"a batch of one of the {len(images):,} images is too few for the batch norms of the auxiliary head: "
            "choose another --batch"
        )
    return replace(job, recipe=recipe, images=images, sets=sets)


def _of_genotype(
    target: Target,
    genotype: Genotype,
    source: ImageSource | StreamedSource,
    device: Device,
    chosen: dict[str, Any],
) -> Job:
    kind = "imagenet" if isinstance(source, StreamedSource) else "cifar"
    sizes = replace(_sizes(target, kind, chosen), **_given(chosen, ichannel="channels", layers="cells"))
    published = config.folder() / "opts" / f"NAS-{sizes.dataset.upper()}.config"
    recipe = replace(
        recipe_of(chosen["opt"] or str(published)),
        drop_path=sizes.drop_path_prob,
        cutout=source.side // 2 if kind == "cifar" else 0,
    )
    recipe = replace(recipe, **_given(chosen, **{name: name for name in OF_RECIPE}))
    sizes = replace(sizes, auxiliary=sizes.auxiliary and recipe.auxiliary > 0)
    plan = sizes.plan(source.classes, _dialect(target, sizes, chosen))
    recipe = recipe if plan.auxiliary else replace(recipe, auxiliary=0.0)
    words = f"{plan.channels} channels, {plan.cells} cells ({sizes.name}), layers of {plan.style.source}"
    about = {"network": asdict(plan)}
    return Job(recipe, about, words, lambda: NASNet(genotype, plan), *_all_images(source), device)


def _sizes(target: Target, kind: str, chosen: dict[str, Any]) -> NetworkConfig:
    """Of --config, else of the shipped file for this kind of target."""
    if not chosen["config"]:
        theirs = target.dialect in ("", AUTODL)  # AutoDL-Projects has sizes of its own for what it finds
        name = None if not target.entry else target.entry.name
        name = ("" if theirs else None) if target.searched else name
        return shipped(name, kind)
    sizes = network_config(Path(chosen["config"]))
    if sizes.dataset != kind:
        raise BadSetting(
            f"--config {chosen['config']} is for {sizes.dataset} networks, the images are {kind}'s"
        )
    if sizes.genotype and entry(sizes.genotype).genotype != target.cell:
        raise BadSetting(
            f"--config {chosen['config']} is for {sizes.genotype}, and TARGET is another genotype"
        )
    return sizes


def _dialect(target: Target, sizes: NetworkConfig, chosen: dict[str, Any]) -> str:
    if chosen["dialect"]:
        return chosen["dialect"]
    if sizes.arch or sizes.super_type:
        return sizes.dialect
    if target.dialect:
        return target.dialect
    return target.entry.dialect if target.entry else Plan.dialect


def _of_cell(cell: Architecture, source: ImageSource, device: Device, chosen: dict[str, Any]) -> Job:
    refused = ["config", "dialect", "drop_path", *(("channels", "cells") if cell.space is SIZE else ())]
    for name in refused:
        if chosen[name]:
            option = name.replace("_", "-")
            raise BadSetting(f"--{option} does not apply to {cell}: its network is that of the benchmark")
    recipe = replace(recipe_of(chosen["opt"] or BENCHMARK), auxiliary=0.0)
    recipe = replace(recipe, **_given(chosen, **{name: name for name in OF_RECIPE}))
    sizes = {"channels": WIDTH, "cells": CELLS_PER_STAGE} | _given(chosen, channels="channels", cells="cells")
    words = f"network of the {cell.space.name} space"
    if cell.space is not SIZE:
        words += f", {sizes['channels']} channels, {sizes['cells']} cells a stage"
    build = lambda: child(cell.space, cell.codes, source.classes, **sizes)  # noqa: E731
    return Job(recipe, sizes, words, build, *source.benchmark(), device)


def _all_images(source: ImageSource | StreamedSource) -> tuple[Images, Mapping[str, Images]]:
    """Everything trains and the test images are evaluated, but for cifar10-valid, which keeps the search's halves."""
    if isinstance(source, ImageSource) and source.name == "cifar10-valid":
        return source.benchmark()
    valid = {"x-valid": source.given_valid} if source.given_valid else {}
    return source.train, {**valid, "ori-test": source.all_test}


def _given(chosen: dict[str, Any], **options: str) -> dict[str, Any]:
    """Field → value of the options that were given."""
    return {field: chosen[option] for field, option in options.items() if chosen[option] is not None}
