"""Shared weights that a live run has trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadData, BadOutput
from nasreplay.files.text import place
from nasreplay.files.typed import typed
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.shared_accuracy import SHARED
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.checkpoints import Files, kept_state, latest_state, run_at
from nasreplay.runs.earlier import EARLIER, as_recorded
from nasreplay.runs.folder import read_header
from nasreplay.search import SEARCHERS
from nasreplay.settings import Json
from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from nasreplay.models.shared_networks import SharedNetwork

TENSOR_FILES = Files(save_checkpoint, load_checkpoint, "pth")
"""Live runs keep tensors: files that torch reads with weights_only."""


class _Options(NamedTuple):
    evaluator: str
    searcher: str
    budget: float | None = None
    evaluations: int | None = None


class _Evaluator(NamedTuple):
    dataset: str
    data: str
    network: Json


class LiveRun(NamedTuple):
    """What is read of the header of a live run."""

    options: _Options
    """What was chosen."""
    evaluator: _Evaluator
    """What it was searched with."""
    searcher: Json
    """The searcher's name and settings."""
    seed: int
    """Root seed."""
    epochs: int | None = None
    """Epochs of the search; None or 0 where a budget ends it."""

    @property
    def origin(self) -> str:
        """Whose its weights are, in words."""
        return f"{self.options.searcher} with seed {self.seed}"


class _Position(NamedTuple):
    epoch: int
    taken: int


class SharedWeights(NamedTuple):
    """What a run has trained, and on what."""

    weights: dict[str, Tensor]
    """The last state of the shared network."""
    network: SharedNetwork
    """The network."""
    dataset: str
    """Name of the data set."""
    data: str
    """Fingerprint of its images and parts."""
    origin: str
    """Whose they are, in words: gdas with seed 1 after 10 epochs."""


def shared_weights(folder: Path, at: int | None = None) -> SharedWeights:
    """The shared weights of a recorded live run, the last ones or those after a kept epoch; its images are not read.

    Raises BadOutput.
    """
    run, settings, state, after = _recorded(folder, at)
    about = run.evaluator.dataset, run.evaluator.data, f"{run.origin} after {after}"
    return SharedWeights(state["net"], settings.network, *about)


def trained(
    folder: Path,
    data: Path | None = None,
    threads: int | None = None,
    at: int | None = None,
    all_images: bool = False,
) -> tuple[SupernetEvaluator, SupernetSettings]:
    """The evaluator of a recorded live run with its last shared weights, and its settings.

    data: where its images are now, instead of the recorded folder; threads: CPU threads now; at: a kept epoch, whose
    weights they are then, at the fidelity of this epoch; all_images: whether answers are on all validation images,
    instead of the search's batches. Raises BadOutput, or BadData for other images.
    """
    run, settings, state, after = _recorded(folder, at)
    # the weights are in the state, and only who asks for a download gets one
    changes = {"data": data or settings.data, "threads": threads or settings.threads}
    settings = replace(settings, **changes, weights=None, download=False)
    evaluator = settings.open(SEARCHERS.named(run.options.searcher)())
    if evaluator.source.fingerprint != run.evaluator.data:
        raise BadData(
            f"{evaluator.source.folder}: not the images of {folder}, or no longer: --data DIR says where those are"
        )
    evaluator.load_state_dict(state)
    evaluator.origin = run.origin if at else f"{run.origin} after {after}"  # the fidelity tells a kept epoch
    if at:
        evaluator.shared = SHARED._replace(epoch=at)
    if all_images:
        evaluator.valid = evaluator.held
    evaluator.ending = False  # answers are on the images that `describe` names, not on those of a last epoch
    return evaluator, settings


def run_of(text: str) -> tuple[Path, int | None]:
    """The folder and the kept epoch, if one is named, of a text RUN or RUN@EPOCH. Raises BadInput."""
    return (Path(text), None) if "@" not in text or Path(text).exists() else run_at(text)


def recorded_settings(folder: Path) -> tuple[LiveRun, SupernetSettings]:
    """What the header of a run with shared weights says, and its settings. Raises BadOutput for any other folder."""
    header = read_header(folder)
    options = header.get("options")
    if not options or options.get("evaluator") != SupernetSettings.kind:
        raise BadOutput(
            f"{folder}: not a run with shared weights (`nasreplay search … --evaluator supernet`)"
        )
    run = typed(header, LiveRun, place(folder / "run.json"), error=BadOutput)
    options = {"halves": EARLIER["halves"], **options}
    settings = SupernetSettings.of(options, SEARCHERS.named(run.options.searcher)())
    return run, replace(settings, network=as_recorded(settings.network, run.evaluator.network))


def _recorded(folder: Path, at: int | None = None) -> tuple[LiveRun, SupernetSettings, Json, str]:
    """What its header says, the settings, the evaluator's last state or a kept epoch's, and after what it is."""
    run, settings = recorded_settings(folder)
    state = kept_state(folder, at, TENSOR_FILES) if at else latest_state(folder, TENSOR_FILES)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    where = place(folder / "checkpoint")
    state = typed(state["evaluator"], Json, where, error=BadOutput)
    done = typed(state.get("batches"), _Position, where, error=BadOutput)
    epochs = at or done.epoch
    partly = "" if at or not done.taken else f" and {done.taken:,} images"
    return run, settings, state, f"{epochs:,} epoch{'' if epochs == 1 else 's'}{partly}"
