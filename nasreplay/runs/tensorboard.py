"""TensorBoard's view of a run: event files that are made of what the run's own log holds.

The log is the record; a board shows it while it is written. A continued run draws its board anew from its log, so
that nothing stands there twice, and a board can be had for any run. Tags are those of the released SNAS where it has
one (docs/live-search.md); steps of `iter_` tags are steps of the search, those of all others epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.settings import Json

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVERY = 10
"""Steps of a search of which the first is recorded number by number, and drawn."""
EPOCH_TAGS = {
    "temperature": "epoch_temp",
    "train_loss": "epoch_train_error_loss",
    "train_accuracy": "epoch_train_acc",
    "shared_accuracy": "epoch_valid_acc",
}
STEP_TAGS = {
    "train_loss": "iter_train_loss",
    "train_accuracy": "iter_train_top1_acc",
    "arch_loss": "iter_valid_loss",
    "arch_accuracy": "iter_valid_top1_acc",
}
MISSING = "nothing is drawn for TensorBoard: it is not installed (pip install tensorboard); the log has every number"


class Scalars(NamedTuple):
    """What an event of a log draws."""

    step: int
    """Place on the horizontal axis: a step of a search, or an epoch."""
    values: dict[str, float]
    """Tag → number."""
    ends_epoch: bool
    """Whether an epoch is over, and the files are to be up to date."""


def of_search(event: Json) -> Scalars | None:
    """What an event of a search draws; None for nothing. Epochs count from 0."""
    if event["event"] == "epoch":
        facts = {name: value for name, value in event.items() if name not in ("event", "epoch")}
        return Scalars(event["epoch"], _tagged(facts, EPOCH_TAGS), True)
    if "scalars" in event:
        return Scalars(event["step"], _tagged(event["scalars"], STEP_TAGS), False)
    return None


def of_training(epoch: Json) -> Scalars:
    """What a line of epochs.jsonl draws. Epochs count from 1."""
    scores = {"train": epoch["train"], **epoch["sets"]}
    named = {f"{name}/{what}": score[what] for name, score in scores.items() for what in ("loss", "top1")}
    return Scalars(epoch["epoch"], {"lr": epoch["lr"], **named}, True)


def _tagged(facts: Json, tags: dict[str, str]) -> dict[str, float]:
    """The numbers among facts by their tags; lists become one for each entry."""
    found: dict[str, float] = {}
    for name, value in facts.items():
        tag = tags.get(name, name)
        if isinstance(value, list):
            numbers = ((place, part) for place, part in enumerate(value) if isinstance(part, int | float))
            found |= {f"{tag}/{place}": float(part) for place, part in numbers}
        elif isinstance(value, int | float):
            found[tag] = float(value)
    return found


class Board:
    """Event files in a folder.

    view: what an event of the log draws. tell: gets a sentence where TensorBoard is not installed; nothing is drawn
    then.
    """

    def __init__(self, folder: Path, view: Callable[[Json], Scalars | None], tell: Callable[[str], None]):
        self.folder, self.view, self.tell = folder, view, tell
        self.writer: SummaryWriter | None = None

    def start(self, events: Iterable[Json]) -> None:
        """Begin with what the log holds; event files of before are replaced."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return self.tell(MISSING)
        for before in self.folder.glob("events.out.tfevents.*"):
            before.unlink()
        self.writer = SummaryWriter(str(self.folder))
        for event in events:
            self._draw(event)
        return self.writer.flush()

    def add(self, event: Json) -> None:
        """Draw an event that has just been logged; on disk at the end of its epoch."""
        if self._draw(event) and self.writer:
            self.writer.flush()

    def _draw(self, event: Json) -> bool:
        found = self.view(event)
        if found is None or self.writer is None:
            return False
        for tag, value in found.values.items():
            self.writer.add_scalar(tag, value, found.step)
        return found.ends_epoch

    def close(self) -> None:
        """Finish the files."""
        if self.writer:
            self.writer.close()
