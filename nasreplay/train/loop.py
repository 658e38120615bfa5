"""One epoch of training, one pass of evaluation, and the trainer that puts them in a row.

A network maps images [B, 3, H, W] to logits [B, K], or to a pair whose second item they are (as the published
networks do). Accuracies are percent, averaged over batches weighted by their size.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting, TrainingFailed
from nasreplay.seeds import Stream
from nasreplay.train.augment import Augment
from nasreplay.train.batches import Batches, in_order
from nasreplay.train.data import ImageSet
from nasreplay.train.optim import Recipe, set_learning_rate

PRECISIONS = ("float32", "bf16")
EVALUATION_BATCH = 256


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


@dataclass(frozen=True)
class Place:
    """Where and how the numbers are computed. precision: float32, or bf16 (autocast; weights stay float32)."""

    device: str = "cpu"
    precision: str = "float32"
    channels_last: bool = True

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise BadSetting(f"precision {self.precision!r}: one of {', '.join(PRECISIONS)}")
        try:
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError):  # what torch raises for a device that is not there
            raise BadSetting(f"device {self.device!r} is not available here; cpu always is") from None

    def move(self, network: nn.Module) -> nn.Module:
        """The network on the device, in this memory order."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return network.to(self.device).to(memory_format=order)  # pyright: ignore[reportCallIssue]

    def computing(self) -> torch.autocast:
        """The context of a forward pass."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16")


def device_named(text: str) -> str:
    """`auto` is the first CUDA device if there is one, else the CPU."""
    if text == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return text


@contextmanager
def initial(seed: int, name: str = "init") -> Iterator[None]:
    """Inside, PyTorch's initialisation draws from the seed's own stream; the global generators stay as they were."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    with torch.random.fork_rng():
        torch.manual_seed(int.from_bytes(digest, "little") >> 1)
        yield


def logits_of(output: Any) -> Tensor:
    """The logits of what a network returned."""
    return output[1] if isinstance(output, tuple) else output


def train_epoch(
    network: nn.Module,
    batches: Batches,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    *,
    totals: Totals,
    place: Place,
    after_batch: Callable[[], None] | None = None,
) -> Score:
    """Train on the rest of the batches' current epoch; raises TrainingFailed when a loss is not a number."""
    network.train()
    epoch = batches.epoch
    started = time.perf_counter()
    for images, labels in batches:
        set_learning_rate(optimiser, recipe.learning_rate(epoch, totals.images / batches.items))
        with place.computing():
            logits = logits_of(network(images))
        loss = recipe.loss(logits, labels)
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
        totals.add(value, logits.detach(), labels)
        now = time.perf_counter()
        totals.seconds, started = totals.seconds + now - started, now
        if after_batch:
            after_batch()
            started = time.perf_counter()  # a checkpoint is not training time
    return totals.score()


@torch.no_grad()
def evaluate(network: nn.Module, images: ImageSet, *, place: Place, size: int = EVALUATION_BATCH) -> Score:
    """Loss and accuracy in evaluation mode on the images as they are; the network's mode is put back."""
    was_training, totals, started = network.training, Totals(), time.perf_counter()
    network.eval()
    for batch, labels in in_order(images, size, place.device, place.channels_last):
        with place.computing():
            logits = logits_of(network(batch)).float()
        totals.add(nn.functional.cross_entropy(logits, labels).item(), logits, labels)
    network.train(was_training)
    totals.seconds = time.perf_counter() - started
    return totals.score()


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

    seed decides initialisation (by `build`) and data order; two trainers with the same arguments and threads give
    the same bits on a CPU.
    """

    build: Callable[[], nn.Module]
    images: ImageSet
    recipe: Recipe
    seed: int
    place: Place = field(default_factory=Place)
    augment: Augment | bool = True

    def __post_init__(self):
        with initial(self.seed):
            self.network = self.place.move(self.build())
        stream = Stream(self.seed, "data")
        where = self.place.device, self.place.channels_last
        self.batches = Batches(self.images, self.recipe.batch, stream, self.augment, *where)
        self.optimiser = self.recipe.optimiser(self.network.parameters())
        self.totals, self.trained = Totals(), 0

    def epoch(self, sets: Mapping[str, ImageSet], after_batch: Callable[[], None] | None = None) -> Epoch:
        """Train to the end of the current epoch, then evaluate on the sets."""
        number, rate = self.trained, self.recipe.learning_rate(self.trained)
        if self.batches.epoch == number:  # else it was interrupted during the evaluation
            train_epoch(
                self.network,
                self.batches,
                self.optimiser,
                self.recipe,
                totals=self.totals,
                place=self.place,
                after_batch=after_batch,
            )
        scores = {name: evaluate(self.network, images, place=self.place) for name, images in sets.items()}
        score = self.totals.score()
        self.totals, self.trained = Totals(), number + 1
        return Epoch(number + 1, rate, score, scores)

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory: tensors and JSON values, nested."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "batches": self.batches.state_dict(),
            "totals": vars(self.totals).copy(),
            "trained": self.trained,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.batches.load_state_dict(state["batches"])
        self.totals, self.trained = Totals(**state["totals"]), state["trained"]
