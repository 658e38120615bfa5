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
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nasreplay.errors import BadSetting, TrainingFailed
from nasreplay.seeds import Stream
from nasreplay.train.augment import Augment
from nasreplay.train.batches import Batches
from nasreplay.train.device import Device
from nasreplay.train.distributed import ProcessGroup, Statistics, accumulating
from nasreplay.train.epochs import Batch, Division
from nasreplay.train.images.streaming.streamed_batches import StreamedBatches
from nasreplay.train.reading import Images, Order, in_order, shuffled
from nasreplay.train.recipe import Recipe, set_learning_rate
from nasreplay.train.scores import Epoch, Score, Totals

EVALUATION_BATCH = 256
AVERAGED = " (averaged weights)"


def in_parts(output: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Logits of a network's output, and those of its auxiliary head, which it gives in training if it has one."""
    return output if isinstance(output, tuple) else (output, None)


@contextmanager
def initial(seed: int, name: str = "init") -> Iterator[None]:
    """Inside, PyTorch's initialization draws from the seed's own stream; the global generators stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(_number(seed, name))
        yield


def _number(seed: int, name: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def reseed(generator: torch.Generator, seed: int, *position: object) -> None:
    """Continue with the random numbers that belong to this position in a run, whichever process comes to it."""
    generator.manual_seed(_number(seed, "/".join(map(str, position))))


def evaluate(network: nn.Module, images: Images, *, device: Device, size: int = EVALUATION_BATCH) -> Score:
    """Loss and accuracy in evaluation mode; all processes share the work and get the score. The mode is put back."""
    totals = Totals()
    count(network, images, totals, device=device, size=size)
    return totals.score()


@torch.no_grad()
def count(
    network: nn.Module,
    images: Images,
    totals: Totals,
    *,
    device: Device,
    size: int = EVALUATION_BATCH,
    after_batch: Callable[[int], None] | None = None,
) -> None:
    """Add the sums of a pass in evaluation mode, as `evaluate` makes it.

    after_batch: gets the number of images that are done.
    """
    was_training, own, started = network.training, Totals(), time.perf_counter()
    network.eval()
    for batch, labels in in_order(images, size, device):
        with device.autocast():
            logits = network(batch).float()
        own.add(nn.functional.cross_entropy(logits, labels).item(), logits, labels)
        if after_batch:
            after_batch(min(own.images * device.group.world_size, len(images)))
    network.train(was_training)
    totals.join(own, device.group)
    totals.seconds += time.perf_counter() - started


def division_of(recipe: Recipe, device: Device, items: int) -> Division:
    """How a recipe's batches out of so many images are divided; raises BadSetting for what cannot be done there."""
    if recipe.sync_bn and torch.device(device.name).type == "cpu":
        raise BadSetting("sync_bn: torch synchronizes batch norms between CUDA devices only; leave it out")
    return Division.of(device.group, recipe.micro_batches, recipe.batch, items)


@dataclass
class Trainer:
    """A training with everything that has memory; its state may be taken after any batch and continued exactly.

    seed decides initialization (by `build`), data order and drop path; two trainers with the same arguments and
    threads give the same bits on a CPU. With a moving average of the weights, `final` is the network of the
    averages, and evaluates every set, too, under its name and AVERAGED.
    """

    build: Callable[[], nn.Module]
    """Makes the network, with weights that PyTorch draws."""
    images: Images
    """The training images."""
    recipe: Recipe
    """Recipe of the training."""
    seed: int
    """The root seed."""
    device: Device = field(default_factory=Device)
    """Device of the training."""
    augment: Augment | bool = True
    """True for the images' own training transform, False for none, or another one."""

    def __post_init__(self):
        self.division = division_of(self.recipe, self.device, len(self.images))
        with initial(self.seed):
            network = self.build()
        if self.recipe.sync_bn:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        self.network = self.device.move(network)
        self.batches = self._batches(Stream(self.seed, "data"))
        self.optimizer = self.recipe.optimizer(self.recipe.groups(self.network))
        self.totals, self.trained = Totals(), 0
        self.parallel: nn.Module | None = None
        self.average = None
        if self.recipe.ema:
            rule = get_ema_multi_avg_fn(self.recipe.ema)
            self.average = AveragedModel(self.network, multi_avg_fn=rule, use_buffers=True)
        self.noise = torch.Generator(self.device.name)
        if self.recipe.drop_path:
            if not hasattr(self.network, "drop_path"):
                raise BadSetting(f"drop path {self.recipe.drop_path:g}: this network has none; set it to 0")
            self.network.generator = self.noise  # pyright: ignore[reportArgumentType]

    def _batches(self, stream: Stream) -> Batches | StreamedBatches:
        order = Order(self.recipe.batch, self.device, self.division, self.recipe.drop_last)
        return shuffled(self.images.by(self.recipe), order, stream, self.augment)

    def epoch(self, sets: Mapping[str, Images], after_batch: Callable[[], None] | None = None) -> Epoch:
        """Train to the end of the current epoch, then evaluate on the sets."""
        number, rate = self.trained, self.recipe.highest_rate(self.trained, len(self.images))
        if self.recipe.drop_path:
            self.network.drop_path = self.recipe.drop_path_rate(number)  # pyright: ignore[reportArgumentType]
        if self.batches.epoch == number:  # else it was interrupted during the evaluation
            self._train(after_batch)
            state = [self.network.state_dict(), self.optimizer.state_dict()]
            self.device.group.check_same(state, f"after epoch {number + 1}")
        scores, score = self.scores(sets), self.totals.score()
        self.totals, self.trained = Totals(), number + 1
        return Epoch(number + 1, rate, score, scores)

    def _train(self, after_batch: Callable[[], None] | None) -> None:
        """Train on the rest of the current epoch's batches; raises TrainingFailed when a loss is not a number."""
        recipe, totals = self.recipe, self.totals
        self.network.train()
        epoch, started = self.batches.epoch, time.perf_counter()
        for batch in self.batches:
            set_learning_rate(self.optimizer, recipe.learning_rate(epoch, totals.images / self.batches.items))
            found = self._backward(batch)
            if not math.isfinite(found.loss):
                raise TrainingFailed(
                    f"the training loss is {found.loss / found.images} in epoch {epoch + 1}, "
                    f"image {totals.images + 1:,}: lower the learning rate, or use --precision float32"
                )
            if recipe.clip:
                nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
            self.optimizer.step()
            if self.average:
                self.average.update_parameters(self.network)
            totals.join(found, ProcessGroup())
            now = time.perf_counter()
            totals.seconds, started = totals.seconds + now - started, now
            if after_batch:
                after_batch()
                started = time.perf_counter()  # a checkpoint is not training time

    def _backward(self, batch: Batch) -> Totals:
        """Leave the gradients of a mini-batch's mean loss; returns its sums over all processes."""
        group, own, found = self.device.group, Totals(), Totals()
        self.optimizer.zero_grad(set_to_none=True)
        if self.parallel is None:
            self.parallel = group.parallel(self.network, batch.images[:2])
        statistics = Statistics(self.network, self.division.parts > 1)
        for number, (images, labels), part in self.division.shares(batch, self.batches.given):
            reseed(self.noise, self.seed, "drop path", self.trained, self.totals.images, number)
            with accumulating(self.parallel, number == self.division.own[-1]):
                with self.device.autocast(), statistics.of(part):
                    output = self.parallel(images)
                logits, auxiliary = in_parts(output)
                loss = self.recipe.loss(logits, labels, auxiliary)
                (loss * (part * group.world_size)).backward()  # which the processes average
            own.add(loss.item(), logits.detach(), labels)
        found.join(own, group)
        if statistics.sums:
            group.all_reduce(statistics.sums)
            statistics.keep()
        return found

    def scores(self, sets: Mapping[str, Images]) -> dict[str, Score]:
        """The scores of the network as it is, on each set."""
        networks = {"": self.network} | ({AVERAGED: self.final} if self.average else {})
        return {
            name + mark: evaluate(network, images.by(self.recipe), device=self.device)
            for name, images in sets.items()
            for mark, network in networks.items()
        }

    @property
    def final(self) -> nn.Module:
        """The network that one keeps of the training."""
        return self.average.module if self.average else self.network

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory: tensors and JSON values, nested."""
        return {
            "network": self.network.state_dict(),
            "average": self.average and self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": self.batches.state_dict(),
            "totals": vars(self.totals).copy(),
            "trained": self.trained,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.network.load_state_dict(state["network"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(
            state["optimizer" if "optimizer" in state else "optimiser"]
        )  # as of 0.1
        self.batches.load_state_dict(state["batches"])
        self.totals, self.trained = Totals(**state["totals"]), state["trained"]
