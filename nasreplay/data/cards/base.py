"""What is known of a built-in data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Mean and standard deviation of ImageNet's channels, 0..255."""


class Facts(NamedTuple):
    """The size of a data set."""

    classes: int
    """Number of classes."""
    resolution: int
    """Image side in pixels."""
    training_images: int
    """Images that networks are trained on."""


class EvaluationSet(NamedTuple):
    """One of the sets of images on which a benchmark has evaluated the networks of a stored data set."""

    images: int
    """Number of its images."""
    which: str
    """Which images these are, in words."""
    training: str | None = None
    """Training images of the networks, in words; None: as in the card."""


class ImageFiles(NamedTuple):
    """How the images of a published data set are stored, and where to get them."""

    folder: str
    """Name of the folder that the archive holds."""
    train: Mapping[str, str]
    """File of training images → md5 sum."""
    test: Mapping[str, str]
    """File of test images → md5 sum."""
    labels: str
    """Key of the labels in a file."""
    side: int
    """Side of an image, pixels."""
    classes: int
    """Number of classes."""
    first_labels: bool = False
    """Whether only the labels 1 to `classes` of more are kept, and counted from 0."""
    address: str = ""
    """URL of the archive; "" if it cannot be downloaded."""
    archive_md5: str = ""
    """md5 sum of the archive."""
    archive_bytes: int = 0
    """Size of the archive."""


class Streaming(NamedTuple):
    """How large images are read from files while a network is trained (`train.images.streamed`)."""

    side: int = 224
    """Side of the images that a network gets, in pixels."""
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.2)
    """Largest changes of brightness, contrast, saturation and hue of a training image."""
    scaled: tuple[int, int] = (8, 7)
    """a, b: evaluated images are scaled to a / b of the side before their center is cropped."""

    @property
    def scaled_side(self) -> int:
        """That side, in pixels: 256 for 224."""
        return self.side * self.scaled[0] // self.scaled[1]


class DatasetCard(NamedTuple):
    """A built-in data set: its facts, what benchmarks hold of it, and its images."""

    name: str
    """Key in packs, and the name that users type."""
    facts: Facts
    """Classes, pixels and training images."""
    aliases: tuple[str, ...] = ()
    """Other names, in small letters."""
    order: int = 100
    """Place in lists; the benchmark's stored data sets have 0 to 3."""

    training: str = ""
    """Training images of a benchmark's networks, in words."""
    sets: Mapping[str, EvaluationSet] = NOTHING
    """The evaluation sets that a benchmark may hold, by name; none = no benchmark has this data set."""
    splits: Mapping[str, tuple[str, str]] = NOTHING
    """Split (train, valid, test, valtest) → (stored data set, evaluation set) whose numbers a user gets."""
    searched: bool = False
    """Whether searches are compared on it unless others are named."""
    seconds: Mapping[str, float] = NOTHING
    """Space → published budget of a search: simulated seconds at the 12-epoch recipe."""

    package: str = ""
    """The Python package that carries its images; "" = none."""
    images_of: str = ""
    """The data set whose images these are a part of."""
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Published mean and standard deviation of each channel, 0..255; None = those of the training images."""
    halves_test: bool = False
    """Whether validation images are a half of the test images."""
    flip: bool = True
    """Whether the mirror image of an image belongs to the same class."""
    files: ImageFiles | None = None
    """The published image files; None = an image folder of that name, whose images decide classes and pixels."""
    folder: str = ""
    """What its image folder is called besides; "" = as the data set."""
    padding: int | None = None
    """Zero pixels around an image before a random crop; None = an eighth of its side."""
    cutout: bool = True
    """Whether genotypes' networks train on it with a square cut out, unless something else is asked for."""
    streaming: Streaming | None = None
    """How the networks of genotypes read its images, which are large; None = they are held in memory."""
    held: bool = True
    """Whether all others hold its images in memory, scaled to at most 64 × 64."""

    def is_named(self, name: str) -> bool:
        """Whether this is its name or an alias, whatever the case."""
        return name.lower() in (self.name.lower(), *self.aliases)
