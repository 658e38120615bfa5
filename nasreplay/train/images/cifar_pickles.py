"""The pickles of CIFAR and ImageNet16, without running any: numbers and numeric arrays come out, nothing else.

The files were pickled with numpy arrays in them. What such a pickle names (`numpy.ndarray`, `numpy.dtype` and
the functions that make them) is replaced by the stand-ins below, which take shape, kind of number and bytes as
plain data; any other global is refused by `nasreplay.files.unpickle`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.errors import BadData, BadInput, UnsafePickle
from nasreplay.files.unpickle import load_builtins

LIMIT = 512 * 2**20
"""Bytes of a file; the largest of ImageNet16 has about 100 MB."""


class _Kind:
    """Stands for numpy.dtype: numbers only."""

    def __init__(self, code: str, *_: Any):
        if not re.fullmatch(r"[|<>=]?[biuf][1248]", str(code)):
            raise ValueError(f"an array of {code!r}")
        self.kind = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]):
        if state[1] in ("<", ">"):
            self.kind = self.kind.newbyteorder(state[1])


class _Array:
    """Stands for numpy.ndarray; `values` is the array."""

    values: np.ndarray

    def __init__(self, *_: Any):
        self.values = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]):
        _, shape, kind, fortran, content = state
        content = _encoded(content) if isinstance(content, str) else content
        self.values = np.frombuffer(content, kind.kind).reshape(shape, order="F" if fortran else "C")


def _from_buffer(content: bytes, kind: _Kind, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", content))
    return array


def _scalar(kind: _Kind, content: bytes | str) -> Any:
    return np.frombuffer(_encoded(content) if isinstance(content, str) else content, kind.kind)[0].item()


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")  # the only encoding that such pickles use


# what a pickle with NumPy arrays or numbers names, and what stands for it
NUMPY: dict[tuple[str, str], Any] = {("_codecs", "encode"): _encoded}
for _core in ("numpy.core", "numpy._core"):
    NUMPY[f"{_core}.multiarray", "_reconstruct"] = _Array
    NUMPY[f"{_core}.multiarray", "scalar"] = _scalar
    NUMPY[f"{_core}.numeric", "_frombuffer"] = _from_buffer
NUMPY["numpy", "ndarray"] = _Array
NUMPY["numpy", "dtype"] = _Kind


def pickled_images(file: Path, md5: str, side: int, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 [N, 3, side, side], labels int64 [N]) of one file; raises BadData or UnsafePickle."""
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as problem:
        raise BadData(f"{file}: cannot be read: {problem.strerror}; get the data set again") from None
    if digest != md5:
        raise BadData(f"{file}: md5 is {digest}, published is {md5}: get the data set again")
    try:
        content = load_builtins(file, allowed=NUMPY, encoding="latin1", limit=LIMIT)
        found, targets = content["data"].values, content[labels]
        targets = np.array(getattr(targets, "values", targets), dtype=np.int64)
        if found.dtype != np.uint8 or targets.shape != (len(found),):
            raise ValueError(f"{found.dtype} images {found.shape}, labels {targets.shape}")
        return found.reshape(-1, 3, side, side), targets
    except UnsafePickle:
        raise
    except (BadInput, KeyError, AttributeError, TypeError, ValueError) as problem:
        raise BadData(f"{file}: does not hold images and {labels} ({problem}); get it again") from None
