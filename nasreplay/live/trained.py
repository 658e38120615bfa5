"""Shared weights that a live run has trained."""

from __future__ import annotations

from pathlib import Path

from nasreplay.errors import BadOutput
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import Files, latest_state
from nasreplay.search import SEARCHERS
from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint

TENSOR_FILES = Files(save_checkpoint, load_checkpoint, "pth")
"""Live runs keep tensors: files that torch reads with weights_only."""


def trained(folder: Path) -> tuple[SupernetEvaluator, SupernetSettings]:
    """The evaluator of a recorded live run with its last shared weights, and its settings. Raises BadOutput."""
    options = read_header(folder).get("options")
    if not options or options["evaluator"] != SupernetSettings.kind:
        raise BadOutput(
            f"{folder}: not a run with shared weights (`nasreplay search … --evaluator supernet`)"
        )
    state = latest_state(folder, TENSOR_FILES)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    searcher = SEARCHERS[options["searcher"]]()
    settings = SupernetSettings.of(options, searcher)
    evaluator = settings.open(searcher)
    evaluator.load_state_dict(state["evaluator"])
    return evaluator, settings
