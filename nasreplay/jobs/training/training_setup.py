"""From a target and settings to a training: network, recipe, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadSetting
from nasreplay.jobs.training.training_images import all_images, source_of
from nasreplay.jobs.training.training_recipe import (
    BENCHMARK,
    check_recipe,
    chosen_recipe,
    lengthened,
    published_recipe,
    shipped_recipe,
)
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.jobs.training.training_target import Target
from nasreplay.models.child_networks import ChildNetwork, child_network_of
from nasreplay.models.initialization import initialized
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.settings import Json, chosen, settings_of, to_plain
from nasreplay.spaces import Architecture, Genotype
from nasreplay.spaces.costs.network_plan import DIALECTS, FIXED_REDUCTION, Plan, level_of, stem_of
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train.device import Device
from nasreplay.train.foreign.weights_file import digest_of, take_weights, weights_of
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.loop import EVALUATION_BATCH, Images, Trainer, division_of, initial
from nasreplay.train.network_config import NetworkConfig, network_config, shipped
from nasreplay.train.recipe import Recipe
from nasreplay.train.step_memory import check_weights, estimate_training, few_images

if TYPE_CHECKING:
    from torch import nn


OF_CHILDREN = frozenset({"blocks", "stem", "stem_padding", "inherit"})
"""Settings that mean nothing to networks of genotypes."""
OF_NETWORKS = OF_CHILDREN.union(
    ("channels", "cells", "config", "dialect", "form", "layers", "stem_level", "shuffle_groups"),
    ("drop_path", "auxiliary"),
)
"""Settings that mean something to some networks only."""


class Network(NamedTuple):
    """The network of a training, and the recipe that goes with it."""

    recipe: Recipe
    """How it is trained."""
    sizes: Plan | ChildNetwork
    """What is around the cells: a plan for genotypes, sizes for architectures."""
    words: str
    """Recipe and sizes, in words."""
    build: Callable[[], nn.Module]
    """Makes it with PyTorch's weights."""
    init: str
    """How they are drawn in a training (`models.initialization`)."""


class NetworkFacts(NamedTuple):
    """What is known of a network before it is trained."""

    parameters: int
    """Trainable numbers, without the auxiliary head's."""
    auxiliary_parameters: int
    """Trainable numbers of the auxiliary head."""
    multiply_adds: int
    """Multiply-accumulates of an image."""
    memory_mb: int
    """Forecast of the training's memory beyond the images, in megabytes; 0 where none is trained."""


@dataclass(frozen=True)
class Training:
    """One training, ready to begin."""

    target: Target
    """What is trained."""
    settings: RetrainSettings
    """What was asked for."""
    source: ImageSource | StreamedSource
    """The data set."""
    device: Device
    """Device of the training."""
    recipe: Recipe
    """How it is trained."""
    network: Network
    """What is built."""
    images: Images
    """What the weights learn."""
    sets: Mapping[str, Images]
    """Evaluation set → images, evaluated after each epoch."""

    @property
    def until(self) -> int:
        """The last epoch that is trained."""
        return self.settings.epochs or self.recipe.total

    def facts_of_run(self) -> Json:
        """What its run records besides: the images, and settings that find them again from any working folder."""
        return {
            "images": self.source.record(),
            "device": self.device.title,
            "settings": {**to_plain(self.settings), **self.source.where},
        }

    def header(self) -> Json:
        """What a continued training must have in common, as JSON values."""
        sizes = self.network.sizes
        return {
            "architecture": str(self.target),
            "dataset": self.source.name,
            "data": self.source.fingerprint,
            "recipe": self.recipe.settings(),
            "init": self.network.init,
            "seed": self.settings.seed,
            **({"network": asdict(sizes)} if isinstance(sizes, Plan) else sizes.header()),
            "fraction": self.settings.fraction,
            "precision": self.settings.precision,
            **({"weights": digest_of(self.settings.weights)} if self.settings.weights else {}),
        }

    def build(self) -> nn.Module:
        """The network as the training begins with it: with fresh weights, or those of --weights. Raises BadInput."""
        network = initialized(self.network.build(), self.network.init)
        if file := self.settings.weights:
            take_weights(network, weights_of(file, self.source.name), file)
        if self.settings.inherit and isinstance(self.network.sizes, ChildNetwork):
            from nasreplay.live.trained import shared_weights

            found = shared_weights(self.settings.inherit)
            self.network.sizes.inherit(network, found.network, found.weights)
        return network

    def trainer(self, seed: int) -> Trainer:
        """The training of a seed, at its start."""
        return Trainer(self.build, self.images, self.recipe, seed, self.device)

    def facts(self) -> NetworkFacts:
        """Size, work and memory, of a network that is made for this and thrown away."""
        check_weights(self.network.build)
        with initial(0):
            network = self.device.move(self.build())
        evaluated = min(EVALUATION_BATCH, max(map(len, self.sets.values())))
        memory = estimate_training(network, self.recipe, self.device, self.source.side, evaluated)
        return self.facts_of(network, round(memory / 1e6))

    def facts_of(self, network: nn.Module, memory_mb: int = 0) -> NetworkFacts:
        """Size and work of a network on the device."""
        image = few_images(self.source.side, self.device)[0][:1]
        head = getattr(network, "auxiliary_head", None)
        extra = parameters(head) if head is not None else 0
        return NetworkFacts(parameters(network) - extra, extra, multiply_adds(network, image), memory_mb)


def prepare(
    target: Target, settings: RetrainSettings, recorded: Json | None = None, *, trains: bool = True
) -> Training:
    """Read the images and choose network and recipe.

    recorded: the header of the training that goes on; trains: whether the network shall, not only be evaluated.
    Raises BadData, BadSetting, UnknownName or UnsafePickle.
    """
    source = source_of(target, settings)
    device = settings.resolve_device(checkpoint_cells=settings.checkpoint_cells)
    if isinstance(target.cell, Genotype):
        network = _genotype_network(target, target.cell, source, settings, recorded)
        images, sets = all_images(source)
    else:
        network = _child_network(target.cell, source, settings, recorded)
        images, sets = all_images(source) if target.whole else source.benchmark()
    images = images.fraction(settings.fraction)
    sets = {name: part.fraction(settings.fraction) for name, part in sets.items()}
    recipe = lengthened(network.recipe.for_world_size(device.group.world_size), settings, recorded)
    sets = {name: part.by(recipe) for name, part in sets.items()}
    if trains:
        sizes = network.sizes
        pairs = recipe.auxiliary > 0 if isinstance(sizes, Plan) else sizes.needs_pairs(source.side)
        check_recipe(recipe, settings, len(images), pairs)
        division_of(recipe, device, len(images))
        recipe.check_learns(settings.epochs or recipe.total, len(images))
    return Training(target, settings, source, device, recipe, network, images, sets)


def _genotype_network(
    target: Target,
    genotype: Genotype,
    source: ImageSource | StreamedSource,
    settings: RetrainSettings,
    recorded: Json | None,
) -> Network:
    _refuse(settings, OF_CHILDREN, "to genotypes")
    kind = "imagenet" if isinstance(source, StreamedSource) else "cifar"
    sizes = replace(_sizes(target, kind, settings), **_given(settings, channels="ichannel", cells="layers"))
    release = _release(target, sizes, settings)
    cutout = source.cutout if isinstance(source, ImageSource) else 0
    usual = {"drop_path": sizes.drop_path_prob, "cutout": cutout}
    recipe = chosen_recipe(settings, published_recipe(release, source), recorded, **usual)
    sizes = replace(sizes, auxiliary=sizes.auxiliary and recipe.auxiliary > 0)
    plan = _around(sizes.plan(source.classes, release or Plan.dialect), source.side, settings)
    recipe = recipe if plan.auxiliary else replace(recipe, auxiliary=0.0)
    words = f"{plan.channels} channels, {plan.cells} cells ({sizes.name}), layers of {plan.style.source}"
    words += "" if plan.stem == sizes.dataset else f", stem {plan.stem}"
    words += "" if genotype.reduce else f", {FIXED_REDUCTION}"
    two_edges = all(len(node) == 2 for cell in genotype.cells().values() for node in cell.nodes)
    init = settings.init or (plan.style.init if two_edges else "torch")
    return Network(recipe, plan, words, lambda: NASNet(genotype, plan), init)


def _around(plan: Plan, side: int, settings: RetrainSettings) -> Plan:
    """The plan with the stem of its release for images of that side, and with what the settings say of it."""
    if settings.layers is not None and settings.cells is not None:
        raise BadSetting(
            f"--layers {settings.layers} and --cells {settings.cells} both say how many cells: give one"
        )
    level = level_of(side) if settings.stem_level is None and plan.style.leveled else settings.stem_level
    stem = plan.stem if level is None else stem_of(level)
    return replace(plan, stem=stem, **_given(settings, layers="cells", shuffle_groups="shuffle_groups"))


def _sizes(target: Target, kind: str, settings: RetrainSettings) -> NetworkConfig:
    """The sizes of --config, else of the shipped file for this kind of target."""
    if not settings.config:
        # AutoDL-Projects has sizes of its own for what it finds
        theirs = not target.dialect or DIALECTS[target.dialect].search_layers
        name = None if not target.entry else target.entry.name
        name = ("" if theirs else None) if target.searched else name
        return shipped(name, kind, _told_release(target, settings) or Plan.dialect)
    sizes = network_config(Path(settings.config))
    if sizes.dataset != kind:
        raise BadSetting(
            f"--config {settings.config} is for {sizes.dataset} networks, the images are {kind}'s"
        )
    if sizes.genotype and entry(sizes.genotype).genotype != target.cell:
        raise BadSetting(
            f"--config {settings.config} is for {sizes.genotype}, and TARGET is another genotype"
        )
    return sizes


def _release(target: Target, sizes: NetworkConfig, settings: RetrainSettings) -> str:
    """The dialect of the release whose network is meant; "" where nothing says."""
    if not settings.dialect and (sizes.arch or sizes.super_type):
        return sizes.dialect
    return _told_release(target, settings)


def _told_release(target: Target, settings: RetrainSettings) -> str:
    return settings.dialect or target.dialect or (target.entry.dialect if target.entry else "")


def _refuse(settings: RetrainSettings, names: frozenset[str], why: str) -> None:
    """Raise BadSetting for a setting among these that was given; no auxiliary head is what every network can have."""
    for name in sorted(names):
        if (value := getattr(settings, name)) is not None and (name, value) != ("auxiliary", 0):
            raise BadSetting(f"--{name.replace('_', '-')} does not apply {why}")


def _child_network(
    cell: Architecture, source: ImageSource | StreamedSource, settings: RetrainSettings, recorded: Json | None
) -> Network:
    kind = child_network_of(cell.space)
    others = OF_NETWORKS - settings_of(kind).keys() - kind.also
    _refuse(settings, others, f"to {cell}: its network is that of {kind.origin}")
    published = shipped_recipe(kind.recipes, source) if kind.recipes else BENCHMARK
    recipe = chosen_recipe(settings, published, recorded)
    recipe = recipe if "auxiliary" in kind.also else replace(recipe, auxiliary=0.0)
    sizes = chosen(kind, {name: getattr(settings, name) for name in settings_of(kind)}).sized(source.side)
    words = ", ".join(filter(None, (f"network of the {cell.space.name} space", sizes.words)))

    def build() -> nn.Module:
        return sizes.build(cell.codes, source.classes, source.side, recipe.auxiliary > 0)

    return Network(recipe, sizes, words, build, settings.init or sizes.init)


def _given(settings: RetrainSettings, **fields: str) -> Json:
    """Another name for those of these settings that were given: setting → name."""
    return {
        name: getattr(settings, one) for one, name in fields.items() if getattr(settings, one) is not None
    }
