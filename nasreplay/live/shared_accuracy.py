"""What trained shared weights say of architectures: accuracies on the current mini-batch and on fixed images."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nasreplay.errors import NotMeasured
from nasreplay.evaluate.ledger import Ledger
from nasreplay.evaluate.protocol import MEAN, Evaluations, Fidelity, Report
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.models.recompute import kept_buffers
from nasreplay.spaces import Space
from nasreplay.train.batches import Batch, Division, in_order
from nasreplay.train.device import Device
from nasreplay.train.images.catalogue import ImageSet, ImageSource

BATCH = Fidelity("batch", 1)
SHARED = Fidelity("shared", 1)


class SharedAccuracies:
    """The half of a supernet evaluator that measures and learns nothing; `supernet` is the other.

    valid: the fixed validation images, valid_batch of them at a time.
    """

    space: Space
    source: ImageSource
    ledger: Ledger
    net: Any
    device: Device
    dtype: torch.dtype
    truth: TableEvaluator | None
    valid: ImageSet
    valid_batch: int
    metrics: dict[str, list[float]]
    division: Division
    given: int

    if TYPE_CHECKING:

        def _batch(self, which: int) -> Batch: ...

    def ladder(self) -> tuple[Fidelity, ...]:
        """The current mini-batch, and the fixed validation images."""
        return BATCH, SHARED

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
        group, batches = self.device.group, self._asked(at)
        counts, seconds = np.zeros((len(codes), 2)), np.zeros(len(codes))
        for row, one_hot in enumerate(self.space.embed(codes)):
            if (
                at == BATCH or row % group.world_size == group.rank
            ):  # on a divided batch all work on each, else they take turns
                started = time.perf_counter()
                counts[row] = self._counts(one_hot, batches, train_mode=at == BATCH)
                seconds[row] = time.perf_counter() - started
        group.all_reduce_arrays(counts, seconds)
        self.ledger.simulated_s[:] = group.broadcast(self.ledger.simulated_s.copy)
        accuracy = 100.0 * counts[:, 0] / counts[:, 1]
        clock, answered = self.ledger.charge(replica, seconds)
        answers = Evaluations(
            replica, codes, accuracy, np.full(len(codes), MEAN), seconds, clock, answered, at
        )
        if at == BATCH:
            self.metrics.setdefault("arch_accuracy", []).extend(accuracy.tolist())
        if self.ledger.listener:
            self.ledger.listener(answers)
        return answers

    def report(self, codes: np.ndarray) -> Report:
        """The benchmark's own numbers where a table knows this data set, else shared-weight accuracies."""
        if self.truth is not None:
            return self.truth.report(codes)
        return Report(self.accuracies(codes), None, {"valid": self._meaning()})

    def accuracies(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N] percent: shared-weight accuracies of codes [N, D], for the record; free of charge."""
        batches = list(self._valid())
        counts = np.array([self._counts(one_hot, batches) for one_hot in self.space.embed(np.asarray(codes))])
        return 100.0 * counts[:, 0] / counts[:, 1]

    def _asked(self, at: Fidelity) -> list[Batch]:
        """What a fidelity is measured on."""
        if at == SHARED:
            return list(self._valid())
        with self._timed():
            return [share for _, share, _ in self.division.shares(self._batch(1), self.given)]

    @torch.no_grad()
    def _counts(
        self, one_hot: np.ndarray, batches: Sequence[Batch], train_mode: bool = False
    ) -> tuple[int, int]:
        """(right answers, images)."""
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
