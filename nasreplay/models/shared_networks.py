"""All networks with shared weights: one of each space (`cell_networks`, `genotype_networks`)."""

from __future__ import annotations

from nasreplay.models.cell_networks import CellNetwork, WidthNetwork
from nasreplay.models.genotype_networks import (
    CNASNetwork,
    DARTSNetwork,
    GDASFRCNetwork,
    GDASNetwork,
    GenotypeNetwork,
    SparseNetwork,
)
from nasreplay.models.shared_network import NETWORKS, SharedNetwork
from nasreplay.models.slnas.slnas_supernet_settings import SLNASNetwork

__all__ = [
    "NETWORKS",
    "CNASNetwork",
    "CellNetwork",
    "DARTSNetwork",
    "GDASFRCNetwork",
    "GDASNetwork",
    "GenotypeNetwork",
    "SLNASNetwork",
    "SharedNetwork",
    "SparseNetwork",
    "WidthNetwork",
    "network_of",
]


def network_of(space: str) -> type[SharedNetwork] | None:
    """The shared network of the space of that name, whatever its number of nodes; None where there is none."""
    return NETWORKS.get(space) or next((one for one in NETWORKS.values() if one.home.variant(space)), None)
