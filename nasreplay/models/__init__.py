"""Networks: operations, cells, children and supernets (torch). `pretrained("CNAS")` is one with released weights."""

from __future__ import annotations

from typing import Any

from nasreplay._callable import function_at, in_python_words

__all__ = ["pretrained"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "pretrained":  # which reads files
        return in_python_words(function_at("nasreplay.jobs.training.released:pretrained"))
    raise AttributeError(f"module 'nasreplay.models' has no attribute {name!r}")
