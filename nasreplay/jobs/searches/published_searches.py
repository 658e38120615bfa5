"""What was printed of searches with shared weights, as data: rows that were recomputed or found reprinted."""

from __future__ import annotations

from typing import NamedTuple

from nasreplay.spaces import TOPOLOGY


class PublishedSearch(NamedTuple):
    """What the cells of a searcher have in the benchmark's table: (mean, standard deviation) over runs, percent."""

    searcher: str
    """Name of the searcher."""
    dataset: str
    """The data set that was searched, and whose accuracies these are."""
    valid: tuple[float, float] | None
    """Validation accuracy; None where it could not be checked."""
    test: tuple[float, float]
    """Test accuracy."""
    source: str
    """The publication, and how the numbers were checked."""


_CELLS = "NATS-Bench (2021), recomputed from the cells that it names"
_FIRST = "NAS-Bench-201 (2020), table 5, first batch-norm setting; reprinted"
_SECOND = "NAS-Bench-201 (2020), table 5, second batch-norm setting; reprinted"
_BOTH = "NAS-Bench-201 (2020), table 5; the all-skip cell, reprinted"
_QUOTED = "as quoted by EEEA-Net (2021), table 9"
_NAS_BENCH_201 = (
    PublishedSearch("gdas", "cifar10", (89.89, 0.08), (93.61, 0.09), _FIRST),
    PublishedSearch("gdas", "cifar10", (89.68, 0.72), (93.23, 0.58), _CELLS),
    PublishedSearch("gdas", "cifar100", (68.35, 2.71), (68.17, 2.50), _CELLS),
    PublishedSearch("gdas", "ImageNet16-120", (39.55, 0.0), (39.40, 0.0), _CELLS),
    PublishedSearch("darts-v1", "cifar10", (39.77, 0.0), (54.30, 0.0), _BOTH),
    PublishedSearch("darts-v1", "cifar10", (49.27, 13.44), (59.84, 7.84), _CELLS),
    PublishedSearch("darts-v1", "cifar100", (61.08, 4.37), (61.26, 4.43), _CELLS),
    PublishedSearch("darts-v1", "ImageNet16-120", (38.07, 2.90), (37.88, 2.91), _CELLS),
    PublishedSearch("darts-v2", "cifar10", (39.77, 0.0), (54.30, 0.0), _BOTH),
    PublishedSearch("darts-v2", "cifar10", (58.78, 13.44), (65.38, 7.84), _CELLS),
    PublishedSearch("darts-v2", "cifar100", (59.48, 5.13), (60.49, 4.95), _CELLS),
    PublishedSearch("setn", "cifar10", (84.04, 0.28), (87.64, 0.0), _FIRST),
    PublishedSearch("enas", "cifar10", (37.51, 3.19), (53.89, 0.58), _FIRST),
    PublishedSearch("enas", "cifar10", None, (54.30, 0.0), _SECOND),
    PublishedSearch("enas", "cifar10", (90.20, 0.0), (93.76, 0.0), _CELLS),
    PublishedSearch("enas", "ImageNet16-120", (40.78, 0.0), (41.44, 0.0), _CELLS),
    PublishedSearch("rsps", "cifar10", (80.42, 3.58), (84.07, 3.61), _FIRST),
    PublishedSearch("rsps", "cifar10", (84.16, 1.69), (87.66, 1.69), _SECOND),
    PublishedSearch("snas", "cifar10", (90.10, 1.04), (92.77, 0.83), _QUOTED),
    PublishedSearch("snas", "cifar100", (69.69, 2.39), (69.34, 1.98), _QUOTED),
    PublishedSearch("snas", "ImageNet16-120", (42.84, 1.79), (43.16, 2.64), _QUOTED),
)
ROWS = {TOPOLOGY.name: _NAS_BENCH_201}
"""The rows of a space, by its name."""


def published_searches(space: str, dataset: str, searcher: str) -> tuple[PublishedSearch, ...]:
    """The rows of a searcher that searched this data set."""
    return tuple(row for row in ROWS.get(space, ()) if (row.dataset, row.searcher) == (dataset, searcher))
