"""Valid texts and nested values with something spoiled."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch

PIECES = (
    "", "0", "-1", "1e308", "nan", "inf", "9" * 30, "9" * 5000, "1e-320", "٥",
    "\x1b[31m", "\r\n", "\0", "\u202e", "\ud83d",
    "(", ")" * 3, "[" * 200, "{", "}", ",", ":", "=", "|", "~", "+", "'", '"', "#", "\\", "/", "..", "$", "%s", "é",
    "None", "True", "null", "range(10**9)", "[]", "{}", "Genotype(", "-", "1/0", "1_0", " ", "\t", "a" * 150,
)  # fmt: skip
VALUES = (
    None, True, -1, 0, 10**30, 2**63, 1.5, float("nan"), float("inf"), "", "x\n\x1b[0m", "9" * 200,
    [], {}, [[]], {"a": 1}, [None] * 3, {"": None}, [1, [2, [3]]], "topology", "cifar10",
)  # fmt: skip
TENSORS = (torch.zeros(2), torch.zeros(0), torch.full((2, 2), float("nan")), torch.zeros(3, dtype=torch.int8))


def spoiled(text: str, chance: random.Random) -> str:
    """A text with some letters, tokens and pieces changed, doubled or gone."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, end = sorted(chance.choices(range(len(text) + 1), k=2))
        end = min(end, at + chance.choice((0, 1, 3, 12, 60)))
        what = chance.randrange(5)
        new = (
            chance.choice(PIECES),
            chr(chance.choice((chance.randrange(32, 127), chance.randrange(0xD800), 0))),
            text[at:end] * 2,
            text[at:end][::-1],
            "",
        )[what]
        text = text[:at] + new + text[end:]
    return text.encode("utf-8", "replace").decode()


def warped(value: Any, chance: random.Random, leaves: tuple[Any, ...] = VALUES) -> Any:
    """A nested value with one part of another kind, gone, doubled or spoiled."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key, copied = chance.choice(list(keys)), value.copy()
        if chance.random() < 0.1:
            del copied[key]
        else:
            copied[key] = warped(value[key], chance, leaves)
        return copied
    if isinstance(value, str) and chance.random() < 0.4:
        return spoiled(value, chance)
    return chance.choice(leaves)


Parse: TypeAlias = Callable[[random.Random, Path], object]
