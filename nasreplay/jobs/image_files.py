"""Built-in image sets: which there are, where their images come from, fetching them; dividing image folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nasreplay.data.cards import CARDS, DatasetCard
from nasreplay.errors import BadInput, UnknownName
from nasreplay.numerals import LARGEST
from nasreplay.settings import setting, with_settings


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


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How an image folder is divided."""

    ratio: float = 0.5
    """Part of each class that is trained on."""
    seed: int = setting(1, least=0, most=LARGEST)
    """Seed of the draw."""
    out: Path | None = setting(None, metavar="FILE")
    """The list to write. [beside FOLDER: FOLDER-RATIO-seedSEED.txt]"""


class Split(NamedTuple):
    """A list that divides an image folder."""

    file: Path
    """The list."""
    counts: dict[str, dict[str, int]]
    """Part (train, val) → class → number of images."""


@with_settings(SplitSettings)
def split(folder: str | Path, *, settings: SplitSettings) -> Split:
    """Write a list of training and held-out images of a folder, of every class alike, without copying any.

    The list takes the folder's place as `dataset`. Raises BadData, BadSetting or BadOutput.
    """
    from nasreplay.train.images.split_list import divided, write_list

    folder = Path(folder).expanduser()
    rows = divided(folder, settings.ratio, settings.seed)
    whole = folder.absolute()
    usual = whole.with_name(f"{whole.name}-{settings.ratio:g}-seed{settings.seed}.txt")
    file = settings.out.expanduser() if settings.out else usual
    write_list(rows, folder, file)
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.part, Counter())[row.name] += 1
    return Split(file, {part: dict(each) for part, each in counts.items()})
