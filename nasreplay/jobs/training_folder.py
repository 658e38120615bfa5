"""The run folder of a training: run.json, epochs.jsonl, checkpoint/, and the loop that fills it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from nasreplay.cli.options import command_line
from nasreplay.errors import BadOutput, TrainingFailed
from nasreplay.files.atomic import write_whole
from nasreplay.runs.folder import open_folder
from nasreplay.search.driver import StopSignals
from nasreplay.seeds import root_seed
from nasreplay.train.checkpoint import Checkpoints
from nasreplay.train.distributed import process_group

if TYPE_CHECKING:
    from nasreplay.train.loop import Images, Score, Trainer

VALIDATION = "x-valid"


class TrainingFolder:
    """A training that can be killed at any moment and continued exactly.

    path: the folder, or a function of the seed that gives it; settings: what a continued training must have in
    common; seed −1 is drawn, or taken from the folder. Of several processes the first one reads and writes. Raises
    BadOutput.
    """

    save_every_s = 30.0

    def __init__(self, path: Path | Callable[[int], Path], settings: dict[str, Any], resume: bool):
        self.group = process_group()
        self.path, self.settings = self.group.broadcast(lambda: self._open(path, settings, resume))
        self.checkpoints = Checkpoints(self.path / "checkpoint")
        self.epochs: list[dict[str, Any]] = []

    @staticmethod
    def _open(
        path: Path | Callable[[int], Path], settings: dict[str, Any], resume: bool
    ) -> tuple[Path, dict[str, Any]]:
        if callable(path):
            settings = {**settings, "seed": root_seed(settings["seed"])}
            path = path(settings["seed"])
        exists = (path / "run.json").exists()
        if exists and not resume:
            raise BadOutput(f"{path} holds a training: --resume continues it, or choose another --out")
        if resume and not exists:
            raise BadOutput(f"{path} holds no training to resume")
        facts = {"command": command_line(), "torch": torch.__version__, "threads": torch.get_num_threads()}
        return path, open_folder(path, settings, facts)

    def run(
        self,
        made: Callable[[int], Trainer],
        sets: Mapping[str, Images],
        until: int,
        tell: Callable[[str], None],
    ) -> list[dict[str, Any]]:
        """Train to the end of epoch `until`; returns the facts of each. A first Ctrl-C or SIGTERM saves and ends."""
        trainer = made(self.settings["seed"])
        self._continue(trainer, tell)
        saved = time.perf_counter()
        with StopSignals() as stop, _progress(trainer) as show:

            def after_batch() -> None:
                nonlocal saved
                show()
                stopped = self.group.any(stop.asked)
                if stopped or time.perf_counter() - saved >= self.save_every_s:
                    self._save(trainer)
                    saved = time.perf_counter()
                if stopped:
                    self._stop()

            while trainer.trained < until:
                epoch = trainer.epoch(sets, after_batch)
                self.epochs.append(epoch.facts())
                self._save(trainer, epoch.sets.get(VALIDATION))
                self._log()
                saved = time.perf_counter()
                tell(line(self.epochs[-1], until))
                if self.group.any(stop.asked) and trainer.trained < until:
                    self._stop()
        return self.epochs

    def check(self, made: Callable[[int], Trainer], sets: Mapping[str, Images]) -> Trainer:
        """A fresh trainer with the last checkpoint; raises TrainingFailed unless its accuracies are those logged."""
        trainer, found = made(self.settings["seed"]), self.group.broadcast(self.checkpoints.latest)
        assert found, "run() saves after every epoch"
        trainer.load_state_dict(found[1]["trainer"])
        for name, score in trainer.scores(sets).items():
            logged = self.epochs[-1]["sets"][name]["top1"]
            if score.top1 != logged:
                raise TrainingFailed(
                    f"{self.path}: reloaded, the last checkpoint has {score.top1:.4f} % on {name}, but "
                    f"{logged:.4f} % was logged"
                )
        return trainer

    def _stop(self) -> None:
        raise click.ClickException(f"interrupted; continue with: --out {self.path} --resume")

    def _continue(self, trainer: Trainer, tell: Callable[[str], None]) -> None:
        found = self.group.broadcast(self.checkpoints.latest)
        if not found:
            return
        state = found[1]
        trainer.load_state_dict(state["trainer"])
        self.epochs = state["epochs"]
        self._log()
        tell(f"continuing in epoch {trainer.trained + 1}, image {trainer.totals.images + 1:,}")

    def _save(self, trainer: Trainer, score: Score | None = None) -> None:
        """score: on the validation images; without any no checkpoint is the best, for test images choose nothing."""
        if not self.group.is_rank_zero:
            return
        state = trainer.state_dict()
        if not all(values.isfinite().all() for values in state["network"].values()):
            raise TrainingFailed(
                f"a weight is no longer a number in epoch {trainer.trained + 1}: lower the learning rate; "
                "the checkpoint before it is intact"
            )
        place = state["batches"]
        step = place["epoch"] * len(trainer.images) + place["taken"]
        self.checkpoints.save(step, {"trainer": state, "epochs": self.epochs}, score and score.top1)

    def _log(self) -> None:
        if not self.group.is_rank_zero:
            return
        lines = "".join(json.dumps(epoch) + "\n" for epoch in self.epochs)
        write_whole(self.path / "epochs.jsonl", lines.encode())


def line(epoch: dict[str, Any], until: int) -> str:
    """One epoch in one line."""
    trained = epoch["train"]
    sets = "  ".join(f"{name} {score['top1']:.2f} %" for name, score in epoch["sets"].items())
    seconds = trained["seconds"] + sum(score["seconds"] for score in epoch["sets"].values())
    return (
        f"epoch {epoch['epoch']}/{until}  lr {epoch['lr']:.4f}  train loss {trained['loss']:.4f} "
        f"{trained['top1']:.2f} %  {sets}  {seconds:.1f} s"
    )


@contextmanager
def _progress(trainer: Trainer) -> Iterator[Callable[[], None]]:
    """A bar over the images of the epoch, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("epoch {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(str(trainer.trained + 1), total=len(trainer.images))
        yield lambda: bar.update(task, completed=trainer.totals.images, description=str(trainer.trained + 1))
