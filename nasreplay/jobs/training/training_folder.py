"""The run folder of a training: run.json, epochs.jsonl, checkpoint/, tensorboard/, and the loop that fills it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import torch

from nasreplay.errors import BadOutput, BadSetting, Interrupted, TrainingFailed
from nasreplay.files.atomic import write_whole
from nasreplay.files.state import fitting
from nasreplay.files.text import read_text
from nasreplay.jobs import silent
from nasreplay.jobs.remaining import remaining
from nasreplay.runs.folder import EPOCHS, OUTCOME, check_resume, open_folder, record
from nasreplay.runs.tensorboard import Board, of_training
from nasreplay.seeds import root_seed
from nasreplay.settings import Json
from nasreplay.signals import StopSignals
from nasreplay.train.checkpoint import Checkpoints
from nasreplay.train.distributed import process_group
from nasreplay.train.loop import Images, Trainer
from nasreplay.train.scores import Epoch, Score

VALIDATION = "x-valid"


class TrainingFolder:
    """A training that can be killed at any moment and continued exactly. Rank 0 reads and writes the folder.

    path: the folder; {seed} in it stands for the seed. header: what a continued training must have in common; its
    seed −1 is drawn, or taken from the folder. facts: recorded beside it. until: the last epoch. tell: gets a line
    per epoch, and what is said of a folder that goes on. Raises BadOutput, and BadSetting where it has more epochs.
    """

    def __init__(
        self,
        path: str,
        header: Json,
        facts: Json,
        until: int,
        *,
        resume: bool = False,
        save_every_s: float = 30.0,
        tell: Callable[[str], None] = silent,
    ):
        self.group, self.save_every_s, self.until, self.tell = process_group(), save_every_s, until, tell
        self.path, self.header = self.group.broadcast(lambda: self._open(path, header, facts, resume))
        self.seed: int = self.header["seed"]
        self.checkpoints = Checkpoints(self.path / "checkpoint")
        self.epochs: list[Epoch] = []

    def _open(self, name: str, header: Json, facts: Json, resume: bool) -> tuple[Path, Json]:
        if "{seed}" in name:
            header = {**header, "seed": root_seed(header["seed"])}
        path = Path(name.replace("{seed}", str(header["seed"])))
        check_resume(path, resume, "training")
        facts = {**facts, "torch": torch.__version__, "threads": torch.get_num_threads()}
        log = path / EPOCHS
        done = read_text(log, error=BadOutput).count("\n") if log.exists() else 0
        if self.until < done:
            raise BadSetting(
                f"--epochs {self.until}: {path} has {done} epochs already; ask for more, or for none"
            )
        header = open_folder(path, header, facts, self.tell)
        if resume:
            if done < self.until:
                (path / OUTCOME).unlink(missing_ok=True)
            record(path, {**header, **facts})  # it may go on for longer than the one before was to
        return path, header

    def run(
        self,
        trainer: Trainer,
        sets: Mapping[str, Images],
        progress: Callable[[int, int, str], None],
    ) -> None:
        """Train to the end of the last epoch. A first Ctrl-C or SIGTERM saves, and raises Interrupted.

        progress: gets (images done, images of the epoch, "epoch N").
        """
        until, tell = self.until, self.tell
        self._continue(trainer)
        board = Board(self.path / "tensorboard", of_training, tell)
        if self.group.is_rank_zero:
            board.start(epoch.plain() for epoch in self.epochs)
        saved, first = time.perf_counter(), trainer.trained + 1
        with StopSignals() as stop, closing(board):

            def after_batch() -> None:
                nonlocal saved
                progress(trainer.totals.images, len(trainer.images), f"epoch {trainer.trained + 1}")
                stopped = self.group.any(stop.asked)
                if stopped or time.perf_counter() - saved >= self.save_every_s:
                    self._save(trainer)
                    saved = time.perf_counter()
                if stopped:
                    self._stop()

            while trainer.trained < until:
                number = trainer.trained + 1
                evaluates = number == until or trainer.recipe.evaluates(number)
                self.epochs.append(trainer.epoch(sets if evaluates else {}, after_batch))
                self._save(trainer, self.epochs[-1].sets.get(VALIDATION))
                self._log()
                board.add(self.epochs[-1].plain())
                saved = time.perf_counter()
                tell(line(self.epochs[-1], until))
                if trainer.trained == first < until:
                    tell(remaining(self.epochs[-1].seconds, until - first))
                if self.group.any(stop.asked) and trainer.trained < until:
                    self._stop()

    def check(self, trainer: Trainer, sets: Mapping[str, Images]) -> Trainer:
        """Load the last checkpoint again; raises TrainingFailed unless its accuracies are those that were logged."""
        found = self.group.broadcast(self.checkpoints.latest)
        assert found, "run() saves after every epoch"
        trainer.load_state_dict(found[1]["trainer"])
        for name, score in trainer.scores(sets).items():
            logged = self.epochs[-1].sets[name].top1
            if score.top1 != logged:
                raise TrainingFailed(
                    f"{self.path}: reloaded, the last checkpoint has {score.top1:.4f} % on {name}, but "
                    f"{logged:.4f} % was logged"
                )
        return trainer

    def _stop(self) -> None:
        raise Interrupted("interrupted")

    def _continue(self, trainer: Trainer) -> None:
        found = self.group.broadcast(self.checkpoints.latest)
        if not found:
            return
        state = found[1]
        with fitting(self.path / "checkpoint"):
            trainer.load_state_dict(state["trainer"])
            self.epochs = [Epoch.from_plain(epoch) for epoch in state["epochs"]]
        self._log()
        if trainer.trained < self.until:
            self.tell(f"continuing in epoch {trainer.trained + 1}, image {trainer.totals.images + 1:,}")

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
        taken = state["batches"]
        step = taken["epoch"] * len(trainer.images) + taken["taken"]
        epochs = [epoch.plain() for epoch in self.epochs]
        self.checkpoints.save(step, {"trainer": state, "epochs": epochs}, score and score.top1)

    def _log(self) -> None:
        if self.group.is_rank_zero:
            lines = "".join(json.dumps(epoch.plain()) + "\n" for epoch in self.epochs)
            write_whole(self.path / EPOCHS, lines.encode())


def line(epoch: Epoch, until: int) -> str:
    """One epoch in one line."""
    sets = "  ".join(f"{name} {score.top1:.2f} %" for name, score in epoch.sets.items())
    return (
        f"epoch {epoch.epoch}/{until}  lr {epoch.lr:.4f}  train loss {epoch.train.loss:.4f} "
        f"{epoch.train.top1:.2f} %  {sets}  {epoch.seconds:.1f} s"
    )
