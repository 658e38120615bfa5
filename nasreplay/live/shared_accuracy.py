"""Accuracies of architectures with shared weights, on the current mini-batch and on fixed validation images."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from nasreplay.evaluate.base import Answers, EvaluatorBase, begun
from nasreplay.evaluate.protocol import MEAN, Fidelity, Report
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.live.gradients import ARCH
from nasreplay.models.recompute import kept_buffers
from nasreplay.train.batches import in_order
from nasreplay.train.device import Device
from nasreplay.train.epochs import Batch, Division
from nasreplay.train.images.image_sources import ImageSet, ImageSource

BATCH = Fidelity("batch", 1)
SHARED = Fidelity("shared", 1)


class SharedAccuracies(EvaluatorBase):
    """The half of a supernet evaluator that measures and learns nothing; `supernet` is the other."""

    kind, preset, several = "supernet", "live", False

    source: ImageSource
    net: Any = begun()
    device: Device
    dtype: torch.dtype
    truth: TableEvaluator | None
    """A table of the same space and data set, for reports."""
    valid: ImageSet
    """The fixed validation images."""
    valid_batch: int
    """Number of validation images that are computed at once."""
    metrics: dict[str, list[float]] = begun()
    """Loss and accuracy (percent) of each step of this epoch."""
    division: Division
    images_in_batch: int = begun()
    """Images of the step's mini-batch, over all ranks."""

    def batch(self, which: int) -> Batch:
        """The step's mini-batch TRAIN or ARCH."""
        raise TypeError(f"{type(self).__name__} has no batch")

    def ladder(self) -> tuple[Fidelity, ...]:
        """The current mini-batch, and the fixed validation images."""
        return BATCH, SHARED

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Accuracies of codes [N, D] with the shared weights; the seconds are the measured ones."""
        group, batches = self.device.group, self._asked(at)
        counts, seconds = np.zeros((len(codes), 2)), np.zeros(len(codes))
        for row, one_hot in enumerate(self.space.embed(codes)):
            # on a divided batch all ranks work on each, else they take turns
            if at == BATCH or row % group.world_size == group.rank:
                started = time.perf_counter()
                counts[row] = self.count_right(one_hot, batches, train_mode=at == BATCH)
                seconds[row] = time.perf_counter() - started
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
        return Report(self.shared_accuracy(codes), None, {"valid": self._meaning()})

    def shared_accuracy(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N] percent: accuracies of codes [N, D] on the fixed validation images."""
        batches, one_hots = list(self._valid()), self.space.embed(np.asarray(codes))
        counts = np.array([self.count_right(one_hot, batches) for one_hot in one_hots])
        return 100.0 * counts[:, 0] / counts[:, 1]

    def _asked(self, at: Fidelity) -> list[Batch]:
        """The batches that a fidelity is measured on."""
        if at == SHARED:
            return list(self._valid())
        with self._timed():
            return [share for _, share, _ in self.division.shares(self.batch(ARCH), self.images_in_batch)]

    @torch.no_grad()
    def count_right(
        self, one_hot: np.ndarray, batches: Sequence[Batch], train_mode: bool = False
    ) -> tuple[int, int]:
        """(right answers, images) of an architecture [E, O]; the network is left as it was."""
        weights = torch.as_tensor(one_hot, dtype=self.dtype, device=self.device.name)
        right = total = 0
        rate, self.net.drop_path = self.net.drop_path, 0.0  # the same weights must give the same number
        self.net.train(train_mode)
        with kept_buffers(self.net), self.device.autocast():
            for images, labels in batches:
                logits = self.net(images, weights, weights > 0)
                right += int((logits.argmax(dim=1) == labels).sum())
                total += len(labels)
        self.net.drop_path = rate
        return right, total

    def _valid(self) -> Iterator[Batch]:
        order = (self.valid_batch, self.device.name, self.device.channels_last)
        return (batch.to(self.dtype) for batch in in_order(self.valid, *order))

    def _meaning(self) -> str:
        return f"accuracy with shared weights on {len(self.valid):,} fixed validation images of {self.source.name}"

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.ledger.simulated_s[0] += time.perf_counter() - started
