"""All networks of single architectures: one of each space (`child_network`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasreplay.models.child_network import (
    CHILD_NETWORKS,
    CellChild,
    ChildNetwork,
    WidthChild,
    child_network_of,
)
from nasreplay.models.slnas.slnas_child import SLNASChild
from nasreplay.settings import chosen
from nasreplay.spaces import Space

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "CHILD_NETWORKS",
    "CellChild",
    "ChildNetwork",
    "SLNASChild",
    "WidthChild",
    "child",
    "child_network_of",
]


def child(space: Space, codes: Sequence[int], classes: int, channels: int = 16, cells: int = 5) -> nn.Module:
    """The network of codes [D]; channels and cells (per stage) concern scalable ones. Raises UnknownName."""
    return chosen(child_network_of(space), {"channels": channels, "cells": cells}).build(codes, classes)
