"""What a search whose space grows says of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from nasreplay.settings import Json


@dataclass(frozen=True)
class Derivation:
    """What was derived at the end of a stage: K repetitions, in each the best of some samples of the policy."""

    winners: np.ndarray
    """int8 [K, D]: the best of each repetition."""
    accuracies: np.ndarray
    """float64 [K], percent: theirs with shared weights."""
    samples: int
    """Number of samples that were tried in all repetitions."""
    mean: float
    """Percent, over all samples."""
    std: float
    """Their population standard deviation."""
    log_p: np.ndarray
    """float64 [K, D]: log-probability of each of the winners' decisions."""
    entropy: np.ndarray
    """float64 [K, D], nats: entropy of the policy at each of them."""
    compared: int = 0
    """Number of open architectures whose shared-weight accuracies shall be compared with a table's."""

    @property
    def best(self) -> int:
        """Place of the best winner."""
        return int(self.accuracies.argmax())


@dataclass(frozen=True)
class Stage:
    """The stage that the last step of a search was in."""

    number: int
    """Its number, from 1."""
    of: int
    """Number of stages."""
    operations: tuple[str, ...]
    """The open operations, in order of growth."""
    nodes: int
    """Open nodes of each cell; 0 where nodes are not opened one by one."""
    open: np.ndarray
    """bool [D, O]: the open options of each decision."""
    warming: bool
    """Whether it draws uniformly and the policy does not learn yet."""
    learned: float
    """Fraction of the search, up to the end of this stage, in which the policy learns."""
    derived: Derivation | None = None
    """What its end derived, if the last step was its end; else None."""

    @property
    def size(self) -> int:
        """Number of architectures in the open part of the space."""
        return prod(self.open.sum(axis=1).tolist())

    def has(self, codes: np.ndarray) -> np.ndarray:
        """bool [N]: which architectures [N, D] are in the open part."""
        return np.all(self.open[np.arange(codes.shape[1]), codes], axis=1)

    def plain(self) -> Json:
        """The stage as JSON values."""
        nodes = {"open_nodes": self.nodes} if self.nodes else {}
        return {"stage": self.number, "stages": self.of, "open": list(self.operations), **nodes}
