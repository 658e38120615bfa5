"""From a target and settings to the images of a training or an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nasreplay.errors import BadSetting
from nasreplay.jobs.training.training_settings import NetworkSettings
from nasreplay.jobs.training.training_target import Target
from nasreplay.spaces import Genotype
from nasreplay.train.images.find_images import card_named
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.loop import Images
from nasreplay.train.network_config import NetworkConfig, network_config

DATASET = "cifar10"
"""The data set where neither the settings nor the target name one."""


def dataset_of(target: Target, settings: NetworkSettings) -> str:
    """Name or path of the data set that is meant."""
    dataset = settings.dataset or target.dataset or DATASET
    return card.name if (card := card_named(dataset)) else dataset


def source_of(target: Target, settings: NetworkSettings) -> ImageSource | StreamedSource:
    """The images: the target's search's unless others are named; streamed where they, or the network, are large."""
    dataset = dataset_of(target, settings)
    data = settings.data or (None if settings.dataset else target.data)
    card = card_named(dataset)
    sizes = network_config(Path(settings.config)) if settings.config else NetworkConfig()
    read = card and card.streaming and (isinstance(target.cell, Genotype) or not card.held)
    streamed = bool(read) or sizes.large
    for name in ("split_file", "train_portion") if target.whole else ():
        if getattr(settings, name) is not None:
            option = name.replace("_", "-")
            raise BadSetting(f"--{option} does not apply: genotypes train on all training images")
    return replace(settings, dataset=dataset, data=data).source(streamed=streamed)


def all_images(source: ImageSource | StreamedSource) -> tuple[Images, Mapping[str, Images]]:
    """All training images and the test images; a part of a data set (cifar10-valid) keeps the search's halves."""
    if isinstance(source, ImageSource) and source.name != source.dataset:
        return source.benchmark()
    valid = {"x-valid": source.given_valid} if source.given_valid else {}
    return source.train, {**valid, "ori-test": source.all_test}
