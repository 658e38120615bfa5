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


class _Evaluator(NamedTuple):
    dataset: str
    data: str
    network: Json


class _LiveRun(NamedTuple):
    """What is read of the header of a live run."""

    options: _Options
    evaluator: _Evaluator


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


def _recorded(folder: Path, at: int | None = None) -> tuple[_LiveRun, SupernetSettings, Json]:
    """What its header says, the settings, and the state of the evaluator of a run, the last or after a kept epoch."""
    header, where = read_header(folder), place(folder / "run.json")
    options = header.get("options")
    if not options or options.get("evaluator") != SupernetSettings.kind:
        raise BadOutput(
            f"{folder}: not a run with shared weights (`nasreplay search … --evaluator supernet`)"
        )
    run = typed(header, _LiveRun, where, error=BadOutput)
    state = kept_state(folder, at, TENSOR_FILES) if at else latest_state(folder, TENSOR_FILES)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    options = {"halves": EARLIER["halves"], **options}
    settings = SupernetSettings.of(options, SEARCHERS.named(run.options.searcher)())
    network = as_recorded(settings.network, run.evaluator.network)
    return run, replace(settings, network=network), typed(state["evaluator"], Json, where, error=BadOutput)
