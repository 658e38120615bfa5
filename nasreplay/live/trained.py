"""Shared weights that a live run has trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadData, BadOutput
from nasreplay.files.text import place
from nasreplay.files.typed import typed
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.checkpoints import Files, kept_state, latest_state
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


def shared_weights(folder: Path, at: int | None = None) -> SharedWeights:
    """The shared weights of a recorded live run, the last ones or those after a kept epoch; its images are not read.

    Raises BadOutput.
    """
    run, settings, state = _recorded(folder, at)
    return SharedWeights(state["net"], settings.network, run.evaluator.dataset, run.evaluator.data)


def trained(
    folder: Path, data: Path | None = None, threads: int | None = None, at: int | None = None
) -> tuple[SupernetEvaluator, SupernetSettings]:
    """The evaluator of a recorded live run with its last shared weights, and its settings.

    data: where its images are now, instead of the recorded folder; threads: CPU threads now; at: a kept epoch, whose
    weights they are then. Raises BadOutput, or BadData for other images.
    """
    run, settings, state = _recorded(folder, at)
    # the weights are in the state, and only who asks for a download gets one
    changes = {"data": data or settings.data, "threads": threads or settings.threads}
    settings = replace(settings, **changes, weights=None, download=False)
    evaluator = settings.open(SEARCHERS.named(run.options.searcher)())
    if evaluator.source.fingerprint != run.evaluator.data:
        raise BadData(
            f"{evaluator.source.folder}: not the images of {folder}, or no longer: --data DIR says where those are"
        )
    evaluator.load_state_dict(state)
    evaluator.ending = False  # answers are on the images that `describe` names, not on those of a last epoch
    return evaluator, settings


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


def _recorded(folder: Path, at: int | None = None) -> tuple[LiveRun, SupernetSettings, Json]:
    """What its header says, the settings, and the state of the evaluator of a run, the last or after a kept epoch."""
    run, settings = recorded_settings(folder)
    state = kept_state(folder, at, TENSOR_FILES) if at else latest_state(folder, TENSOR_FILES)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    return run, settings, typed(state["evaluator"], Json, place(folder / "run.json"), error=BadOutput)
