"""Forks: a run that begins with another run's kept checkpoint, and what it records of that parent."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.state import difference
from nasreplay.files.text import place
from nasreplay.files.typed import typed
from nasreplay.runs.checkpoints import LOG, Files, kept_path, kept_state
from nasreplay.runs.folder import read_header
from nasreplay.settings import Json

SAME = ("space", "data", "images", "network")
"""What the headers of a fork and of its parent must say alike of their evaluators for the state to fit."""


class _Best(NamedTuple):
    step: int


class Parent(NamedTuple):
    """The kept epoch of a run that another run began with."""

    run: str
    """Its folder, absolute."""
    epoch: int
    """Number of its finished epochs."""
    digest: str
    """SHA-256 of that epoch's checkpoint, in hexadecimal digits."""

    @classmethod
    def at(cls, folder: Path, epoch: int) -> Self:
        """The kept epoch of a run as it is now. Raises BadOutput, which lists those that were kept."""
        with kept_path(folder, epoch).open("rb") as file:
            return cls(str(folder.resolve()), epoch, hashlib.file_digest(file, "sha256").hexdigest())

    @property
    def folder(self) -> Path:
        """Its folder."""
        return Path(self.run)

    def check_unchanged(self, fork: Path) -> None:
        """Raise BadOutput where that epoch's checkpoint is gone, or another one than the fork began with."""
        if self.at(self.folder, self.epoch) != self:
            raise BadOutput(
                f"{self.run}: epoch {self.epoch:,} is no longer the one that {fork} was forked from: fork it again"
            )

    def check_fits(self, header: Json) -> None:
        """Raise BadOutput for the header of a fork whose evaluator would not continue this one's state."""
        theirs = read_header(self.folder)["evaluator"]
        named = {name: theirs.get(name) for name in SAME}
        if found := difference(named, {name: header["evaluator"].get(name) for name in SAME}):
            name, was, now = found
            raise BadOutput(f"{self.run} has {name} = {was}, a fork of it would have {now}")


def parent_of(header: Json, where: Path) -> Parent | None:
    """What a run.json says of a parent; None of a run that is no fork. Raises BadOutput."""
    told = header.get("parent")
    return None if told is None else typed(told, Parent, place(where / "run.json"), error=BadOutput)


def first_state(parent: Parent, files: Files, own: Json, steps_per_epoch: int) -> Json:
    """The state that a fork begins with. Raises BadOutput for one of another epoch, or of other shapes.

    own: the state of its searcher as it would begin, which arrays stay that the parent's searcher does not have.
    """
    state = kept_state(parent.folder, parent.epoch, files)
    if state["step"] != parent.epoch * steps_per_epoch:
        raise BadOutput(
            f"{parent.run}: what is kept as epoch {parent.epoch:,} is of another: step {state['step']:,}"
        )
    state["searcher"] = _taken_over(own, state["searcher"], parent)
    return state


def begin_as(parent: Parent, folder: Path, files: Files, own: Json, steps_per_epoch: int) -> Json:
    """Write log and checkpoint of a fork's beginning into its folder; returns that checkpoint (`first_state`).

    The best epoch's checkpoint comes along where it is of an epoch before. Raises BadOutput.
    """
    parent.check_unchanged(folder)
    state = first_state(parent, files, own, steps_per_epoch)
    with (parent.folder / LOG).open("rb") as log:
        write_whole(folder / LOG, log.read(state["log_bytes"]))
    best = f"checkpoint/best.{files.suffix}"
    with suppress(BadOutput):  # it has none
        told = typed(files.load(parent.folder / best), _Best, place(parent.folder / best), error=BadOutput)
        if told.step <= state["step"]:
            shutil.copyfile(parent.folder / best, folder / best)
    files.save(folder / "checkpoint" / f"step-{state['step']:09d}.{files.suffix}", state)
    return state


def _taken_over(own: Json, theirs: Json, parent: Parent) -> Json:
    """The state of a searcher that goes on with what another one has learned. Raises BadOutput for other shapes."""
    arrays = {name: theirs["state"].get(name, value) for name, value in own["state"].items()}
    for name, value in own["state"].items():
        if np.shape(value) != (was := np.shape(arrays[name])):
            raise BadOutput(
                f"{parent.run}: its searcher's {name} are {list(was)} numbers, {list(np.shape(value))} with these "
                "settings: leave out what changes that"
            )
    return {**own, **theirs, "state": arrays}
