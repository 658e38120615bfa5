"""What a search of a NASNet space leaves after every epoch where the published scripts do: `seed-N-basic.pth`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasreplay.errors import BadOutput
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import GenotypeNetwork
from nasreplay.runs.record import read_events
from nasreplay.search import Searcher
from nasreplay.settings import Json
from nasreplay.train.checkpoint import save_checkpoint

FACTS = {
    "genotypes": "found",
    "genotypes_all_edges": "found_all_edges",
    "valid_accuracies": "shared_accuracy",
}
"""What it keeps of every epoch: its name here, and among the facts of an epoch."""


class SearchCheckpoint:
    """One file of tensors and a JSON text, which `torch.load(weights_only=True)` and `nasreplay retrain` read.

    epoch: the finished ones; args: the options; search_model: shared weights, and logits by their published names;
    genotypes: text of each epoch, counted from 0, and of the "best" by shared weights; valid_accuracies: theirs,
    percent; genotypes_all_edges: the same with every edge kept, of searchers with logits. Raises BadOutput for a file
    that another run has left.
    """

    def __init__(self, path: Path, run: Path, options: Mapping[str, Any], resume: bool):
        if path.exists() and not resume:
            raise BadOutput(
                f"{path}: is there already; --resume continues its run, or choose another --seed or --out"
            )
        self.path, self.run, self.options = path, run, options
        self._told: list[Json] | None = None

    def save(self, epoch: int, facts: Json, searcher: Searcher, evaluator: SupernetEvaluator) -> None:
        """Replace the file after an epoch (counted from 0) with these facts. Raises BadOutput."""
        if self._told is None:
            before = [event for event in read_events(self.run) if event["event"] == "epoch"]
            self._told = before[:epoch]
        self._told.append(facts)
        assert isinstance(evaluator.network, GenotypeNetwork)
        best = max(self._told, key=lambda facts: facts["shared_accuracy"])
        told = {**dict(enumerate(self._told)), "best": best}
        state = {
            "epoch": epoch + 1,
            "args": dict(self.options),
            "search_model": evaluator.net.state_dict() | _logits(searcher, evaluator.network.space),
            **{
                name: {at: facts[fact] for at, facts in told.items() if fact in facts}
                for name, fact in FACTS.items()
            },
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(self.path, state)


def _logits(searcher: Any, space: Any) -> Json:
    """The logits of a gradient search by parameter name; empty for other searchers."""
    logits = getattr(searcher.state, "logits", None)
    if logits is None or logits.shape[1:] != space.mask.shape:
        return {}
    if space.cells == 1:
        return {"arch_parameters": logits[0]}
    half = space.edges // 2
    return {"arch_normal_parameters": logits[0, :half], "arch_reduce_parameters": logits[0, half:]}
