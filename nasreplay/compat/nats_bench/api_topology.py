"""The topology space of NATS-Bench (tss), which is that of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench import genotype_utils
from nasreplay.compat.nats_bench.api_utils import NASBenchMetaAPI
from nasreplay.compat.nats_bench.results import print_information
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import OPERATIONS

__all__ = ["ALL_BASE_NAMES", "NATStopology", "print_information"]

ALL_BASE_NAMES = [TOPOLOGY.archive]
"""The official archive, without `-simple`."""


class NATStopology(NASBenchMetaAPI):
    """15,625 cells; recipes 12 and 200."""

    space = TOPOLOGY
    search_space_name = "topology"
    full_epochs_in_paper = full_train_epochs = 200

    def get_unique_str(self, arch: Any) -> str:
        """Cells with the same text are equivalent: `TopologySpace.unique_string`, zeros considered."""
        structure = genotype_utils.topology_str2structure(self[self._index(arch)])
        return structure.to_unique_str(consider_zero=True)

    @staticmethod
    def str2lists(arch_str: str) -> list[Any]:
        """The nodes of a text: `genotype_utils.str2lists`."""
        return genotype_utils.str2lists(arch_str)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> np.ndarray:
        """The matrix of a text: `genotype_utils.str2matrix`."""
        return genotype_utils.str2matrix(arch_str, search_space)
