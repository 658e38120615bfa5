"""A weight-sharing supernet as an evaluator: learn, slope (first and second order), shared-weight accuracies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting, LacksCapability, NotMeasured, TrainingFailed
from nasreplay.evaluate.ledger import Budget, Ledger
from nasreplay.evaluate.protocol import MEAN, Evaluations, Fidelity, Mixture, Report, Slope
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.unrolled import kept_buffers, unrolled_gradient
from nasreplay.models.supernet import Supernet
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.train.batches import Batch, PairedBatches, in_order
from nasreplay.train.data import Source
from nasreplay.train.loop import Place, initial
from nasreplay.train.optim import WEIGHT_SHARING, Recipe, set_learning_rate

BATCH = Fidelity("batch", 1)
SHARED = Fidelity("shared", 1)


class SupernetEvaluator:
    """Shared weights of all cells, trained while a search goes on; one replica.

    Ladder: "batch" is the accuracy on the current architecture mini-batch with batch statistics (the published
    reward of ENAS and curriculum), "shared" that on the first `valid_batches` batches of validation images,
    always the same ones. bn 1 keeps running statistics and evaluates with them, 0 uses batch statistics
    throughout (the second argument of the published scripts). recipe: of the weights (the published clipping norm
    includes the logits' gradient, ours does not); drop_path: rate of the last
    epoch; fraction: of the images of every part; truth: a table of the same data set, for reports.
    Simulated seconds are the measured seconds of learning, slopes and evaluations.
    """

    space = TOPOLOGY
    abilities = frozenset({"evaluate", "slope", "one-hot slope", "weights", "clock"})
    missing = 0

    def __init__(
        self,
        source: Source,
        *,
        recipe: Recipe = WEIGHT_SHARING,
        channels: int = 16,
        cells: int = 5,
        bn: int = 1,
        drop_path: float = 0.0,
        fraction: float = 1.0,
        valid_batches: int = 1,
        place: Place | None = None,
        dtype: torch.dtype = torch.float32,
        truth: TableEvaluator | None = None,
    ):
        if bn not in (0, 1):
            raise BadSetting(f"bn is {bn}: 1 keeps running statistics, 0 uses those of each batch")
        self.source, self.recipe, self.place, self.dtype, self.truth = (
            source,
            recipe,
            place or Place(),
            dtype,
            truth,
        )
        self.network = {"channels": channels, "cells": cells, "bn": bn}
        self.drop_path, self.fraction = drop_path, fraction
        self.valid_batch = recipe.test_batch or 512
        parts = source.search()
        self.images = (parts.weights.fraction(fraction), parts.arch.fraction(fraction))
        count = min(self.valid_batch * valid_batches, len(parts.valid))
        self.valid = parts.valid.take(np.arange(count))
        self.steps_per_epoch = -(-len(self.images[0]) // recipe.batch)
        self.begin(0, range(1), Budget())

    # --- the protocol ------------------------------------------------------------------------------

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Fresh weights, optimizer and data order for this replica."""
        if len(replicas) != 1:
            raise LacksCapability(f"a supernet trains one replica at a time, asked for {len(replicas)}")
        self.ledger = Ledger(1, budget)
        with initial(seed, f"supernet/{replicas[0]}"):
            net = Supernet(
                self.source.classes,
                self.network["channels"],
                self.network["cells"],
                track_running_stats=bool(self.network["bn"]),
            )
        self.net: Any = self.place.move(net.to(self.dtype))
        self.net.generator = self.noise = torch.Generator(self.place.device)
        self.noise.manual_seed(int(Stream(seed, "drop path", replicas).keys[0] >> np.uint64(1)))
        self.weights: list[Tensor] = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = self.recipe.optimiser(self.net.parameters())
        self.batches = PairedBatches(
            self.images[0],
            self.images[1],
            self.recipe.batch,
            Stream(seed, "data", replicas),
            device=self.place.device,
            channels_last=self.place.channels_last,
        )
        self.drawn: list[Batch] = []
        self.metrics: dict[str, list[float]] = {}

    def ladder(self) -> tuple[Fidelity, ...]:
        """The current mini-batch, and the fixed validation images."""
        return BATCH, SHARED

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """Cosine learning rate and linear drop path of this epoch; its measurements start again."""
        # the recipe's schedule over this search's own epochs
        set_learning_rate(self.optimizer, replace(self.recipe, epochs=epochs).learning_rate(epoch))
        self.net.drop_path = self.drop_path * (epoch + 1) / epochs
        self.metrics = {}

    def begin_step(self) -> None:
        """Draw this step's training and architecture batches."""
        with self._timed():
            self.drawn = [Batch(batch.images.to(self.dtype), batch.labels) for batch in self.batches.next()]

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """One SGD step on the training batch; with need_slope the slope of the same backward pass."""
        with self._timed():
            weights = self._tensor(mixture, need_slope)
            loss, logits = self.loss(self._batch(0), weights, mixture)
            wanted = [*self.weights, weights] if need_slope else self.weights
            gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
            self._descend(gradients[: len(self.weights)])
            self._note("train", loss, logits, self._batch(0).labels)
        return _slope(loss, gradients[-1]) if need_slope else None

    def slope(
        self,
        mixture: Mixture,
        *,
        split: str = "valid",
        order: int = 1,
        replica: np.ndarray | None = None,
    ) -> Slope:
        """Cross-entropy and its gradient on the architecture batch (split "train": on the training batch)."""
        if mixture.weights.ndim != 3:
            raise LacksCapability("a slope is of one mixture for all cells; a cell axis is for learning only")
        with self._timed():
            weights, held_out = self._tensor(mixture, True), self._batch(0 if split == "train" else 1)
            if order == 2:
                found = unrolled_gradient(self, mixture, weights, self._batch(0), held_out)
                loss, logits, gradient = found
            else:
                loss, logits = self.loss(held_out, weights, mixture)
                (gradient,) = torch.autograd.grad(loss, [weights])
            self._note("arch", loss, logits, held_out.labels)
        return _slope(loss, gradient)

    def evaluate(
        self,
        codes: np.ndarray,
        *,
        at: Fidelity | None = None,
        trial: int | str | None = None,
        replica: np.ndarray | None = None,
    ) -> Evaluations:
        """Accuracies of codes [N, D] with the shared weights, in percent."""
        codes, at = self.space.check_codes(codes), at or SHARED
        if at not in self.ladder():
            raise NotMeasured(f"a supernet does not know {at}; it knows {BATCH} and {SHARED}")
        replica = self.ledger.rows(replica, len(codes))
        batches = [self._batch(1)] if at == BATCH else list(self._valid())
        accuracy, seconds = np.empty(len(codes)), np.empty(len(codes))
        for row, one_hot in enumerate(self.space.embed(codes)):
            started = time.perf_counter()
            accuracy[row] = self._accuracy(one_hot, batches, train_mode=at == BATCH)
            seconds[row] = time.perf_counter() - started
        clock, answered = self.ledger.charge(replica, seconds)
        answers = Evaluations(
            replica, codes, accuracy, np.full(len(codes), MEAN), seconds, clock, answered, at
        )
        if self.ledger.listener:
            self.ledger.listener(answers)
        return answers

    def report(self, codes: np.ndarray) -> Report:
        """The benchmark's own numbers where a table knows this data set, else shared-weight accuracies."""
        if self.truth is not None:
            return self.truth.report(codes)
        batches = list(self._valid())
        valid = [self._accuracy(one_hot, batches) for one_hot in self.space.embed(np.asarray(codes))]
        return Report(np.array(valid), None, {"valid": self._meaning()})

    def describe(self) -> dict[str, Any]:
        """What the run header records."""
        return {
            "evaluator": "supernet",
            "space": self.space.name,
            "dataset": self.source.name,
            "data": self.source.fingerprint,
            "images": [len(part) for part in self.images],
            "split": self.source.note or "official",
            "ladder": [list(at) for at in self.ladder()],
            "network": self.network,
            "recipe": self.recipe.settings(),
            "drop_path": self.drop_path,
            "precision": self.place.precision,
            "valid": self._meaning(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizer, clocks, place in the data."""
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "noise": self.noise.get_state(),
            "drop_path": self.net.drop_path,
            "ledger": self.ledger.state_dict(),
            "batches": self.batches.state_dict(),
            "metrics": self.metrics,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.noise.set_state(state["noise"])
        self.net.drop_path, self.metrics = state["drop_path"], state["metrics"]
        self.ledger.load_state_dict(state["ledger"])
        self.batches.load_state_dict(state["batches"])

    def measured(self) -> dict[str, float]:
        """Means over this epoch so far: loss and accuracy (percent) of training and architecture batches."""
        rate = {"learning_rate": self.optimizer.param_groups[0]["lr"]}
        return {name: float(np.mean(values)) for name, values in self.metrics.items()} | rate

    # --- one pass ----------------------------------------------------------------------------------

    def loss(self, batch: Batch, weights: Tensor, mixture: Mixture) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy and logits of a batch, in train mode. Raises TrainingFailed if it is not finite."""
        self.net.train()
        with self.place.computing():
            logits = self.net(batch.images, weights, torch.as_tensor(mixture.active[0]))
        loss = nn.functional.cross_entropy(logits.to(self.dtype), batch.labels)
        if not torch.isfinite(loss):
            step = len(self.metrics.get("train_loss", ())) + 1
            raise TrainingFailed(
                f"the loss became {loss.item()} in step {step} of the epoch: lower the learning rate, or use "
                "--precision float32; the last checkpoint is intact"
            )
        return loss, logits

    def _tensor(self, mixture: Mixture, need_gradient: bool) -> Tensor:
        weights = torch.as_tensor(mixture.weights[0], dtype=self.dtype, device=self.place.device)
        return weights.requires_grad_(need_gradient)

    def _batch(self, which: int) -> Batch:
        if not self.drawn:
            self.begin_step()
        return self.drawn[which]

    def _descend(self, gradients: Sequence[Tensor | None]) -> None:
        for parameter, gradient in zip(self.weights, gradients, strict=True):
            parameter.grad = (
                gradient  # None where an operation was inactive: it gets no decay or momentum either
            )
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @torch.no_grad()
    def _accuracy(self, one_hot: np.ndarray, batches: Sequence[Batch], train_mode: bool = False) -> float:
        weights = torch.as_tensor(one_hot, dtype=self.dtype, device=self.place.device)
        right = total = 0
        rate, self.net.drop_path = self.net.drop_path, 0.0  # the same weights must give the same number
        self.net.train(train_mode)
        with kept_buffers(self.net), self.place.computing():
            for images, labels in batches:
                logits = self.net(images, weights, weights > 0)
                right += int((logits.argmax(dim=1) == labels).sum())
                total += len(labels)
        self.net.drop_path = rate
        return 100.0 * right / total

    def _valid(self) -> Iterator[Batch]:
        order = (self.valid_batch, self.place.device, self.place.channels_last)
        return (Batch(images.to(self.dtype), labels) for images, labels in in_order(self.valid, *order))

    def _meaning(self) -> str:
        return f"accuracy with shared weights on {len(self.valid):,} fixed validation images of {self.source.name}"

    def _note(self, part: str, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        right = (logits.detach().argmax(dim=1) == labels).float().mean()
        self.metrics.setdefault(f"{part}_loss", []).append(loss.item())
        self.metrics.setdefault(f"{part}_accuracy", []).append(100 * right.item())

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.ledger.simulated_s[0] += time.perf_counter() - started


def _slope(loss: Tensor, gradient: Tensor) -> Slope:
    value = np.array([loss.item()])
    return Slope(value, gradient.detach().cpu().double().numpy()[None], False, BATCH, MEAN)
