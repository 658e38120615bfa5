"""A trained network as a file for other programs: weights, torch.export, ONNX, or with the record of its training."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nasreplay.errors import BadSetting
from nasreplay.files.atomic import replacing, write_whole
from nasreplay.train.foreign.seed_file import add_to_seed_file, held_trainings


def check_export(path: Path) -> None:
    """Raise BadSetting unless the ending is known and what writes it is installed, BadOutput where it cannot add."""
    if path.suffix not in FORMATS:
        raise BadSetting(f"--export {path}: the name must end with {', '.join(FORMATS)}")
    missing = [name for name in FORMATS[path.suffix][1] if not find_spec(name)]
    if missing:
        raise BadSetting(f"--export {path}: needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    if not path.parent.is_dir():
        raise BadSetting(f"--export {path}: {path.parent} is no folder")
    if FORMATS[path.suffix][0] is add_to_seed_file:
        held_trainings(path)


def export(network: nn.Module, path: Path, side: int, facts: dict[str, Any]) -> None:
    """Write a network for inputs `images` [B, 3, side, side], B free; facts: JSON. Raises BadSetting or BadOutput."""
    check_export(path)
    network = network.cpu().to(memory_format=torch.contiguous_format).eval()  # pyright: ignore[reportCallIssue]
    FORMATS[path.suffix][0](network, path, side, facts)


def _weights(network: nn.Module, path: Path, side: int, facts: dict[str, Any]) -> None:
    from safetensors.torch import save  # pyright: ignore[reportMissingImports]

    tensors = {name: values.contiguous() for name, values in network.state_dict().items()}
    write_whole(path, save(tensors, {"format": "pt"}))
    write_whole(path.with_suffix(".json"), json.dumps({**facts, "side": side}, indent=1).encode() + b"\n")


def _program(network: nn.Module, path: Path, side: int, facts: dict[str, Any]) -> None:
    program = torch.export.export(network, (_example(side),), dynamic_shapes=_free_batch())
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    write_whole(path, buffer.getvalue())


def _onnx(network: nn.Module, path: Path, side: int, facts: dict[str, Any]) -> None:
    program = torch.onnx.export(
        network,
        (_example(side),),
        dynamo=True,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=_free_batch(),
        verbose=False,
    )
    assert program is not None
    with replacing(path) as temporary:
        program.save(str(temporary))


def _example(side: int) -> torch.Tensor:
    return torch.zeros(2, 3, side, side)


def _free_batch() -> tuple[dict[int, Any], ...]:
    return ({0: torch.export.Dim("batch")},)


FORMATS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    ".safetensors": (_weights, ("safetensors",)),
    ".pt2": (_program, ()),
    ".onnx": (_onnx, ("onnx", "onnxscript")),
    ".pth": (add_to_seed_file, ()),
}
