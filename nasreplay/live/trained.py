"""Shared weights that a live run has trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadData, BadOutput
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.earlier import EARLIER, as_recorded
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import Files, latest_state
from nasreplay.search import SEARCHERS
from nasreplay.settings import Json
from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from nasreplay.models.shared_networks import SharedNetwork

TENSOR_FILES = Files(save_checkpoint, load_checkpoint, "pth")
"""Live runs keep tensors: files that torch reads with weights_only."""


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


def shared_weights(folder: Path) -> SharedWeights:
    """The last shared weights of a recorded live run; its images are not read. Raises BadOutput."""
    header = read_header(folder)
    settings, state = _recorded(folder, header)
    about = header["evaluator"]
    return SharedWeights(state["evaluator"]["net"], settings.network, about["dataset"], about["data"])


def trained(
    folder: Path, data: Path | None = None, threads: int | None = None
) -> tuple[SupernetEvaluator, SupernetSettings]:
    """The evaluator of a recorded live run with its last shared weights, and its settings.

    data: where its images are now, instead of the recorded folder; threads: CPU threads now. Raises BadOutput, or
    BadData for other images.
    """
    header = read_header(folder)
    settings, state = _recorded(folder, header)
    # the last weights are in the state, and only who asks for a download gets one
    changes = {"data": data or settings.data, "threads": threads or settings.threads}
    settings = replace(settings, **changes, weights=None, download=False)
    evaluator = settings.open(SEARCHERS.named(header["options"]["searcher"])())
    if evaluator.source.fingerprint != header["evaluator"]["data"]:
        raise BadData(
            f"{evaluator.source.folder}: not the images of {folder}, or no longer: --data DIR says where those are"
        )
    evaluator.load_state_dict(state["evaluator"])
    evaluator.ending = False  # answers are on the images that `describe` names, not on those of a last epoch
    return evaluator, settings


def _recorded(folder: Path, header: Json) -> tuple[SupernetSettings, Json]:
    """Settings and last state of a run."""
    options = header.get("options")
    if not options or options["evaluator"] != SupernetSettings.kind:
        raise BadOutput(
            f"{folder}: not a run with shared weights (`nasreplay search … --evaluator supernet`)"
        )
    state = latest_state(folder, TENSOR_FILES)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    options = {"halves": EARLIER["halves"], **options}
    settings = SupernetSettings.of(options, SEARCHERS[options["searcher"]]())
    network = as_recorded(settings.network, header["evaluator"]["network"])
    return replace(settings, network=network), state
