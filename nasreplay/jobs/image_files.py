"""Built-in image sets: which there are, where their images come from, and fetching those that can be fetched."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nasreplay.data.cards import CARDS, DatasetCard
from nasreplay.errors import BadInput, UnknownName


class ImageSummary(NamedTuple):
    """A built-in image set, in short."""

    name: str
    """Name of the data set."""
    classes: int
    """Number of classes."""
    pixels: int
    """Side of an image."""
    training: int
    """Number of training images."""
    images: str
    """The origin of the images, in words."""


def list_images() -> list[ImageSummary]:
    """Every built-in image set."""
    facts = ((card, card.facts) for card in CARDS.values())
    return [
        ImageSummary(card.name, about.classes, about.resolution, about.training_images, _origin(card))
        for card, about in facts
    ]


def fetch_images(name: str, data: Path | None = None) -> Path:
    """The folder of a built-in data set's published files, downloaded unless they are there.

    data: where they are put; by default where every command looks. Raises UnknownName, BadData or BadOutput.
    """
    from nasreplay.train.images.find_images import card_named, locate

    can = [each.name for each in CARDS.values() if _address(each)]
    card = card_named(name)
    if card is None:
        raise UnknownName.among(can, "data set", name)
    if not _address(card):
        raise BadInput(f"{card.name} cannot be fetched ({_origin(card)}); known: {', '.join(can)}")
    folder = locate(card.images_of or card.name, data, fetch=True).folder
    assert folder
    return folder


def _address(card: DatasetCard) -> str:
    files = CARDS[card.images_of].files if card.images_of else card.files
    return files.address if files else ""


def _origin(card: DatasetCard) -> str:
    if card.package:
        return f"comes with {card.package}"
    if _address(card):
        return f"nasreplay data fetch {card.images_of or card.name}"
    return f"files {card.files.folder}/" if card.files else f"an image folder {card.folder or card.name}/"
