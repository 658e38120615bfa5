"""Which images belong to which part: the published index splits, read or made again from their seed.

CIFAR-10's training halves follow from seed 1021. The halves of the test sets of CIFAR-100 and ImageNet16-120 follow
no rule that is known: they are shipped (`configs/splits`). `--split-file` names others, in the official text format
`{"xvalid": ["int", ["1", "3", …]], "xtest": […]}` or as a `nasreplay-splits/1` JSON file. For other images than the
published ones a seeded split stands in for them, and every output says so.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from nasreplay import config
from nasreplay.errors import BadData, BadSetting
from nasreplay.files.typed import read_json

SEED = 1021  # of the published CIFAR-10 halves; also used for splits that nobody published
HALVES = ("xvalid", "xtest")  # what the published files call the halves of test images
Parts = tuple[np.ndarray, np.ndarray]  # ascending int64 indices, disjoint, covering


def seeded_parts(count: int, portion: float = 0.5, seed: int = SEED) -> Parts:
    """The first `portion` of shuffled indices, and the rest, ascending; CIFAR-10's published halves for 50,000."""
    order = list(range(count))
    Random(seed).shuffle(order)
    first = int(count * portion)
    return np.sort(np.array(order[:first], dtype=np.int64)), np.sort(np.array(order[first:], dtype=np.int64))


def spaced(part: float, items: int) -> np.ndarray:
    """int64: evenly spaced ones of so many items, at least one, all for 1. Raises BadSetting."""
    if not 0 < part <= 1:
        raise BadSetting(f"a fraction of the images is above 0 and at most 1, not {part}")
    count = max(round(part * items), 1)
    return np.arange(count) * items // count


@cache
def official_halves(dataset: str, count: int) -> Parts | None:
    """NATS-Bench's halves (valid, test) of the test images of a data set; None unless it has halved so many."""
    file, split = config.folder() / "splits" / "nats-bench.json", f"{dataset}-test"
    known = read_json(file, dict[str, Any], error=BadData)["splits"]
    if split not in known or known[split]["n"] != count:
        return None
    return read_parts(file, split, HALVES, count)


def read_parts(file: Path, split: str, names: tuple[str, str], count: int) -> Parts:
    """The two parts of `split` ("cifar100-test", …) in a file; raises BadData unless they share out all images."""
    content = read_json(file, dict[str, Any], error=BadData)
    try:
        first, second = (
            _listed(content, split, names, count) if "splits" in content else _official(content, names)
        )
    except (ValueError, TypeError, AttributeError, LookupError) as problem:
        raise BadData(f"{file}: no split file with {' and '.join(names)} of {split} ({problem})") from None
    together = np.sort(np.concatenate([first, second]))
    if len(together) != count or not np.array_equal(together, np.arange(count)):
        raise BadData(
            f"{file}: {' and '.join(names)} must be disjoint and cover all {count:,} images of {split}"
        )
    return np.sort(first), np.sort(second)


def _official(content: dict[str, Any], names: tuple[str, str]) -> Parts:
    """`{"xvalid": ["int", ["1", …]], …}`."""
    first, second = (np.array([int(index) for index in content[name][1]], dtype=np.int64) for name in names)
    return first, second


def _listed(content: dict[str, Any], split: str, names: tuple[str, str], count: int) -> Parts:
    """An entry of a `nasreplay-splits/1` file: a seeded shuffle, or a bit mask of the first part."""
    about = content["splits"][split]
    if tuple(about["parts"]) != names:
        raise ValueError(f"its parts are {about['parts']}")
    if about["n"] != count:
        raise ValueError(f"it is of {about['n']} images")
    if "recipe" in about:
        parts = seeded_parts(count, seed=about["recipe"]["seed"])
    else:
        packed = np.frombuffer(bytes.fromhex(about["bitmask_hex"]), dtype=np.uint8)
        first = np.unpackbits(packed, count=count, bitorder="little").astype(bool)
        parts = np.flatnonzero(first), np.flatnonzero(~first)
    for name, indices in zip(names, parts, strict=True):
        if digest(indices) != about["sha256"][name]:
            raise ValueError(f"the checksum of {name} differs")
    return parts


def digest(indices: np.ndarray) -> str:
    """sha256 of the decimal indices joined by commas."""
    return hashlib.sha256(",".join(map(str, indices.tolist())).encode()).hexdigest()
