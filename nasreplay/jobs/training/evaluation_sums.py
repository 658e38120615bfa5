"""The sums of an evaluation in a file, so that one that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.state import difference
from nasreplay.files.typed import read_json
from nasreplay.settings import Json
from nasreplay.train.device import Device
from nasreplay.train.loop import Images, count
from nasreplay.train.scores import Score, Totals

if TYPE_CHECKING:
    from torch import nn

PIECE = 1024  # images between two savings


class _Sums(NamedTuple):
    images: int
    loss: float
    top1: float
    top5: float
    seconds: float


class _Kept(NamedTuple):
    evaluation: Json
    sums: dict[str, _Sums]


class EvaluationSums:
    """What an evaluation has counted, set by set.

    file: where it is kept; None for nowhere. evaluation: what it is of; a file of another is refused (BadOutput).
    """

    def __init__(self, file: Path | None, evaluation: Json, device: Device):
        self.file, self.evaluation, self.device = file, json.loads(json.dumps(evaluation)), device
        self.sums: dict[str, _Sums] = device.group.broadcast(self._read)

    def score(
        self,
        network: nn.Module,
        images: Images,
        name: str,
        size: int,
        progress: Callable[[int, int, str], None],
    ) -> Score:
        """The score on a set, of which only those images are read that have not been counted."""
        totals = Totals(**self.sums[name]._asdict()) if name in self.sums else Totals()
        while (start := totals.images) < len(images):
            piece = images.take(np.arange(start, min(start + PIECE, len(images))))
            count(
                network,
                piece,
                totals,
                device=self.device,
                size=size,
                after_batch=lambda done, start=start: progress(start + done, len(images), name),
            )
            self.sums[name] = _Sums(**vars(totals))
            self._write()
        return totals.score()

    def _read(self) -> dict[str, _Sums]:
        if self.file is None or not self.file.exists():
            return {}
        kept = read_json(self.file, _Kept, error=BadOutput)
        if found := difference(kept.evaluation, self.evaluation):
            name, was, now = found
            raise BadOutput(
                f"{self.file} holds an evaluation with {name} = {was}, now {now}: choose another --out"
            )
        return kept.sums

    def _write(self) -> None:
        if self.file is not None and self.device.group.is_rank_zero:
            sums = {name: one._asdict() for name, one in self.sums.items()}
            content = {"evaluation": self.evaluation, "sums": sums}
            write_whole(self.file, json.dumps(content, indent=1).encode() + b"\n")
