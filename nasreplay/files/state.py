"""Nested states (arrays, numbers, texts) as one safe file: an .npz of arrays and a JSON text, no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import write_whole

# what numpy and zipfile raise for files that are damaged or something else
DAMAGE = (OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a nested dictionary atomically; leaves are arrays or JSON values. Raises BadOutput."""
    arrays: dict[str, np.ndarray] = {}
    plain = _split(state, "", arrays)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, json=np.frombuffer(json.dumps(plain).encode(), np.uint8), **arrays)
    write_whole(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; raises BadOutput for anything else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return _join(json.loads(file["json"].tobytes()), file)
    except DAMAGE as problem:
        raise BadOutput(f"{path}: not a checkpoint, or damaged ({problem})") from None


def _split(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        return {key: _split(item, f"{path}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    return value


def _join(value: Any, file: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"array"}:
        return file[value["array"]]
    return {key: _join(item, file) for key, item in value.items()}
