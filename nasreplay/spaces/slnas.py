"""The space of SLNAS: a normal and a reduction cell of five nodes; a node takes two states, an operation on each.

Codes are the two lists of 20 integers by which SLNAS names an architecture (`genotypes.slnas_forms`), one after the
other. Both branches of a node may be the same; each has weights of its own. Source: Chen, Stage and Lite Search
Technology in Convolutional Neural Network Architecture Search; github.com/Yee-Master/SLNAS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.spaces.base import Place, Space
from nasreplay.spaces.genotypes import slnas_forms
from nasreplay.spaces.genotypes.genotype import INPUTS, Genotype
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.genotypes.slnas_forms import CELLS, LENGTH, NODES, OPERATIONS, PREFIX, cells_of
from nasreplay.spaces.graph import Graph, WeightRow
from nasreplay.spaces.registry import register_space

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs
    from nasreplay.spaces.costs.slnas_plan import SLNASPlan
    from nasreplay.spaces.published import Publications


class SameNumbers:
    """The official index of each flat one and back, where both are the same and too many for an array."""

    def __getitem__(self, numbers: Any) -> Any:
        """The numbers."""
        return numbers


class SLNASSpace(Space):
    """`places` says which decisions choose a state, which an operation.

    Indices are Python's integers, in arrays of objects, for there are 2.6e25; no table holds the space.
    """

    name = "slnas"
    official_to_flat = flat_to_official = SameNumbers()  # pyright: ignore[reportAssignmentType]
    heaviest = (0, 1) * (2 * NODES * len(CELLS))

    def __init__(self):
        states = [tuple(map(str, range(node + INPUTS))) for node in range(NODES)]
        cell = [pick for names in states for pick in (names, OPERATIONS, names, OPERATIONS)]
        super().__init__(options=tuple(cell * len(CELLS)))
        kinds = (True, False, True, False)
        self.places = tuple(
            Place(cell, node, kind) for cell in range(len(CELLS)) for node in range(NODES) for kind in kinds
        )

    # --- text --------------------------------------------------------------------------------------

    def owns(self, text: str) -> bool:
        """Whether a text is two lists, a genotype of these operations or a published name, be it faulty."""
        return slnas_forms.is_own(text) or _is_name(text)

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of `[[20 integers], [20 integers]]`, the DARTS-style form or a name. Raises BadArchitecture."""
        if not _is_name(text):
            return slnas_forms.read_codes(text)
        known = {name.lower(): about.text for name, about in self.published.named.items()}
        if text.lower() not in known:
            near = choices(text, self.published.named)
            raise BadArchitecture(f"no published architecture {shortened(text)}{near}")
        return slnas_forms.read_codes(known[text.lower()])

    @cached_property
    def published(self) -> Publications:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The fourteen known architectures."""
        from nasreplay.spaces.genotypes.published_slnas import PUBLISHED

        return PUBLISHED

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The text `[[20 integers], [20 integers]]`, as SLNAS prints it."""
        return slnas_forms.to_lists(codes)

    @property
    def forms(self) -> dict[str, Callable[[Sequence[int]], Any]]:
        """The DARTS-style form."""
        return {"darts": lambda codes: to_darts(cells_of(codes, PREFIX))}

    def encode(self, genotype: Genotype) -> tuple[int, ...]:
        """Raises BadArchitecture: a genotype of NASNet-type cells has other operations, be their names the same."""
        state, operation, _ = next(genotype.normal.edges())
        raise BadArchitecture(f"normal cell, node {state}: {slnas_forms.refusal(operation)}")

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """Both cells: two named arrows into every node, and one from each node to the output."""
        return cells_of(codes).graphs()

    def operations_of(self, codes: Sequence[int] | np.ndarray) -> list[str]:
        """Operations of the normal cell, branch by branch."""
        return [OPERATIONS[code] for code in codes[1:LENGTH:2]]

    # --- indices -----------------------------------------------------------------------------------

    def flat(self, codes: np.ndarray) -> np.ndarray:
        """Python's integers, object [N]: mixed radix of the codes [N, D], last decision fastest."""
        numbers = np.zeros(len(codes), dtype=object)
        for count, column in zip(self.choices.tolist(), np.asarray(codes).T, strict=True):
            numbers = numbers * count + column.astype(object)
        return numbers

    def from_flat(self, flat: np.ndarray | Sequence[int]) -> np.ndarray:
        """Codes int8 [N, D] of such numbers: the inverse of `flat`."""
        numbers = np.array(flat, dtype=object).reshape(-1)
        codes = np.zeros((len(numbers), self.decisions), dtype=np.int8)
        for decision in reversed(range(self.decisions)):
            count = int(self.choices[decision])
            codes[:, decision], numbers = numbers % count, numbers // count
        return codes

    def check_index(self, index: object) -> int:
        """An index as an int; BadArchitecture for what is none of this space."""
        number = int(index) if isinstance(index, int | np.integer) and not isinstance(index, bool) else -1
        if not 0 <= number < self.size:
            raise self.no_such_index(index)
        return number

    # --- mixtures and costs ------------------------------------------------------------------------

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """D words: n0.x is the state of branch x of the normal cell's node 0, r4.y op an operation of the other."""
        branches = ("x", "x op", "y", "y op") * (NODES * len(CELLS))
        places = zip(self.places, branches, strict=True)
        return tuple(f"{'nr'[place.cell]}{place.node}.{branch}" for place, branch in places)

    @property
    def rows(self) -> tuple[WeightRow, ...]:
        """A row for each decision: the state of a branch, or its operation."""
        cells = tuple(CELLS.values())
        about = zip(self.places, self.labels, self.options, strict=True)
        return tuple(WeightRow(cells[place.cell], label, names) for place, label, names in about)

    def costs(self, classes: int, resolution: int, plan: SLNASPlan | None = None) -> Costs:
        """Resources, parameters and multiply-adds of the network of a plan: by default that of CIFAR retraining."""
        from nasreplay.spaces.costs.slnas_cost import costs_of

        return costs_of(self, classes, resolution, plan)

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters of the network of CIFAR retraining with its auxiliary head: 32 channels, [4,4]."""
        return self._retrained(codes, classes, 32)[:, 0]

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates of the same network for one image, int64 [N]."""
        return self._retrained(codes, classes, resolution)[:, 1]

    def _retrained(self, codes: np.ndarray, classes: int, side: int) -> np.ndarray:
        from nasreplay.spaces.costs.slnas_cost import retrained, totals

        return totals(codes, retrained(classes), side)


def _is_name(text: str) -> bool:
    """Whether a text looks like the name of a published architecture."""
    return text.lower().startswith("slnas_") and text.isidentifier()


SLNAS = register_space(SLNASSpace())
