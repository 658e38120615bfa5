"""Weights of a search in a `.npy` file, to the architecture that they stand for.

| shape               | rows                                                        | what it becomes                |
|---------------------|-------------------------------------------------------------|--------------------------------|
| [6, 5]              | edges of NAS-Bench-201, operations in the order of its text | a cell: the best of each edge  |
| [14, 8]             | edges of a normal cell, operations in the order of DARTS    | a genotype, reduction fixed    |
| [2, 14, 8], [28, 8] | the same of the normal and of the reduction cell            | a genotype                     |

Genotypes are derived as DARTS does (`top2` of `genotypes.derivation`). Rows that are not negative and sum to one are
probabilities, any other become them by softmax. Nothing of such a file is executed.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.lib import format as npy

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.base import Architecture
from nasreplay.spaces.genotypes.derivation import TOLERANCE, derive, softmax
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.nasnet import DARTS
from nasreplay.spaces.topology import TOPOLOGY

CELL = (6, 5)
SHAPES = (CELL, (14, 8), (28, 8), (2, 14, 8))


def read_logits(content: bytes, where: str) -> tuple[Architecture | Genotype, str]:
    """The architecture of a `.npy` file's bytes, and how it was found, in words. Raises BadArchitecture.

    where: what errors call the file.
    """
    values = _array(content, where)
    if not (abs(values) < 1e30).all():  # nor NaN
        raise BadArchitecture(f"{where}: holds NaN or infinity: this search has failed")
    probable = (values >= 0).all() and (abs(values.sum(axis=-1) - 1) <= TOLERANCE).all()
    told = "probabilities" if probable else "logits"
    if values.shape == CELL:
        return Architecture(
            TOPOLOGY, tuple(TOPOLOGY.derive(values).tolist())
        ), f"the best operations by {told}"
    weights = values.reshape(-1, 8)
    found = derive(weights if probable else softmax(weights, np.float32), DARTS)
    return found, f"the two best states a node by {told} of DARTS's operations"


def _array(content: bytes, where: str) -> np.ndarray:
    if content.startswith(b"PK"):
        raise BadArchitecture(f"{where}: an archive of arrays; expected the one that is meant, as .npy")
    stream = io.BytesIO(content)
    try:
        read_header = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}[npy.read_magic(stream)[0]]
        shape, _, kind = read_header(stream)
        if kind.kind not in "fiu":
            raise BadArchitecture(f"{where}: holds {kind}, not numbers")
        if shape not in SHAPES:
            known = ", ".join(str(list(each)) for each in SHAPES)
            raise BadArchitecture(
                f"{where}: an array of shape {str(list(shape))[:60]}; the weights of a search are {known}"
            )
        return np.load(io.BytesIO(content), allow_pickle=False).astype(np.float64)
    except BadArchitecture:
        raise
    except Exception as problem:  # a damaged header can raise almost anything
        raise BadArchitecture(f"{where}: not a NumPy file, or damaged ({str(problem)[:100]})") from None
