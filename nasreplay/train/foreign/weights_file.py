"""Weights of a trained network in a file of a release, of another program, or of a training here: read safely.

A file holds a state dict, as it is or under one of NESTED; what `train-a-net` writes holds one for each data set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nasreplay.errors import BadInput, listed
from nasreplay.files.text import check_regular, harmless
from nasreplay.models.nasnet.parameter_names import load_published
from nasreplay.train.foreign.autodl_checkpoint import WEIGHTS, check_size, check_tensor, load_foreign

NESTED = ("state_dict", "base-model", "net_state_dict")
"""The keys of a state dict in a checkpoint: of CNAS and P-DARTS, of AutoDL-Projects, of the benchmark's archives."""
HEAD = "auxiliary_head."
"""How the names of an auxiliary head begin, in every release."""


def weights_of(path: Path, dataset: str = "") -> dict[str, Tensor]:
    """The state dict of a file, or of the last checkpoint in the run folder of a training.

    dataset: whose weights are meant where a file holds those of several. Raises BadInput, UnsafePickle or BadOutput.
    """
    file = _file(path)
    content = _safetensors(file) if file.suffix == ".safetensors" else load_foreign(file)
    found = _state_dict(content, file, dataset)
    for name, values in found.items():
        check_tensor(f"{file}: {harmless(str(name), 80)}", values, "training")
    return {name.removeprefix("module."): values for name, values in found.items()}


def take_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Give a network the weights that `weights_of` found in a file, strictly. Raises BadInput (`load_published`)."""
    try:
        load_published(network, state)
    except BadInput as problem:
        raise BadInput(f"{path}: {problem}") from None


def digest_of(path: Path, kind: str = "sha256") -> str:
    """The digest of a file, or of the last checkpoint in a run folder. Raises BadInput."""
    file = _file(path)
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    except OSError as problem:
        raise BadInput(f"{file}: cannot be read: {problem.strerror}") from None


def _file(path: Path) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if not path.is_dir():
        check_regular(path)
        return path
    files = sorted((path / "checkpoint").glob("step-*.pt"))
    if not files:
        raise BadInput(f"{path}: holds no checkpoint of a training (checkpoint/step-*.pt)")
    return files[-1]


def _safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        check_size(file)
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as problem:
        raise BadInput(f"{file}: not a file of weights, or damaged ({problem})") from None


def _state_dict(content: Any, file: Path, dataset: str) -> Mapping[str, Tensor]:
    if isinstance(content, Mapping) and "all_dataset_keys" in content:
        held = [harmless(str(key), 40) for key, value in content.items() if isinstance(value, Mapping)]
        if dataset not in held:
            raise BadInput(f"{file}: holds weights of {listed(held) or 'no data set'}, not of {dataset}")
        content = content[dataset]
    if isinstance(training := _within(content, "state", "trainer"), Mapping) and training:
        content = _averaged(training) or training.get("network")
    for key in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content or not all(map(_is_entry, content.items())):
        shared = isinstance(content, Mapping) and {*WEIGHTS, "searcher"} & content.keys()
        told = ": it is of a search, and `nasreplay retrain` trains what that found" if shared else ""
        raise BadInput(f"{file}: holds no weights of a trained network (a state dict){told}")
    return content


def _is_entry(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _within(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key, {}) if isinstance(content, Mapping) else {}
    return content


def _averaged(training: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The moving average of the weights, where a training has one: what one keeps of it."""
    average = training.get("average")
    if not isinstance(average, Mapping):
        return None
    return {name: values for name, values in average.items() if name != "n_averaged"}
