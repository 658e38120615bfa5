"""Accuracies: sums over the images of a pass, their averages, and what one epoch came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from nasreplay.train.distributed import ProcessGroup


class Score(NamedTuple):
    """What one pass over a set of images came to."""

    loss: float
    """Mean cross-entropy."""
    top1: float
    """Accuracy, in percent."""
    top5: float
    """Images whose class is among the five best logits, in percent."""
    seconds: float
    """Wall seconds, with data loading."""


@dataclass
class Totals:
    """Running sums over the images of a pass; part of the checkpoint, so that a resumed epoch continues them."""

    images: int = 0
    """Number of images."""
    loss: float = 0.0
    """Sum of their losses."""
    top1: float = 0.0
    """Number of images whose class had the best logit."""
    top5: float = 0.0
    """Number of images whose class was among the five best logits."""
    seconds: float = 0.0
    """Wall seconds."""

    def add(self, loss: float, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: its mean loss, logits [B, K] and labels [B]."""
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
        self.images += len(labels)
        self.loss += loss * len(labels)
        self.top1 += float(best[:, 0].sum())
        self.top5 += float(best.sum())

    def join(self, other: Totals, group: ProcessGroup) -> None:
        """Add another's sums, except the seconds, over all ranks."""
        counts = np.array([other.images, other.loss, other.top1, other.top5])
        group.all_reduce_arrays(counts)
        images, loss, top1, top5 = counts.tolist()
        self.images, self.loss = self.images + int(images), self.loss + loss
        self.top1, self.top5 = self.top1 + top1, self.top5 + top5

    def score(self) -> Score:
        """The averages."""
        top1, top5 = 100.0 * self.top1 / self.images, 100.0 * self.top5 / self.images
        return Score(self.loss / self.images, top1, top5, self.seconds)


class Epoch(NamedTuple):
    """What one epoch came to."""

    epoch: int
    """Its number, from 1."""
    lr: float
    """The highest learning rate in it; it rises within the epochs of a warm-up only."""
    train: Score
    """The training images, while the weights changed."""
    sets: dict[str, Score]
    """Evaluation set → score at its end."""

    @property
    def seconds(self) -> float:
        """Wall seconds of training and evaluations."""
        return self.train.seconds + sum(score.seconds for score in self.sets.values())

    def plain(self) -> dict[str, Any]:
        """The epoch as JSON values."""
        sets = {name: score._asdict() for name, score in self.sets.items()}
        return {"epoch": self.epoch, "lr": self.lr, "train": self.train._asdict(), "sets": sets}

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Epoch:
        """The epoch that `plain` gave."""
        sets = {name: Score(**score) for name, score in values["sets"].items()}
        return cls(values["epoch"], values["lr"], Score(**values["train"]), sets)
