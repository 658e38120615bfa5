"""Search spaces as values: parse, format, index, sample, mutate, neighbors, mixtures, costs (numpy only)."""

from nasreplay.spaces.base import Architecture, Space
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.nasnet import NASNET
from nasreplay.spaces.registry import known_spaces, register_space, space_named
from nasreplay.spaces.size import SIZE
from nasreplay.spaces.slnas import SLNAS
from nasreplay.spaces.topology import TOPOLOGY

__all__ = [
    "NASNET",
    "SIZE",
    "SLNAS",
    "TOPOLOGY",
    "Architecture",
    "Cell",
    "Genotype",
    "Space",
    "known_spaces",
    "register_space",
    "space_named",
]
