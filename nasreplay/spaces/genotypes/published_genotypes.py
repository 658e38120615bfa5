"""Published genotypes as data; `published_results` has their numbers.

A cell is written node by node, `operation@source+operation@source`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import UnknownName
from nasreplay.spaces.costs.nasnet_cost import Cost, cost
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.genotype import Cell, Genotype

if TYPE_CHECKING:
    from nasreplay.spaces.genotypes.published_results import Published, Weights

SHORT = {
    "no": "none",
    "id": "skip_connect",
    "mp": "max_pool_3x3",
    "ap": "avg_pool_3x3",
    "s3": "sep_conv_3x3",
    "s5": "sep_conv_5x5",
    "s7": "sep_conv_7x7",
    "d3": "dil_conv_3x3",
    "d5": "dil_conv_5x5",
    "c3": "conv_3x1_1x3",
    "c7": "conv_7x1_1x7",
    "se": "cweight_com",
    "sh": "shuffle_conv_3x3",
}


class Entry(NamedTuple):
    """A published genotype."""

    name: str
    """Name in its release."""
    genotype: Genotype
    """Its cells."""
    source: str
    """Publication that found it: authors, conference, year."""
    dialect: str
    """The release whose network is meant (`network_plan.DIALECTS`)."""
    published: tuple[Published, ...] = ()
    """Results that were published of it."""
    weights: tuple[Weights, ...] = ()
    """Weights of networks with it that were released."""

    @property
    def counted(self) -> Cost:
        """Cost of the release's CIFAR-10 network with 36 channels and 20 cells, without the auxiliary head."""
        return cost(self.genotype, Plan(dialect=self.dialect))


def entry(name: str) -> Entry:
    """The entry of that name (upper and lower case are the same). Raises UnknownName."""
    if not is_known(name):
        raise UnknownName.among(zoo(), "no published genotype", name)
    return _by_name()[name.lower()]


def is_known(name: str) -> bool:
    """Whether there is an entry of that name."""
    return str(name).lower() in _by_name()


@cache
def _by_name() -> dict[str, Entry]:
    every = {name.lower(): one for name, one in zoo().items()}
    return every | {"darts": every["darts_v2"]}


@cache
def zoo() -> dict[str, Entry]:
    """All entries by name, grouped by source."""
    from nasreplay.spaces.genotypes.published_results import RESULTS, WEIGHTS  # which a query needs not

    cells: dict[str, list[Cell]] = {}
    about: dict[str, tuple[str, str]] = {}
    source = name = dialect = ""
    for line in _GENOTYPES.strip().splitlines():
        match len(line) - len(line.lstrip()):
            case 0:
                source, _, dialect = line.rpartition(": ")
            case 2:
                name = line.strip()
                about[name] = source, dialect
            case _:
                cells.setdefault(name, []).append(_cell(line))
    return {
        name: Entry(
            name,
            Genotype(normal, *(reduce or [None])),
            *about[name],
            RESULTS.get(name, ()),
            WEIGHTS.get(name, ()),
        )
        for name, (normal, *reduce) in cells.items()
    }


def _cell(text: str) -> Cell:
    nodes, _, concat = text.partition(">")
    edges = [[pair.split("@") for pair in node.split("+")] for node in nodes.split()]
    known = [[(SHORT[name], int(source)) for name, source in node] for node in edges]
    return Cell.of(known, tuple(map(int, concat.split())) or None)


# source: dialect; below it names, below them the normal cell and, if it is not fixed, the reduction cell;
# behind > the states that the output joins, if not all nodes
_GENOTYPES = """
DARTS, Liu et al., ICLR 2019: darts
  DARTS_V1
    s3@1+s3@0 id@0+s3@1 id@0+s3@1 s3@0+id@2
    mp@0+mp@1 id@2+mp@0 mp@0+id@2 id@2+ap@0
  DARTS_V2
    s3@0+s3@1 s3@0+s3@1 s3@1+id@0 id@0+d3@2
    mp@0+mp@1 id@2+mp@1 mp@0+id@2 id@2+mp@1
GDAS, Dong and Yang, CVPR 2019: gdas
  GDAS_V1
    id@0+id@1 id@0+s5@2 s3@3+id@0 s5@4+s3@3
    s5@0+s3@1 s5@2+s5@1 d5@2+s3@1 s5@0+s5@1
  GDAS_F1
    id@0+id@1 id@0+s3@2 id@0+s3@2 id@0+s3@2
  GDAS_GF
    id@0+id@1 id@0+s5@2 s3@3+id@0 s5@4+s3@3
  GDAS_FG
    id@0+id@1 id@0+s3@2 id@0+s3@2 id@0+s3@2
    s5@0+s3@1 s5@2+s5@1 d5@2+s3@1 s5@0+s5@1
SETN, Dong and Yang, ICCV 2019: xautodl
  SETN
    id@0+s5@1 s5@0+s3@1 s5@1+s5@3 mp@1+c3@4
    s3@0+s5@1 ap@0+s5@1 ap@0+s5@1 ap@0+id@1
P-DARTS, Chen et al., ICCV 2019: pdarts
  PDARTS
    id@0+d3@1 id@0+s3@1 s3@1+s3@3 s3@0+d5@4
    ap@0+s5@1 s3@0+d5@2 mp@0+d3@1 d3@1+d5@3
NASNet-A, Zoph et al., CVPR 2018: darts
  NASNet
    s5@1+s3@0 s5@0+s3@0 ap@1+id@0 ap@0+ap@0 s3@1+id@1
    s5@1+s7@0 mp@1+s7@0 ap@1+s5@0 id@3+ap@2 s3@2+mp@1 > 4 5 6
AmoebaNet-A, Real et al., AAAI 2019: darts
  AmoebaNet
    ap@0+mp@1 s3@0+s5@2 s3@0+ap@3 s3@1+id@1 id@0+ap@1 > 4 5 6
    ap@0+s3@1 mp@0+s7@2 s7@0+ap@1 mp@0+mp@1 c7@0+s3@5 > 3 4 6
PNASNet, Liu et al., ECCV 2018: xautodl
  PNASNet
    s5@0+mp@0 s7@1+mp@1 s5@1+s3@1 s3@4+mp@1 s3@0+id@1
    s5@0+mp@0 s7@1+mp@1 s5@1+s3@1 s3@4+mp@1 s3@0+id@1
ENAS, Pham et al., ICML 2018: gdas
  ENASNet
    s3@1+id@1 s5@1+id@0 ap@0+s3@1 s3@0+ap@1 s5@1+ap@0
    s5@0+s3@1 s3@1+ap@1 s3@1+ap@1 ap@1+s5@4 s3@5+s5@0
SNAS, Xie et al., ICLR 2019: snas
  SNAS_mild
    s3@0+s3@1 id@0+d3@1 id@0+id@1 id@0+s3@1
    mp@0+mp@1 mp@1+id@2 mp@1+id@2 mp@0+d5@2
  SNAS_moderate
    d5@0+id@1 s3@0+id@1 id@0+id@1 s3@0+d5@1
    mp@0+mp@1 s5@0+d5@1 s5@0+s5@1 s5@0+s5@1
  SNAS_aggressive
    s5@0+id@1 id@0+id@1 d5@1+id@0 id@0+d5@1
    s5@0+no@1 s5@0+no@1 no@1+no@0 no@1+no@0
  SNAS_mild_edge_all
    s3@0+s3@1 id@0+d3@1+no@2 id@0+id@1+no@3+no@2 id@0+s3@1+no@4+no@3+no@2
    mp@0+mp@1 no@0+mp@1+id@2 no@0+mp@1+id@2+no@3 mp@0+d5@2+no@1+no@3+no@4
  SNAS_moderate_edge_all
    d5@0+id@1 s3@0+id@1+no@2 id@0+no@3+no@2+id@1 s3@0+d5@1+no@4+no@3+no@2
    mp@0+mp@1 s5@0+no@2+d5@1 no@3+no@2+s5@0+s5@1 no@4+no@3+no@2+s5@0+s5@1
  SNAS_aggressive_edge_all
    s5@0+id@1 id@0+id@1+no@2 d5@1+id@0+no@2+no@3 id@0+d5@1+no@2+no@3+no@4
    s5@0+no@1 s5@0+no@1+no@2 no@0+no@1+no@2+no@3 no@0+no@1+no@2+no@3+no@4
CNAS, Guo et al., ICML 2020: cnas
  CNAS
    d3@1+s3@0 s3@0+id@1 s3@1+mp@3 s3@2+s3@4
    s3@0+id@1 d5@2+id@1 d3@2+s3@1 s5@0+s3@3
CNAS with sparse decoding, github.com/tianbaochou/CNAS, 2019: sparse
  DARTS_MORE_V1
    se@1+s3@0 se@0+se@1 se@0+se@1
    se@0+sh@1 sh@2+mp@0 sh@3+sh@2
  DARTS_MORE_V2
    sh@0+se@1 se@1+se@0 se@1+se@0 se@0+se@1
    se@1+ap@0 ap@0+se@1 ap@0+sh@2 sh@2+sh@3
  DARTS_MORE_V3
    sh@0+se@1 se@2+d3@0 se@2+id@0 se@1+se@0 se@0+se@1
    mp@0+sh@1 mp@0+sh@2 sh@3+sh@0 d3@3+sh@2 sh@4+sh@2
  DARTS_MORE_V4
    s3@1+sh@0 id@0+se@1 se@3+se@1 se@4+se@3 se@3+se@4 se@4+se@3
    mp@1+se@0 mp@1+id@2 id@2+mp@1 id@3+id@4 id@4+id@3 id@4+id@3
  DARTS_MORE_NONE_V1
    sh@1+s3@0 no@2+no@1 no@3+no@2
    mp@0+sh@1 mp@0+sh@2 d3@3+se@0
  DARTS_MORE_NONE_V2
    se@1+s3@0 no@2+se@1 no@3+no@2 no@4+no@3
    sh@1+sh@0 sh@2+sh@0 s3@2+ap@1 no@4+sh@3
  DARTS_MORE_NONE_V3
    sh@0+no@1 no@2+sh@0 no@3+no@2 no@4+no@3 no@5+no@4
    se@1+sh@0 sh@2+se@1 se@1+sh@2 d3@2+ap@0 sh@1+no@5
  DARTS_MORE_NONE_V4
    s3@0+no@1 no@2+sh@0 no@3+no@2 no@4+no@3 no@5+no@4 no@5+no@6
    s3@0+id@1 mp@1+sh@2 sh@2+ap@1 se@4+sh@2 sh@2+sh@4 no@5+no@6
  DARTS_MORE_TY2
    s3@1+s3@0 s3@0+sh@2 mp@0+se@1 s3@3+se@1
    mp@0+mp@1 se@1+s3@2 d3@0+se@1 se@0+sh@3
"""
