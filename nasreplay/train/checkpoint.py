"""Checkpoints: one file of tensors and one JSON text each, whole or not there, read with `weights_only=True`.

A state is what `files.state` says, with tensors as further leaves.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from nasreplay.errors import BadOutput
from nasreplay.files import state as nested
from nasreplay.files.atomic import remove_stale, write_whole
from nasreplay.files.text import place
from nasreplay.files.typed import Opaque, typed

# what torch raises for files that are damaged or something else
DAMAGE = (*nested.DAMAGE, AttributeError, zlib.error, pickle.UnpicklingError)

HOLLOW = b"\nbytearray\n"
"""How a pickle asks for an array of any length, which PyTorch makes even where only weights are wanted."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically; raises BadOutput."""
    leaves: dict[str, Any] = {}
    text = json.dumps(nested.split(state, {"tensor": torch.Tensor, "array": np.ndarray}, leaves))
    buffer = io.BytesIO()
    torch.save({"json": text, "tensors": {name: _copied(leaf) for name, leaf in leaves.items()}}, buffer)
    write_whole(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, tensors on the CPU; raises BadOutput for anything else."""
    try:
        whole = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(whole) as parts:
            check_parts(parts)
        whole.seek(0)
        content = torch.load(whole, map_location="cpu", weights_only=True)
        tensors = content["tensors"]
        leaves = {"tensor": tensors.__getitem__, "array": lambda name: tensors[name].numpy()}
        return nested.join(json.loads(content["json"]), leaves)
    except DAMAGE as problem:
        reason = " ".join(str(problem).split())[:80]
        raise BadOutput(f"{path}: not a checkpoint, or damaged ({reason})") from None


def check_parts(parts: zipfile.ZipFile) -> None:
    """Raise ValueError for damage, and for a pickle with HOLLOW."""
    if bad := parts.testzip():  # torch does not look at the checksums
        raise ValueError(f"the checksum of {bad} differs")
    for name in parts.namelist():
        if name.endswith("data.pkl") and HOLLOW in parts.read(name):
            raise ValueError("it asks for a bytearray, which no checkpoint holds")


def _copied(leaf: torch.Tensor | np.ndarray) -> torch.Tensor:
    """A tensor of its own on the CPU: a slice would bring the whole storage that it is part of."""
    if isinstance(leaf, np.ndarray):
        return torch.from_numpy(leaf.copy())
    return leaf.detach().to("cpu", copy=True)


class _Kept(NamedTuple):
    step: int
    score: float | None
    state: dict[str, Opaque]


def _kept(path: Path) -> _Kept:
    return typed(load_checkpoint(path), _Kept, place(path), error=BadOutput)


class Checkpoints:
    """The last `keep` checkpoints, step-000000123.pt, and best.pt; a damaged newest one gives way to that before."""

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
                content = _kept(path)
            except BadOutput as problem:
                damaged.append((path, problem))
                continue
            for newer, _ in damaged:
                newer.unlink()
            return content.step, content.state
        if damaged:
            raise BadOutput(f"{damaged[0][1]}; delete {self.folder} to start over")
        return None

    def best(self) -> tuple[int, dict[str, Any]] | None:
        """(step, state) of the best one, if any had a score; raises BadOutput if it is damaged."""
        path = self.folder / "best.pt"
        if not path.exists():
            return None
        content = _kept(path)
        return content.step, content.state

    def best_score(self) -> float:
        """The score of best.pt; −inf without one that can be read."""
        try:
            score = _kept(self.folder / "best.pt").score
            return -float("inf") if score is None else score
        except BadOutput:
            return -float("inf")

    def _file(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.pt"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"))
