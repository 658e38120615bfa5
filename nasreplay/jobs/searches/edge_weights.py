"""The weights that a search has for each operation on each edge: softmax of the logits that its checkpoint holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasreplay.errors import BadInput, BadOutput, LacksCapability
from nasreplay.jobs.named_files import is_checkpoint, named_file
from nasreplay.runs.checkpoints import ARRAYS, Files, latest_state
from nasreplay.runs.folder import read_header
from nasreplay.settings import Json
from nasreplay.spaces import TOPOLOGY, Space, space_named
from nasreplay.spaces.costs.network_plan import DIALECTS
from nasreplay.spaces.genotypes.derivation import nodes_of, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = (("arch_parameters",), ("arch_normal_parameters", "arch_reduce_parameters"))
"""What search checkpoints of AutoDL-Projects, and ours, call the logits of one cell, and those of two."""


class EdgeWeights(NamedTuple):
    """The weights of a search at one moment."""

    space: Space
    """The space that it searches."""
    weights: np.ndarray
    """float64 [E, O]: probabilities, 0 where an edge has no such option."""
    name: str
    """What files are named after."""
    where: str
    """The checkpoint they are from."""


def edge_weights(search: str | Path, which: str = "last") -> EdgeWeights:
    """The weights of a run folder (its last checkpoint, or that of its best epoch), or of one checkpoint.

    Raises LacksCapability for a search that has no logits of edges, BadOutput or BadInput for damaged files.
    """
    named = named_file(str(search))
    if named is None:
        raise BadInput(f"{search}: no run folder of nasreplay search, nor a checkpoint of one")
    path = named[0]
    if path.is_dir():
        return _of_run(path, *_chosen(path, which))
    if path.suffix == f".{ARRAYS.suffix}":
        return _of_run(path.resolve().parent.parent, ARRAYS.load(path), path)
    if not is_checkpoint(path):
        raise BadInput(f"{path}: no run folder of nasreplay search, nor a checkpoint of one")
    from nasreplay.train.foreign.autodl_checkpoint import load_foreign

    content = load_foreign(path)
    if isinstance(content, dict) and {"searcher", "evaluator", "step"} <= content.keys():
        return _of_run(path.resolve().parent.parent, content, path)
    return _of_published(content, path)


def _chosen(folder: Path, which: str) -> tuple[Json, Path]:
    """State and file of a run's last checkpoint, or of its best epoch's."""
    header, files = read_header(folder), _files(folder)
    if "searcher" not in header:
        raise LacksCapability(
            f"{folder}: no search, but a run of another kind: it has no weights of operations"
        )
    best = folder / "checkpoint" / f"best.{files.suffix}"
    if which == "best":
        if not best.exists():
            raise BadOutput(f"{folder}: keeps no best epoch; without --which its last checkpoint is drawn")
        return files.load(best), best
    state = latest_state(folder, files)
    if state is None:
        raise BadOutput(f"{folder}: has no checkpoint yet")
    return state, folder / "checkpoint" / f"step-{state['step']:09d}.{files.suffix}"


def _files(folder: Path) -> Files:
    """The kind of a run's checkpoints: of a live run those of torch."""
    if not any((folder / "checkpoint").glob("*.pth")):
        return ARRAYS
    from nasreplay.live.trained import TENSOR_FILES

    return TENSOR_FILES


def _of_run(folder: Path, state: Json, file: Path) -> EdgeWeights:
    header = read_header(folder)
    try:
        space, searcher = space_named(header["evaluator"]["space"]), header["searcher"]["name"]
        logits = state["searcher"]["state"].get("logits")
    except (LookupError, TypeError, AttributeError) as problem:
        raise BadOutput(f"{folder}: no run of a search, or damaged ({problem})") from None
    if logits is None or np.shape(logits)[1:] != space.mask.shape:
        raise LacksCapability(
            f"{folder}: {searcher} has no logits of edges; --weights draws searches by gradients, such as darts-v1, "
            "gdas and snas"
        )
    return EdgeWeights(space, _probabilities(logits[0], space, file), folder.resolve().name, str(file))


def _of_published(content: Any, path: Path) -> EdgeWeights:
    """The weights of a `seed-*.pth` of ours or of AutoDL-Projects."""
    model = content.get("search_model") if isinstance(content, dict) else None
    held: Mapping[str, Any] = model if isinstance(model, dict) else {}
    names = next((names for names in NAMES if all(name in held for name in names)), None)
    if names is None:
        raise LacksCapability(
            f"{path}: holds no logits of edges ({' or '.join(names[0] for names in NAMES)} in search_model)"
        )
    try:
        logits = np.concatenate([np.asarray(held[name], dtype=np.float64) for name in names])
        arguments = content.get("args")
        space = _space(arguments.get("space") if isinstance(arguments, dict) else None, len(names), logits)
    except (TypeError, ValueError) as problem:
        raise BadInput(
            f"{path}: damaged: its logits are no numbers [edges, operations] ({problem})"
        ) from None
    if space is None:
        raise BadInput(
            f"{path}: logits of shape {list(logits.shape)} are of no space that AutoDL-Projects searches"
        )
    return EdgeWeights(space, _probabilities(logits, space, path), path.stem, str(path))


def _space(name: Any, cells: int, logits: np.ndarray) -> Space | None:
    """The space that a checkpoint of ours names, or the one of AutoDL-Projects with such logits."""
    if isinstance(name, str):
        space = space_named(name)
        return (
            space
            if space.mask.shape == logits.shape
            else space.variant(f"{name}-{nodes_of(len(logits) // cells)}")
        )
    from nasreplay.models.shared_networks import NETWORKS, GenotypeNetwork

    kinds = [kind for kind in NETWORKS.values() if issubclass(kind, GenotypeNetwork)]
    theirs = [kind.home for kind in kinds if DIALECTS[kind.dialect].search_layers]
    fitting = (space for space in (TOPOLOGY, *theirs) if space.mask.shape == logits.shape)
    return next((space for space in fitting if len({row.cell for row in space.rows}) == cells), None)


def _probabilities(logits: Any, space: Space, file: Path) -> np.ndarray:
    values = np.where(space.mask, np.asarray(logits, dtype=np.float64), -np.inf)
    if not np.isfinite(values[space.mask]).all():
        raise BadInput(f"{file}: the logits hold NaN or infinity: this search has failed")
    return softmax(values)
