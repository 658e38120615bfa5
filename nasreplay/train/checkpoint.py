"""Checkpoints: one file of tensors and one JSON text each, whole or not there, read with `weights_only=True`.

A state is nested dictionaries and lists whose leaves are tensors, numpy arrays or JSON values; dictionaries may have
number keys, as an optimizer's have.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import remove_stale, write_whole

# what torch raises for files that are damaged or something else
DAMAGE = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
    pickle.UnpicklingError,
)
_MARKS = {"tensor", "array", "items"}


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically; raises BadOutput."""
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(_split(state, tensors))
    buffer = io.BytesIO()
    torch.save({"json": text, "tensors": tensors}, buffer)
    write_whole(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, tensors on the CPU; raises BadOutput for anything else."""
    try:
        whole = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(whole) as parts:  # torch does not look at the checksums
            if bad := parts.testzip():
                raise ValueError(f"the checksum of {bad} differs")
        whole.seek(0)
        content = torch.load(whole, map_location="cpu", weights_only=True)
        return _join(json.loads(content["json"]), content["tensors"])
    except DAMAGE as problem:
        reason = " ".join(str(problem).split())[:80]
        raise BadOutput(f"{path}: not a checkpoint, or damaged ({reason})") from None


def _split(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """The JSON part of a state; tensors and arrays go to `tensors` and leave their name behind."""
    match value:
        case torch.Tensor() | np.ndarray():
            name = str(len(tensors))
            plain = isinstance(value, np.ndarray)
            # a copy: a slice would bring the whole storage that it is part of
            tensors[name] = torch.from_numpy(value.copy()) if plain else value.detach().to("cpu", copy=True)
            return {"array" if plain else "tensor": name}
        case dict():
            if all(isinstance(key, str) for key in value) and not (len(value) == 1 and _MARKS & value.keys()):
                return {key: _split(item, tensors) for key, item in value.items()}
            return {"items": [[key, _split(item, tensors)] for key, item in value.items()]}
        case list() | tuple():
            return [_split(item, tensors) for item in value]
        case np.generic():
            return value.item()
    return value


def _join(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_join(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"tensor"}:
        return tensors[value["tensor"]]
    if value.keys() == {"array"}:
        return tensors[value["array"]].numpy()
    if value.keys() == {"items"}:
        return {key: _join(item, tensors) for key, item in value["items"]}
    return {key: _join(item, tensors) for key, item in value.items()}


class Checkpoints:
    """The checkpoints of a run: the last `keep`, and the one with the best score.

    Files are step-000000123.pt and best.pt. A damaged newest file gives way to the one before it.
    """

    def __init__(self, folder: Path, keep: int = 2):
        self.folder, self.keep = folder, keep

    def save(self, step: int, state: dict[str, Any], score: float | None = None) -> None:
        """Keep a state; with a score (higher is better) above that of best.pt, also as the best."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise BadOutput(
                f"{self.folder}: cannot be made: {problem.strerror}; choose another --out"
            ) from None
        content = {"step": step, "score": score, "state": state}
        save_checkpoint(self._file(step), content)
        if score is not None and not self.best_score() >= score:
            save_checkpoint(self.folder / "best.pt", content)
        for old in self._files()[: -self.keep]:
            old.unlink(missing_ok=True)
            remove_stale(old)

    def latest(self) -> tuple[int, dict[str, Any]] | None:
        """(step, state) of the newest one that can be read; None if there is none. BadOutput if all are damaged."""
        damaged: list[tuple[Path, BadOutput]] = []
        for path in reversed(self._files()):
            try:
                content = load_checkpoint(path)
            except BadOutput as problem:
                damaged.append((path, problem))
                continue
            for newer, _ in damaged:
                newer.unlink()
            return content["step"], content["state"]
        if damaged:
            raise BadOutput(f"{damaged[0][1]}; delete {self.folder} to start over")
        return None

    def best(self) -> tuple[int, dict[str, Any]] | None:
        """(step, state) of the best one, if any had a score; raises BadOutput if it is damaged."""
        path = self.folder / "best.pt"
        if not path.exists():
            return None
        content = load_checkpoint(path)
        return content["step"], content["state"]

    def best_score(self) -> float:
        """Of best.pt; −inf without one that can be read."""
        try:
            return float(load_checkpoint(self.folder / "best.pt")["score"])
        except BadOutput:
            return -float("inf")

    def _file(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.pt"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"))
