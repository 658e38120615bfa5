"""Genotypes, by the names of CNAS: one that is added here is known to `eval_arch.py --arch NAME`."""

from collections.abc import Sequence

from nasreplay.spaces import Genotype as Cells
from nasreplay.spaces.genotypes.notation import from_mapping
from nasreplay.spaces.genotypes.published_genotypes import entry

Triples = Sequence[tuple[str, int, int]]
"""Edges: operation, source, node."""

DARTS_SPACE = PRIMITIVES = [
    *("sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3"),
    *("none", "skip_connect", "dil_conv_3x3", "dil_conv_5x5"),
]


class Genotype:
    """Makes genotypes out of what CNAS writes."""

    @staticmethod
    def from_arch(
        normal_arch: Triples,
        normal_concat: Sequence[int] | None = None,
        reduced_arch: Triples = (),
        reduced_concat: Sequence[int] | None = None,
    ) -> Cells:
        """Both cells; the output of a cell joins all nodes where no `concat` is given. Raises BadArchitecture."""
        return from_mapping(
            {
                "normal_arch": normal_arch,
                "normal_concat": normal_concat,
                "reduced_arch": reduced_arch,
                "reduced_concat": reduced_concat,
            }
        )


CNAS, DARTS_V1, DARTS_V2 = (entry(name).genotype for name in ("CNAS", "DARTS_V1", "DARTS_V2"))
DARTS = DARTS_V2
