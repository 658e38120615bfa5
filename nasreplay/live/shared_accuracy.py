"""Accuracies of architectures with shared weights, on the current mini-batch and on fixed validation images."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nasreplay.data import semantics
from nasreplay.data.custom_dataset import to_json
from nasreplay.data.semantics import CustomDataset, CustomSplit, Facts
from nasreplay.evaluate.base import Answers, EvaluatorBase, begun
from nasreplay.evaluate.protocol import MEAN, Fidelity, Report
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.live.gradients import ARCH, StepGradients
from nasreplay.models.recompute import kept_buffers
from nasreplay.models.shared_networks import SharedNetwork
from nasreplay.spaces.costs.expected import Costs
from nasreplay.train.device import Device
from nasreplay.train.distributed import SINGLE_PROCESS
from nasreplay.train.epochs import Batch, Division, batch_count, check_pairs
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.loop import in_parts
from nasreplay.train.reading import Images, in_order
from nasreplay.train.recipe import Recipe

BATCH = Fidelity("batch", 1)
SHARED = Fidelity("shared", 1)
"""Accuracies with the shared weights as they are now; those of a kept epoch are at the fidelity of this epoch."""


class SharedAccuracies(EvaluatorBase):
    """The half of a supernet evaluator that measures and learns nothing; `supernet` is the other."""

    kind, preset, several = "supernet", "live", False

    source: ImageSource | StreamedSource
    images: tuple[Images, Images]
    """What weights and architecture learn from."""
    network: SharedNetwork
    net: Any = begun()
    recipe: Recipe
    """How the weights learn."""
    device: Device
    dtype: torch.dtype
    truth: TableEvaluator | None
    """A table of the same space and data set, for reports."""
    valid: Images
    """The fixed validation images that compare candidates during the search."""
    held: Images
    """All validation images."""
    judge: str
    """all: every validation image judges an epoch's answer and the last epoch's candidates; batches: `valid` does."""
    rewards: str
    """Statistics behind the accuracy on a mini-batch: "batch", or "running" where the network has them."""
    ending: bool = begun()
    """Whether the last epoch has begun, or another choice of an answer."""
    share: float = begun()
    """The part of the images that judge by which an answer is chosen."""
    valid_batch: int
    """Number of validation images that are computed at once."""
    metrics: dict[str, list[float]] = begun()
    """Loss and accuracy (percent) of each step of this epoch."""
    division: Division
    origin: str = ""
    """Which run has trained the weights to begin with, and how long, in words; "" for fresh ones."""
    shared: Fidelity = SHARED
    """The fidelity of accuracies on validation images."""
    known: dict[Hashable, tuple[np.ndarray, float]] = begun()
    """What was counted since the weights moved: (right answers, images) and seconds, by images and computation."""
    images_in_batch: int = begun()
    """Images of the step's mini-batch, over all ranks."""

    def batch(self, which: int) -> Batch:
        """The step's mini-batch TRAIN or ARCH."""
        raise TypeError(f"{type(self).__name__} has no batch")

    @property
    def held_out_steps(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Batches of a pass over the architecture images."""
        return batch_count(len(self.images[1]), self.arch_batch, self.recipe.drop_last)

    @property
    def arch_batch(self) -> int:
        """Images of a batch by which a controller alone learns."""
        return self.recipe.arch_batch or self.recipe.batch

    @property
    def mixed_cells(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Cells of the network that a mixture may tell apart."""
        return self.network.mixed_cells

    def begin_choice(self, most: int = 0) -> None:
        """Measure the last fidelity on all images that judge, or at most so many of them, until the next epoch."""
        self.ending, self.share = True, min(most / len(self._judges), 1.0) or 1.0

    def ladder(self) -> tuple[Fidelity, ...]:
        """The current mini-batch, and the fixed validation images."""
        return BATCH, self.shared

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Accuracies of codes [N, D] with the shared weights; the seconds are the measured ones."""
        group = self.device.group
        counts, seconds = np.zeros((len(codes), 2)), np.zeros(len(codes))
        if at == BATCH:  # a divided batch: all ranks work on each architecture, else they take turns
            batches = self._mini_batch()
            for row, one_hot in enumerate(self.space.embed(codes)):
                started = time.perf_counter()
                counts[row] = self.count_right(one_hot, batches, train_mode=self.rewards == "batch")
                seconds[row] = time.perf_counter() - started
        else:
            own, images = slice(group.rank, None, group.world_size), self.valid
            if self.ending:  # an answer is chosen: on more images
                images = self._judges.fraction(self.share)
            counts[own], seconds[own] = self._counts(codes[own], images)
        group.all_reduce_arrays(counts, seconds)
        self.ledger.simulated_s[:] = group.broadcast(self.ledger.simulated_s.copy)
        accuracy = 100.0 * counts[:, 0] / counts[:, 1]
        if at == BATCH:
            self.metrics.setdefault("arch_accuracy", []).extend(accuracy.tolist())
        return Answers(accuracy, np.full(len(codes), MEAN), seconds)

    def report(self, codes: np.ndarray) -> Report:
        """The benchmark's own numbers where a table knows this data set, else shared-weight accuracies."""
        if self.truth is not None:
            return self.truth.report(codes)
        return Report(self.shared_accuracy(codes), None, {"valid": self.judged})

    def shared_accuracy(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N] percent: accuracies of codes [N, D] on the validation images that judge."""
        counts, _ = self._counts(np.asarray(codes), self._judges)
        return 100.0 * counts[:, 0] / counts[:, 1]

    def make_costs(self) -> Costs:
        """Costs of the network on these images, and what a table of the same data set has measured."""
        own = self.network.costs(self.source.classes, self.source.side)
        measured = self.truth.costs().named if self.truth is not None else {}
        return Costs(own.kinds, {**measured, **own.named})

    @property
    def asked_images(self) -> int:
        """Number of images that an evaluation of a search is on."""
        return len(self.valid)

    @property
    def judging_images(self) -> int:
        """Number of images that `shared_accuracy` is measured on."""
        return len(self._judges)

    @property
    def judged(self) -> str:
        """What `shared_accuracy` is, in words."""
        return self._meaning(self._judges)

    @property
    def _judges(self) -> Images:
        return self.held if self.judge == "all" else self.valid

    def _mini_batch(self) -> list[Batch]:
        """This process's part of the step's architecture mini-batch."""
        with self._timed():
            shares = self.division.shares(self.batch(ARCH), self.images_in_batch)
            return [share for _, share, _ in shares]

    def _counts(self, codes: np.ndarray, images: Images) -> tuple[np.ndarray, np.ndarray]:
        """(right answers, images) [N, 2] of architectures int [N, D], and the seconds [N] that each took.

        One that computes what another did, since the weights moved last, is that one.
        """
        keys = self.network.alike(codes)
        if keys is None:
            return self._count_each(codes, images)
        part = (images is self.valid, len(images))
        fresh = {key: row for row, key in enumerate(keys) if (part, key) not in self.known}
        rows = sorted(fresh.values(), key=lambda row: codes[row].tolist())
        for row, *found in zip(rows, *self._count_each(codes[rows], images), strict=True):
            self.known[part, keys[row]] = found[0], found[1]
        every = [self.known[part, key] for key in keys]
        return np.array([count for count, _ in every]).reshape(-1, 2), np.array([took for _, took in every])

    @torch.no_grad()
    def _count_each(self, codes: np.ndarray, images: Images) -> tuple[np.ndarray, np.ndarray]:
        counts, seconds = np.zeros((len(codes), 2)), np.zeros(len(codes))
        if not len(codes):
            return counts, seconds
        rate, self.net.drop_path = self.net.drop_path, 0.0  # the same weights must give the same number
        self.set_mode(train=False)
        with self.device.autocast():
            for batch, labels in self._in_order(images):
                started = time.perf_counter()
                for row, output in enumerate(self.network.outputs(self.net, batch, codes)):
                    right = int((in_parts(output)[0].argmax(dim=1) == labels).sum())
                    counts[row] += right, len(labels)
                    ended = time.perf_counter()
                    seconds[row] += ended - started
                    started = ended
        self.net.drop_path = rate
        return counts, seconds

    @torch.no_grad()
    def count_right(
        self, one_hot: np.ndarray, batches: Iterable[Batch], train_mode: bool = False
    ) -> tuple[int, int]:
        """(right answers, images) of an architecture [E, O]; the network is left as it was."""
        weights = torch.as_tensor(one_hot, dtype=self.dtype, device=self.device.name)
        right = total = 0
        rate, self.net.drop_path = self.net.drop_path, 0.0  # the same weights must give the same number
        self.set_mode(train_mode)
        with kept_buffers(self.net), self.device.autocast():
            for images, labels in batches:
                logits, _ = in_parts(self.net(images, weights, weights > 0))
                right += int((logits.argmax(dim=1) == labels).sum())
                total += len(labels)
        self.net.drop_path = rate
        return right, total

    def check_batches(self) -> None:
        """Raise BadSetting where a batch that is learned from has too few images for the network's batch norms."""
        if self.network.needs_pairs(self.source.side):
            (weights, arch), recipe = map(len, self.images), self.recipe
            for items, size in ((weights, recipe.batch), (arch, recipe.batch), (arch, self.arch_batch)):
                check_pairs(items, size, recipe.drop_last)

    def set_mode(self, train: bool) -> None:
        """Put the network into train or eval mode; a walk over its thousands of modules, so only where it changes."""
        if self.net.training != train:
            self.net.train(train)

    def _in_order(self, images: Images, size: int | None = None) -> Iterator[Batch]:
        alone = replace(self.device, group=SINGLE_PROCESS)  # every process measures candidates of its own
        size = size or self.valid_batch
        size += len(images) % size == 1 and self.network.needs_pairs(self.source.side)
        batches = in_order(images.by(self.recipe), size, alone)
        return (batch.to(self.dtype) for batch in batches)

    def _meaning(self, images: Images) -> str:
        where = f"{len(images):,} fixed validation images of {self.source.name}"
        if not self.origin:
            return f"accuracy with shared weights on {where}"
        norms = self.network.batch_norms(self.valid_batch)
        return f"accuracy with the shared weights of {self.origin} on {where}, batch norms with {norms}"

    def _own(self) -> dict[str, Any]:
        """The facts of a data set that no benchmark has, for a table of these accuracies."""
        if self.source.name in semantics.FACTS:
            return {}
        facts = Facts(self.source.classes, self.source.side, len(self.images[0]))
        sets = {"x-valid": CustomSplit(len(self.valid), self._meaning(self.valid))}
        return {"own": to_json(CustomDataset(facts if self.network.published else None, sets))}

    def step_metrics(self) -> dict[str, float]:
        """Loss and accuracy (percent) of the last training and architecture batch of this epoch."""
        return {name: float(values[-1]) for name, values in self.metrics.items()}

    def _note(self, part: str, found: StepGradients) -> None:
        self.metrics.setdefault(f"{part}_loss", []).append(found.loss.mean().item())
        self.metrics.setdefault(f"{part}_accuracy", []).append(found.accuracy)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.ledger.simulated_s[0] += time.perf_counter() - started
