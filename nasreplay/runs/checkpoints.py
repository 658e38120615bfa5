"""The checkpoints of a run folder: the last two, from which it goes on, and the epochs that it was asked to keep.

checkpoint/step-000000123.pth are the last ones, checkpoint/epoch-00010.pth is the state after ten epochs. Each holds
the states of searcher and evaluator and the length that the log had.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nasreplay.errors import BadInput, BadOutput, listed, shortened
from nasreplay.files.state import load_state, save_state
from nasreplay.files.text import check_regular, place
from nasreplay.files.typed import Opaque, typed
from nasreplay.numerals import counted
from nasreplay.settings import Json

LOG = "events.jsonl"
_KEPT = re.compile(r"epoch-(\d{5,9})\.\w+")


class Files(NamedTuple):
    """How states become files."""

    save: Callable[[Path, Json], None]
    """Function that writes a state atomically."""
    load: Callable[[Path], Json]
    """Function that reads it; raises BadOutput."""
    suffix: str
    """Ending of the file, without its dot."""


ARRAYS = Files(save_state, load_state, "npz")


class _State(NamedTuple):
    step: int
    log_bytes: int
    searcher: dict[str, Opaque]
    evaluator: dict[str, Opaque]


def last_paths(folder: Path, files: Files = ARRAYS) -> list[Path]:
    """The last checkpoints, from the older one on."""
    return sorted((folder / "checkpoint").glob(f"step-*.{files.suffix}"))


def latest_state(folder: Path, files: Files = ARRAYS) -> Json | None:
    """The newest checkpoint of a run that can be read and whose part of the log is there; None without any.

    Raises BadOutput if there are some and none can be used.
    """
    problems: list[BadOutput] = []
    for path in reversed(last_paths(folder, files)):
        try:
            return _opened(folder, path, files)
        except BadOutput as problem:
            problems.append(problem)
    if problems:
        raise BadOutput(f"{problems[0]}; delete {folder / 'checkpoint'} to start the run over")
    return None


def epoch_name(epoch: int) -> str:
    """The name of the checkpoint of an epoch, counted from 1, without its ending."""
    return f"epoch-{epoch:05d}"


def kept_epochs(folder: Path) -> dict[int, Path]:
    """The checkpoints of a run's kept epochs: number of finished epochs → file, in this order; empty for none."""
    found = {path: _KEPT.fullmatch(path.name) for path in (folder / "checkpoint").glob("epoch-*")}
    return dict(sorted((int(match[1]), path) for path, match in found.items() if match))


def kept_path(folder: Path, epoch: int) -> Path:
    """The checkpoint of a kept epoch. Raises BadOutput, which lists those that were kept."""
    kept = kept_epochs(folder)
    if epoch in kept:
        check_regular(kept[epoch], BadOutput)
        return kept[epoch]
    if kept:
        raise BadOutput(f"{folder}: epoch {epoch:,} was not kept; kept: {listed(map(str, kept))}")
    if not (folder / "run.json").exists():
        raise BadOutput(f"{folder}: holds no run (no run.json)")
    raise BadOutput(f"{folder}: keeps no epochs, as `nasreplay search … --keep-every N` does")


def kept_state(folder: Path, epoch: int, files: Files = ARRAYS) -> Json:
    """The state after a kept epoch, opened as a run that goes on opens its last one. Raises BadOutput."""
    return _opened(folder, kept_path(folder, epoch), files)


def run_at(text: str) -> tuple[Path, int]:
    """The folder and the epoch of a text RUN@EPOCH, which need not be there. Raises BadInput."""
    run, at, number = text.rpartition("@")
    epoch = counted(number)
    if not (at and run and epoch):
        raise BadInput(
            f"{shortened(text)}: the form is RUN@EPOCH, a run folder and a kept epoch, counted from 1"
        )
    return Path(run), epoch


def _opened(folder: Path, path: Path, files: Files) -> Json:
    """The state of a checkpoint whose part of the log is there. Raises BadOutput."""
    state, log = files.load(path), folder / LOG
    known = typed(state, _State, place(path), error=BadOutput)
    if known.step < 0 or known.log_bytes < 0:
        raise BadOutput(f"{place(path)}: step or log_bytes is below 0")
    if not log.exists() or log.stat().st_size < known.log_bytes:
        raise BadOutput(f"{log}: shorter than when {path.name} was written")
    return state
