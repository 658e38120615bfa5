"""One epoch of training, one pass of evaluation, and the trainer that puts them in a row.

A network maps images [B, 3, H, W] to logits [B, K]; in training it may return a pair, those and the logits of its
auxiliary head. Accuracies are percent, averaged over batches weighted by their size.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nasreplay.errors import BadSetting, TrainingFailed
from nasreplay.seeds import Stream
from nasreplay.train.augment import Augment
from nasreplay.train.batches import Batch, Batches, in_order
from nasreplay.train.data import ImageSet
from nasreplay.train.files import FileBatches, ImageFiles
from nasreplay.train.optim import Recipe, set_learning_rate
from nasreplay.train.place import Place

EVALUATION_BATCH = 256
AVERAGED = " (averaged weights)"
Images = ImageSet | ImageFiles


class Score(NamedTuple):
    """Of one pass over a set: mean loss, top-1 and top-5 percent, wall seconds with data loading."""

    loss: float
    top1: float
    top5: float
    seconds: float


@dataclass
class Totals:
    """Sums over the images of a pass; with a training's other states, they let an epoch be continued."""

    images: int = 0
    loss: float = 0.0
    top1: float = 0.0
    top5: float = 0.0
    seconds: float = 0.0

    def add(self, loss: float, logits: Tensor, labels: Tensor) -> None:
        """A batch: its mean loss, logits [B, K] and labels [B]."""
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
        self.images += len(labels)
        self.loss += loss * len(labels)
        self.top1 += float(best[:, 0].sum())
        self.top5 += float(best.sum())

    def score(self) -> Score:
        """The averages."""
        top1, top5 = 100.0 * self.top1 / self.images, 100.0 * self.top5 / self.images
        return Score(self.loss / self.images, top1, top5, self.seconds)


@contextmanager
def initial(seed: int, name: str = "init") -> Iterator[None]:
    """Inside, PyTorch's initialisation draws from the seed's own stream; the global generators stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(_number(seed, name))
        yield


def _number(seed: int, name: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def train_epoch(
    network: nn.Module,
    batches: Batches | FileBatches,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    *,
    totals: Totals,
    place: Place,
    average: AveragedModel | None = None,
    after_batch: Callable[[], None] | None = None,
) -> Score:
    """Train on the rest of the batches' current epoch; raises TrainingFailed when a loss is not a number.

    average: the moving average of the weights, which follows every step.
    """
    network.train()
    epoch = batches.epoch
    started = time.perf_counter()
    for images, labels in batches:
        set_learning_rate(optimiser, recipe.learning_rate(epoch, totals.images / batches.items))
        with place.computing():
            output = network(images)
        logits, auxiliary = output if isinstance(output, tuple) else (output, None)
        loss = recipe.loss(logits, labels, auxiliary)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingFailed(
                f"the training loss is {value} in epoch {epoch + 1}, image {totals.images + 1:,}: "
                "lower the learning rate, or use --precision float32"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
        if average:
            average.update_parameters(network)
        totals.add(value, logits.detach(), labels)
        now = time.perf_counter()
        totals.seconds, started = totals.seconds + now - started, now
        if after_batch:
            after_batch()
            started = time.perf_counter()  # a checkpoint is not training time
    return totals.score()


@torch.no_grad()
def evaluate(network: nn.Module, images: Images, *, place: Place, size: int = EVALUATION_BATCH) -> Score:
    """Loss and accuracy in evaluation mode on the images as they are; the network's mode is put back."""
    was_training, totals, started = network.training, Totals(), time.perf_counter()
    network.eval()
    for batch, labels in _in_order(images, size, place):
        with place.computing():
            logits = network(batch).float()
        totals.add(nn.functional.cross_entropy(logits, labels).item(), logits, labels)
    network.train(was_training)
    totals.seconds = time.perf_counter() - started
    return totals.score()


def _in_order(images: Images, size: int, place: Place) -> Iterator[Batch]:
    if isinstance(images, ImageFiles):
        return images.in_order(size, place)
    return in_order(images, size, place.device, place.channels_last)


class Epoch(NamedTuple):
    """What one epoch came to. epoch: counted from 1; sets: evaluation set → score."""

    epoch: int
    lr: float
    train: Score
    sets: dict[str, Score]

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        sets = {name: score._asdict() for name, score in self.sets.items()}
        return {"epoch": self.epoch, "lr": self.lr, "train": self.train._asdict(), "sets": sets}


@dataclass
class Trainer:
    """A training with everything that has memory; its state may be taken after any batch and continued exactly.

    seed decides initialisation (by `build`), data order and drop path; two trainers with the same arguments and
    threads give the same bits on a CPU. With a moving average of the weights, `final` is the network of the
    averages, and evaluates every set, too, under its name and AVERAGED.
    """

    build: Callable[[], nn.Module]
    images: Images
    recipe: Recipe
    seed: int
    place: Place = field(default_factory=Place)
    augment: Augment | bool = True

    def __post_init__(self):
        with initial(self.seed):
            self.network = self.place.move(self.build())
        self.batches = self._batches(Stream(self.seed, "data"))
        self.optimiser = self.recipe.optimiser(self.recipe.groups(self.network))
        self.totals, self.trained = Totals(), 0
        self.average = None
        if self.recipe.ema:
            rule = get_ema_multi_avg_fn(self.recipe.ema)
            self.average = AveragedModel(self.network, multi_avg_fn=rule, use_buffers=True)
        self.noise = torch.Generator(self.place.device)
        self.noise.manual_seed(_number(self.seed, "drop path"))
        if self.recipe.drop_path:
            if not hasattr(self.network, "drop_path"):
                raise BadSetting(f"drop path {self.recipe.drop_path:g}: this network has none; set it to 0")
            self.network.generator = self.noise  # pyright: ignore[reportArgumentType]

    def _batches(self, stream: Stream) -> Batches | FileBatches:
        size, augment = self.recipe.batch, self.augment
        if isinstance(self.images, ImageFiles):
            if self.recipe.cutout:
                raise BadSetting(
                    f"cutout {self.recipe.cutout}: images read from files are not cut; set it to 0"
                )
            return FileBatches(self.images, size, stream, self.place)
        if augment is True and self.recipe.cutout:
            augment = replace(self.images.augment, cutout=self.recipe.cutout)
        return Batches(self.images, size, stream, augment, self.place.device, self.place.channels_last)

    def epoch(self, sets: Mapping[str, Images], after_batch: Callable[[], None] | None = None) -> Epoch:
        """Train to the end of the current epoch, then evaluate on the sets."""
        number, rate = self.trained, self.recipe.learning_rate(self.trained)
        if self.recipe.drop_path:
            self.network.drop_path = self.recipe.drop_path_rate(number)  # pyright: ignore[reportArgumentType]
        if self.batches.epoch == number:  # else it was interrupted during the evaluation
            train_epoch(
                self.network,
                self.batches,
                self.optimiser,
                self.recipe,
                totals=self.totals,
                place=self.place,
                average=self.average,
                after_batch=after_batch,
            )
        scores, score = self.scores(sets), self.totals.score()
        self.totals, self.trained = Totals(), number + 1
        return Epoch(number + 1, rate, score, scores)

    def scores(self, sets: Mapping[str, Images]) -> dict[str, Score]:
        """Of the network as it is, on each set."""
        networks = {"": self.network} | ({AVERAGED: self.final} if self.average else {})
        return {
            name + mark: evaluate(network, images, place=self.place)
            for name, images in sets.items()
            for mark, network in networks.items()
        }

    @property
    def final(self) -> nn.Module:
        """What one keeps of the training."""
        return self.average.module if self.average else self.network

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory: tensors and JSON values, nested."""
        return {
            "network": self.network.state_dict(),
            "average": self.average and self.average.state_dict(),
            "noise": self.noise.get_state(),
            "optimiser": self.optimiser.state_dict(),
            "batches": self.batches.state_dict(),
            "totals": vars(self.totals).copy(),
            "trained": self.trained,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.network.load_state_dict(state["network"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.noise.set_state(state["noise"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.batches.load_state_dict(state["batches"])
        self.totals, self.trained = Totals(**state["totals"]), state["trained"]
