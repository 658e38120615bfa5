"""A weight-sharing supernet as an evaluator: learn, slope (first and second order), shared-weight accuracies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting, LacksCapability, TrainingFailed
from nasreplay.evaluate.base import begun
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Mixture, Slope
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.live.gradients import ARCH, TRAIN, GradientSum, StepGradients, mean_loss
from nasreplay.live.idle_weights import decay_idle, note_reached
from nasreplay.live.second_order import unrolled
from nasreplay.live.shared_accuracy import BATCH, SharedAccuracies
from nasreplay.models.shared_networks import CellNetwork, SharedNetwork
from nasreplay.seeds import Stream
from nasreplay.train.batches import Batches, PairedBatches
from nasreplay.train.descent.optimizers import load_moments
from nasreplay.train.device import Device
from nasreplay.train.distributed import Statistics
from nasreplay.train.epochs import Batch, Division, batch_count
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.images.streaming.streamed_batches import StreamedBatches, StreamedPairs
from nasreplay.train.loop import in_parts, initial, reseed
from nasreplay.train.reading import Order, paired, shuffled
from nasreplay.train.recipe import WEIGHT_SHARING, Recipe, set_learning_rate

HINT = "lower the learning rate, or use --precision float32; the checkpoints before it are intact"


class SupernetEvaluator(SharedAccuracies):
    """Shared weights of all architectures of a space, trained while a search goes on; one replica.

    Ladder: "batch" is the accuracy on the current architecture mini-batch with batch statistics (the published
    reward of ENAS, curriculum and mask-rl), "shared" that on `valid_batches` batches of validation images, always the
    same ones; in the last epoch, when an answer is chosen, on all of them. Simulated seconds are the measured ones.

    source: the images.
    network: which space, and how its network is made; None is that of NAS-Bench-201.
    recipe: how the weights learn; the published clipping norm includes the logits' gradient, ours does not.
    fraction: part of the images of every split that is used.
    valid_batches: batches of the recipe's test_batch (else 512) images that compare candidates.
    rewards: "batch" or "running" statistics for the accuracy on a mini-batch.
    judge: "all" images, or "batches", judge an epoch's answer and the last epoch's candidates.
    device: device, precision and ranks.
    dtype: of the weights.
    truth: a table of the same space and data set, for reports.
    start: shared weights to begin with, as a state dict; None for fresh ones. origin: whose they are, in words.
    """

    abilities = frozenset({"evaluate", "slope", "one-hot slope", "weights", "clock"})
    seed: int = begun()
    noise: torch.Generator = begun()
    weights: list[Tensor] = begun()
    """The parameters that learn."""
    optimizer: torch.optim.Optimizer = begun()
    batches: PairedBatches | StreamedPairs = begun()
    held_out: Batches | StreamedBatches = begun()
    """Further architecture batches, for steps that learn nothing."""
    drawn: Sequence[Batch] = begun()
    """The step's mini-batches TRAIN and ARCH; empty before the first step."""

    def __init__(
        self,
        source: ImageSource | StreamedSource,
        network: SharedNetwork | None = None,
        *,
        recipe: Recipe = WEIGHT_SHARING,
        fraction: float = 1.0,
        valid_batches: int = 1,
        judge: str = "all",
        rewards: str = "batch",
        device: Device | None = None,
        dtype: torch.dtype = torch.float32,
        truth: TableEvaluator | None = None,
        start: dict[str, Tensor] | None = None,
        origin: str = "",
    ):
        self.source, self.network, self.start, self.origin = source, network or CellNetwork(), start, origin
        self.space, self.dataset = self.network.space, source.name
        self.recipe, self.device, self.dtype, self.truth = recipe, device or Device(), dtype, truth
        if valid_batches < 1:
            raise BadSetting(f"{valid_batches} batches of validation images: it must be at least 1")
        recipe.check_shared()
        self.valid_batch, self.judge, self.rewards = recipe.test_batch or 512, judge, rewards
        parts = source.search()
        self.images = (parts.weights.fraction(fraction), parts.arch.fraction(fraction))
        count = min(self.valid_batch * valid_batches, len(parts.valid))
        # evenly spaced: image folders are in the order of their classes
        self.valid = parts.valid.take(np.arange(count) * len(parts.valid) // max(count, 1))
        self.held = parts.valid.fraction(fraction)
        self.steps_per_epoch = batch_count(len(self.images[0]), recipe.batch, recipe.drop_last)
        about = (self.device.group, recipe.micro_batches, recipe.batch)
        self.division, _ = (Division.of(*about, len(images)) for images in self.images)

    # --- the protocol ------------------------------------------------------------------------------

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start a run: fresh weights, optimizer and data order for this replica."""
        super().begin(seed, replicas, budget)
        self.check_batches()
        with initial(seed, f"supernet/{replicas[0]}"):
            net: Any = self.network.build(self.source.classes, self.source.side)
        if self.start is not None:
            net.load_state_dict(self.start)
        net.generator = self.noise = torch.Generator(self.device.name)
        self.net = self.device.move(net.to(self.dtype))
        self.seed = seed
        self.weights = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = self.recipe.optimizer(self.net.parameters())
        every, recipe = (*self.images, self.valid, self.held), self.recipe
        first, arch, self.valid, self.held = (part.by(recipe) for part in every)
        order = Order(recipe.batch, self.device, self.division, recipe.drop_last)
        streams = (Stream(seed, name, replicas) for name in ("data", "held-out data"))
        self.batches = paired(first, arch, order, next(streams))
        self.held_out = shuffled(arch, order._replace(size=self.arch_batch), next(streams))
        self.drawn, self.images_in_batch = (), 0
        self.metrics, self.ending, self.share, self.known = {}, False, 1.0, {}

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """Learning rate and drop path of this epoch; its measurements start again."""
        # the recipe's schedule over this search's own epochs
        set_learning_rate(self.optimizer, replace(self.recipe, epochs=epochs).learning_rate(epoch))
        self.net.drop_path = self.network.drop_path_at(epoch, epochs)
        self.ending, self.share = epoch + 1 == epochs, 1.0
        self.metrics = {}

    def begin_step(self, *, learns: bool = True) -> None:
        """Draw this step's training and architecture images; a batch is made of them when it is used."""
        with self._timed():
            if learns:
                self.drawn = self.batches.next().to(self.dtype)
                self.images_in_batch = self.batches.given
            else:
                batch = self.held_out.next().to(self.dtype)
                self.drawn, self.images_in_batch = (batch, batch), self.held_out.given

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """One SGD step on the training batch; with need_slope the slope of the same backward pass."""
        if mixture.weights.ndim != 3 and not self.network.mixed_cells:
            raise LacksCapability(
                f"a mixture with a cell axis: the network of the {self.space.name} space has none"
            )
        with self._timed():
            found = self.backward(TRAIN, mixture, weights=True, slope=need_slope)
            self._descend(found.weights)
            self._note("train", found)
        return _slope(found) if need_slope else None

    def watch(self, mixture: Mixture, *, replica: np.ndarray | None = None) -> None:
        """A training-mode pass over the architecture batch: running statistics move, weights stay."""
        with self._timed():
            self._note("arch", self.backward(ARCH, mixture))

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Cross-entropy and its gradient on the architecture batch (split "train": on the training batch)."""
        if mixture.weights.ndim != 3:
            raise LacksCapability("a slope is of one mixture for all cells; a cell axis is for learning only")
        with self._timed():
            if order == 2:
                backward = partial(self.backward, mixture=mixture)
                found = unrolled(backward, self.net, self.weights, self.optimizer, self.recipe)
            else:
                found = self.backward(TRAIN if split == "train" else ARCH, mixture, slope=True)
            self._note("arch", found)
        return _slope(found)

    def describe(self) -> dict[str, Any]:
        """What the run header records."""
        return {
            **super().describe(),
            "data": self.source.fingerprint,
            "images": [len(part) for part in self.images],
            "split": self.source.split,
            "network": self.network.settings(),
            "recipe": {**self.recipe.settings(), "idle": self.recipe.idle},
            "precision": self.device.precision,
            "valid": self._meaning(self.valid),
            "judge": self.judge,
            "rewards": self.rewards,
            **self._own(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizer, clocks, position in the data. Raises TrainingFailed for a weight that is no number."""
        weights = self.net.state_dict()
        if not all(values.isfinite().all() for values in weights.values()):
            raise TrainingFailed(f"a shared weight is no longer a number: {HINT}")
        return {
            "net": weights,
            "optimizer": self.optimizer.state_dict(),
            "drop_path": self.net.drop_path,
            "ending": self.ending,
            **super().state_dict(),
            "batches": self.batches.state_dict(),
            "held_out": self.held_out.state_dict(),
            "metrics": self.metrics,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.net.load_state_dict(state["net"])
        load_moments(self.optimizer, state["optimizer"])
        self.net.drop_path, self.metrics, self.known = state["drop_path"], state["metrics"], {}
        self.ending = state.get("ending", False)  # 0.1.0 had none
        super().load_state_dict(state)
        self.batches.load_state_dict(state["batches"])
        self.held_out.load_state_dict(state["held_out"])

    def epoch_metrics(self) -> dict[str, float]:
        """Means over this epoch so far: loss and accuracy (percent) of training and architecture batches."""
        rate = {"learning_rate": self.optimizer.param_groups[0]["lr"]}
        return {name: float(np.mean(values)) for name, values in self.metrics.items()} | rate

    # --- one mini-batch -----------------------------------------------------------------------------

    def backward(
        self, which: int, mixture: Mixture, *, weights: bool = False, slope: bool = False
    ) -> StepGradients:
        """Forward and backward, in train mode, over the mini-batch TRAIN or ARCH of all ranks.

        weights, slope: which gradients of the mean cross-entropy are wanted. A mixture has one row, or one for each
        micro-batch. Raises BadSetting for another number, and TrainingFailed if the loss is not finite.
        """
        samples = len(mixture.weights)
        self.check_samples(samples)
        shares = self.shares(which, samples)
        about: Any = {"dtype": self.dtype, "device": self.device.name}
        rows = [torch.as_tensor(row, **about).requires_grad_(slope) for row in mixture.weights]
        sums = GradientSum(samples, self.weights if weights else (), rows if slope else (), rows[0].detach())
        statistics = Statistics(self.net, self.division.parts > 1)
        where = (*self.batches.state_dict().values(), *self.held_out.state_dict().values(), which)
        self.set_mode(train=True)
        self.known = {}  # weights or running statistics move
        for number, (images, labels), part in shares:
            reseed(self.noise, self.seed, "drop path", *where, number)
            row = number % samples
            with statistics.of(part), self.device.autocast():
                output = self.net(images, rows[row], torch.as_tensor(mixture.active[row]))
            weighed = self.network.auxiliary_weight, self.dtype, self.network.heads
            loss = part * mean_loss(output, labels, *weighed)
            if slope and not weights and self.recipe.idle == "decay":
                note_reached(self.optimizer, self.weights, loss)
            right = (in_parts(output)[0].detach().argmax(dim=1) == labels).to(loss).mean()
            sums.add(row, loss, part * right)
        found = sums.all_reduce(self.device.group, statistics)
        if not torch.isfinite(found.loss).all():
            step = len(self.metrics.get("train_loss", ())) + 1
            raise TrainingFailed(
                f"the loss became {found.loss.mean().item()} in step {step} of the epoch: {HINT}"
            )
        return found

    def shares(self, which: int, samples: int) -> Iterator[tuple[int, Batch, float]]:
        """(n, images, their part of all) of the micro-batches of TRAIN or ARCH; n is of sample n % samples."""
        return self.division.shares(self.batch(which), self.images_in_batch)

    def check_samples(self, samples: int) -> None:
        """Raise BadSetting unless there is one sample, or one for each micro-batch."""
        if samples not in (1, parts := self.division.parts):
            raise BadSetting(
                f"{samples} samples a step and {parts} micro-batches: there must be one sample, or one for each "
                f"micro-batch (--micro-batches {samples})"
            )

    def batch(self, which: int) -> Batch:
        """The step's mini-batch TRAIN or ARCH; begins a step if none has begun."""
        if not self.drawn:
            self.begin_step()
        return self.drawn[which]

    def _descend(self, gradients: Sequence[Tensor | None]) -> None:
        for parameter, gradient in zip(self.weights, gradients, strict=True):
            parameter.grad = gradient  # None where an operation was inactive
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimizer.step()
        if self.recipe.idle == "decay":
            decay_idle(self.optimizer, [weight for weight in self.weights if weight.grad is None])
        self.optimizer.zero_grad()


def _slope(found: StepGradients) -> Slope:
    if not found.slope.isfinite().all():
        raise TrainingFailed(f"the slope of the architecture is no longer a number: {HINT}")
    loss, slope = (values.cpu().double().numpy() for values in (found.loss, found.slope))
    return Slope(loss, slope, False, BATCH, MEAN)
