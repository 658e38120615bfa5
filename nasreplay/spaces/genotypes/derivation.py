"""From the weights of a search to a cell: the rules of the source systems.

| rule       | who                         | what a node keeps                                                    |
|------------|-----------------------------|----------------------------------------------------------------------|
| `top2`     | DARTS, the GDAS paper       | the two states with the best operation other than `none`             |
| `none`     | SNAS in its two-input form  | the same with `none` as an operation like the others                 |
| `all-edge` | SNAS                        | every state, best first, with its best operation, `none` allowed     |
| `pairs`    | AutoDL-Projects as released | the two best pairs of operation and state but `none`; may share one  |

Equal weights keep the lower state and the earlier operation first. Shapes: E edges (those of a node together, its
lower sources first), O operations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasreplay.errors import BadArchitecture, UnknownName
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Genotype

RULES = ("top2", "none", "all-edge", "pairs")
TWO_EDGES = ("top2", "none", "pairs")  # those that keep two edges a node
TOLERANCE = 1e-2  # of sums of probabilities, which may have been stored in half precision


def derive(weights: np.ndarray, operations: Sequence[str], rule: str = "top2") -> Genotype:
    """The genotype of weights [2·E, O] (normal edges, then reduction edges) or [E, O] (reduction fixed).

    weights: probabilities, rows that sum to one (`softmax` of logits); operations: the names of their columns.
    Raises BadArchitecture for a shape that no cell has and for weights that are no probabilities, UnknownName.
    """
    weights = _numbers(weights)
    if nodes_of(len(weights)):
        return Genotype(derive_cell(weights, operations, rule), None)
    half = len(weights) // 2
    return Genotype(*(derive_cell(part, operations, rule) for part in (weights[:half], weights[half:])))


def derive_cell(weights: np.ndarray, operations: Sequence[str], rule: str = "top2") -> Cell:
    """The cell of weights [E, O]; as `derive`."""
    weights = _numbers(weights)
    if rule not in RULES:
        raise UnknownName.among(RULES, "no rule of derivation", rule)
    nodes = nodes_of(len(weights))
    if not nodes or weights.shape[1] != len(operations):
        raise BadArchitecture(
            f"weights of shape {list(weights.shape)} belong to no cell of {len(operations)} operations: "
            "edges are 2, 5, 9, 14, 20, …"
        )
    if (weights < 0).any() or (abs(weights.sum(axis=1) - 1) > TOLERANCE).any():
        raise BadArchitecture(
            "the weights must be probabilities, rows that sum to one; `softmax` makes them of logits"
        )
    if rule in ("top2", "pairs") and "none" in operations:
        weights = weights.copy()
        weights[:, operations.index("none")] = -np.inf
    rows = np.split(weights, np.cumsum(np.arange(INPUTS, nodes + 1)))
    pick = _pairs if rule == "pairs" else _states
    kept = [[(operations[column], source) for source, column in pick(part)] for part in rows]
    return Cell.of(kept if rule == "all-edge" else [node[:2] for node in kept])


def _numbers(weights: np.ndarray) -> np.ndarray:
    """The weights as float64 [rows, O]."""
    try:
        found = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadArchitecture("the weights of an architecture are numbers [edges, operations]") from None
    if found.ndim != 2:
        raise BadArchitecture(f"weights of shape {list(found.shape)} must be [edges, operations]")
    if np.isnan(found).any():
        raise BadArchitecture("the weights of the architecture hold NaN: this search has failed")
    return found


def nodes_of(rows: int) -> int:
    """The number of nodes of a cell with so many edges; 0 if there is none."""
    nodes, edges = 0, 0
    while edges < rows:
        edges += nodes + INPUTS
        nodes += 1
    return nodes if edges == rows else 0


def softmax(logits: np.ndarray, precision: type[np.floating] = np.float64) -> np.ndarray:
    """Probabilities of each row. Published derivations compute them in float32, where close ones are equal."""
    logits = logits.astype(precision) if precision is np.float32 else logits
    shifted = np.exp(logits - _over_rows(np.maximum, logits), dtype=precision)
    return shifted / row_sums(shifted)


def row_sums(values: np.ndarray) -> np.ndarray:
    """Sums [..., 1] of the last axis, which is short: added in its order, so as numpy does below 8 numbers."""
    return _over_rows(np.add, values)


def _over_rows(operation: np.ufunc, values: np.ndarray) -> np.ndarray:
    """A reduction of the last axis: a few passes over all rows are faster than many short rows."""
    if not 0 < values.shape[-1] < 8:
        return operation.reduce(values, axis=-1, keepdims=True)
    found = values[..., :1].copy()
    for column in range(1, values.shape[-1]):
        operation(found, values[..., column : column + 1], out=found)
    return found


def _states(rows: np.ndarray) -> list[tuple[int, int]]:
    """(source, operation) of every state, the best first."""
    order = np.argsort(-rows.max(axis=1), kind="stable")
    return [(int(source), int(rows[source].argmax())) for source in order]


def _pairs(rows: np.ndarray) -> list[tuple[int, int]]:
    """(source, operation) of all pairs, the best first."""
    order = np.argsort(-rows.ravel(), kind="stable")
    return [divmod(int(place), rows.shape[1]) for place in order]
