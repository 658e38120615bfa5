"""Networks: operations, cells, children and supernets (the only packages that import torch are this and train)."""

from nasreplay.models.child import Child, child
from nasreplay.models.supernet import Supernet

__all__ = ["Child", "Supernet", "child"]
