"""Networks: operations, cells, children and supernets (the only packages that import torch are this and train)."""

from nasreplay.models.nb201.child import Child, child
from nasreplay.models.nb201.topology_supernet import Supernet

__all__ = ["Child", "Supernet", "child"]
