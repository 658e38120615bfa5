"""A supernet whose weights are fixed: slopes over all images of a part, or on the published mini-batches.

They stand between the table of the same shared accuracies and the search that trains the weights: the first adds that
a mixture mixes features instead of averaging accuracies, the second that a step sees a few images only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from nasreplay.evaluate.protocol import Mixture, Slope
from nasreplay.live.gradients import StepGradients
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.recompute import kept_buffers
from nasreplay.train.epochs import Batch
from nasreplay.train.reading import Images


class FrozenBatches(SupernetEvaluator):
    """Shared weights that stay as they are (`start`): slopes on the published mini-batches, in the published order.

    A seed draws the images that a search with this seed learns from. Batch norms use the statistics of each batch, as
    the steps of a search do; their running statistics stay, so that an architecture's accuracy is always the same.
    Searchers that train weights train none here, as on a table; a step of second order equals one of first order.
    """

    kind = "frozen"
    abilities = SupernetEvaluator.abilities - {"weights"}

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """Learn nothing; return the slope of the training batch if it is needed."""
        return self.slope(mixture, split="train") if need_slope else None

    def watch(self, mixture: Mixture, *, replica: np.ndarray | None = None) -> None:
        """No statistics move."""

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Cross-entropy and its gradient; order 2 equals order 1, as there is no step of the weights to look at."""
        return super().slope(mixture, split=split)

    def backward(
        self, which: int, mixture: Mixture, *, weights: bool = False, slope: bool = False
    ) -> StepGradients:
        """Forward and backward as of a supernet; its running statistics are put back."""
        self.set_mode(train=True)
        with kept_buffers(self.net):
            return super().backward(which, mixture, weights=weights, slope=slope)

    @property
    def slopes(self) -> str:
        """What a slope is measured on, in words."""
        return f"mini-batches of {self.recipe.batch} images, weights fixed"

    def describe(self) -> dict[str, Any]:
        """What the run header records."""
        fixed = {"slopes": self.slopes, "order_2": "second order equals first order: the weights are fixed"}
        return {**super().describe(), **fixed}


class FrozenSplit(FrozenBatches):
    """Shared weights that stay as they are (`start`): slopes over the whole part that the architecture learns from.

    The value is the mean cross-entropy of all its images as they are, without augmentation and drop path; searchers
    on one level, which ask on the training batch, get that of the whole training part. Batch norms use statistics of
    fixed batches of the recipe's size, evenly spaced images each: the slopes of mini-batches scatter around this one,
    augmentation aside. It costs as much as all mini-batches of a pass.
    """

    def shares(self, which: int, samples: int) -> Iterator[tuple[int, Batch, float]]:
        """(sample, batch, its part of all images and samples): every batch of the split, for each sample."""
        total = samples * len(self.images[which])
        for sample in range(samples):
            for images in self._spaced[which]:
                for batch in self._in_order(images, len(images)):
                    yield sample, batch, len(images) / total

    def check_samples(self, samples: int) -> None:
        """Accept any number: each sample is measured on all images."""

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """Schedules of this epoch, without drop path."""
        super().at_epoch(epoch, epochs)
        self.net.drop_path = 0.0

    @property
    def slopes(self) -> str:
        """What a slope is measured on, in words."""
        return f"all {len(self.images[1]):,} images of the architecture, weights fixed"

    @cached_property
    def _spaced(self) -> tuple[list[Images], ...]:
        """The batches of both parts; evenly spaced, because image folders are in the order of their classes."""
        sizes = (self.recipe.batch, self.recipe.arch_batch or self.recipe.batch)
        counts = [-(-len(part) // size) for part, size in zip(self.images, sizes, strict=True)]
        return tuple(
            [part.take(np.arange(first, len(part), count)) for first in range(count)]
            for part, count in zip(self.images, counts, strict=True)
        )
