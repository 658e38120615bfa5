"""What is done to images that are read from files, by the name that a recipe gives (`augmentation`).

A new one is a row of `AUGMENTATIONS`. An image is first scaled to one of its squares, which can be kept (`pictures`),
then changed at random. torchvision's transforms draw from PyTorch's generator, which is seeded for every image.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nasreplay.data.cards.base import Streaming

USUAL = "crops"
"""The augmentation of a recipe that names none."""
# the principal components of ImageNet's colors, as columns, and what AlexNet's noise is scaled by along each
COLORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
SPREADS = (0.2175, 0.0188, 0.0045)


class Augmentation(NamedTuple):
    """The changes of training images, and what is done to evaluated ones."""

    training: Callable[[Streaming], list[Any]]
    """Random changes of a PIL image, in order, up to the side."""
    plain: Callable[[Streaming], list[Any]]
    """What is done to an evaluated PIL image."""
    parts: tuple[float, ...] = ()
    """Probability that a training image is scaled to a square of scaled / 1, / 2, / 4, … pixels; evaluated ones are
    scaled to the first. (): images are taken as they are."""

    def squares(self, how: Streaming) -> tuple[int, ...]:
        """Sides in pixels of the squares; () where images are taken as they are."""
        return tuple(max(how.scaled_side >> halved, 1) for halved in range(len(self.parts)))

    def drawn_square(self) -> int:
        """The number of the square of a training image, drawn from PyTorch's generator."""
        return int(torch.multinomial(torch.tensor(self.parts), 1)) if self.parts else 0


def square(image: Any, side: int) -> Any:
    """A PIL image scaled to a square, whatever its shape, by Lanczos' filter."""
    from PIL import Image

    return image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS)


def to_numbers(
    mean: tuple[float, ...], std: tuple[float, ...], lighting: float = 0.0
) -> list[Callable[[Any], Any]]:
    """The steps from a PIL image to its normalized numbers float32 [3, H, W]; see `lit` for the lighting."""
    from torchvision.transforms import v2

    light = [partial(lit, strength=lighting)] if lighting else []
    return [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        *light,
        v2.Normalize(list(mean), list(std)),
    ]


def lit(image: Tensor, strength: float) -> Tensor:
    """An image [3, H, W] in [0, 1] with noise along the principal colors of ImageNet (AlexNet, NeurIPS 2012, 4.1)."""
    alpha = strength * torch.randn(3)
    return image + (torch.tensor(COLORS) @ (alpha * torch.tensor(SPREADS))).view(3, 1, 1)


def _crops(how: Streaming) -> list[Any]:
    """A random crop of random size, a flip, changed colors, as in the DARTS, GDAS and SNAS releases."""
    from torchvision.transforms import v2

    crop = v2.RandomResizedCrop(how.side, antialias=True)
    return [crop, v2.RandomHorizontalFlip(), v2.ColorJitter(*how.jitter)]


def _centers(how: Streaming) -> list[Any]:
    from torchvision.transforms import v2

    return [v2.Resize(how.scaled_side, antialias=True), v2.CenterCrop(how.side)]


def _resolutions(how: Streaming) -> list[Any]:
    """Scaled back, colors changed, gray now and then, flipped, and cropped, all by Lanczos' filter."""
    from torchvision.transforms import v2

    return [
        partial(square, side=how.scaled_side),
        v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        v2.RandomGrayscale(0.2),
        v2.RandomHorizontalFlip(),
        v2.RandomResizedCrop(how.side, interpolation=v2.InterpolationMode.LANCZOS),
    ]


def _center(how: Streaming) -> list[Any]:
    from torchvision.transforms import v2

    return [v2.CenterCrop(how.side)]


AUGMENTATIONS = {
    USUAL: Augmentation(_crops, _centers),
    # SLNAS (github.com/Yee-Master/SLNAS): 256, 128, 64 or 32 pixels for a side of 224
    "resolutions": Augmentation(_resolutions, _center, (0.55, 0.15, 0.15, 0.15)),
}
"""Name → augmentation."""
