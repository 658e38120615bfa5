"""What was published of a space whose architectures are no genotypes of NASNet-type cells: names, origins, sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from nasreplay.spaces.costs.nasnet_cost import Cost


class PublishedArchitecture(NamedTuple):
    """One published architecture; its space reads its name as it reads its text."""

    text: str
    """The official text."""
    source: str
    """Publication or repository that has it."""
    origin: str
    """What it was searched on, or what it is called there."""


class Publications(NamedTuple):
    """The published architectures of a space."""

    named: Mapping[str, PublishedArchitecture]
    """Each by its name."""
    networks: Callable[[str], Mapping[str, Cost]]
    """What networks of an architecture's text cost, by words on the network."""
    remark: str
    """What a reader of their numbers must know."""
