"""A finite product of categorical choices: codes, their flat and official indices, and what is outside.

The official index is what publications, commands and all public calls mean by an index. The flat index is the place
of an architecture in arrays [A] (mixed radix of the codes, last decision fastest); what takes or gives one is named
flat. Shapes: N architectures, D decisions of a code, A = the number of architectures.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nasreplay.errors import BadArchitecture, LacksCapability, shortened

INDEX_LIMIT = 2**31  # spaces up to this size have flat indices


class Flat(int):
    """A flat index, which no call takes for an official one."""


class FlatArray(np.ndarray):
    """An array of flat indices, each of type `Flat`; what is calculated from it is a plain array."""

    def __getitem__(self, key: Any) -> Any:
        """An element, as `Flat`, or a part."""
        found = super().__getitem__(key)
        return Flat(found) if isinstance(found, np.integer) else found

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """The plain array or number of a calculation."""
        return array[()] if return_scalar else np.asarray(array)


class Product:
    """What a space is before anything is known of its architectures."""

    name: str
    """What packs, run folders and commands call it."""
    options: tuple[tuple[str, ...], ...]
    """D tuples: what each decision may choose, at most 127 words each; their numbers may differ."""

    @cached_property
    def choices(self) -> np.ndarray:
        """int64 [D]: the number of options of each decision."""
        return np.array([len(names) for names in self.options])

    @cached_property
    def size(self) -> int:
        """The number of architectures, A."""
        return math.prod(self.choices.tolist())

    @property
    def decisions(self) -> int:
        """Number of decisions, D."""
        return len(self.options)

    @property
    def indexed(self) -> bool:
        """Whether architectures have flat indices: the space is small enough for lists and tables of them."""
        return self.size <= INDEX_LIMIT

    def flat(self, codes: np.ndarray) -> np.ndarray:
        """Flat index of codes [N, D], as int32 [N] (int16 where that holds them). Codes are trusted."""
        kind = np.int16 if self.count() <= 2**15 else np.int32
        flat = codes[:, 0].astype(kind)
        for choices, column in zip(self.choices[1:].tolist(), codes.T[1:], strict=True):
            flat *= choices
            flat += column
        return flat

    def from_flat(self, flat: np.ndarray | Sequence[int]) -> np.ndarray:
        """Codes int8 [N, D] of flat indices: the inverse of `flat`."""
        self.count()
        return np.stack(np.unravel_index(flat, tuple(self.choices)), axis=-1).astype(np.int8)

    @cached_property
    def all_codes(self) -> np.ndarray:
        """int8 [A, D] in flat order."""
        return self.from_flat(np.arange(self.count()))

    @cached_property
    def official_to_flat(self) -> np.ndarray:
        """int32 [A]: flat index of each official index; the identity unless a space says otherwise."""
        return np.arange(self.count(), dtype=np.int32)

    @cached_property
    def flat_to_official(self) -> np.ndarray:
        """int32 [A]: official index of each flat index."""
        return np.argsort(self.official_to_flat).astype(np.int32)

    def count(self) -> int:
        """The size of a space that has flat indices; raises LacksCapability for the others."""
        if not self.indexed:
            raise LacksCapability(
                f"the {self.name} space has {self.size:.1e} architectures, too many for tables and indices: name "
                "them by their texts, and search it live"
            )
        return self.size

    def check_codes(self, codes: np.ndarray) -> np.ndarray:
        """The codes as an array [N, D], or BadArchitecture if a shape or value is outside the space."""
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.decisions or codes.dtype.kind not in "iu":
            raise BadArchitecture(
                f"codes of the {self.name} space are integers of shape [N, {self.decisions}], "
                f"got {codes.dtype} {list(codes.shape)}"
            )
        unsigned = codes.view(codes.dtype.str.replace("i", "u"))  # one comparison also finds negatives
        if unsigned.size and (unsigned.max() >= self.choices.min()):
            row, column = np.argwhere(np.append(unsigned >= self.choices, [[True] * self.decisions], 0))[0]
            if row < len(codes):
                raise BadArchitecture(
                    f"code {codes[row, column]} in row {row}, decision {column} of the {self.name} space: "
                    f"must be 0 to {self.choices[column] - 1}"
                )
        return codes

    def refuse_a_row(self, several: object) -> None:
        """Raise BadArchitecture for the codes of one architecture where several architectures are meant."""
        is_row = (
            isinstance(several, tuple) and len(several) == self.decisions and {int} == set(map(type, several))
        )
        if is_row or (isinstance(several, np.ndarray) and several.dtype == np.int8):
            raise BadArchitecture(
                f"{shortened(several)} may be the codes of one architecture: give [architecture], or official "
                "indices as a list"
            )

    def check_index(self, index: object) -> int:
        """An official index as an int; BadArchitecture for what is none of this space."""
        if isinstance(index, Flat):
            raise BadArchitecture(
                f"{index} is a flat index, a place in arrays of the {self.name} space, and no official one: take the "
                f"architecture itself, result.found or space.at_flat({index})"
            )
        try:
            number = -1 if isinstance(index, bool | np.bool_) else operator.index(index)  # pyright: ignore[reportArgumentType]
        except TypeError:
            raise BadArchitecture(
                f"{shortened(index)} names no architecture: give a text, a value of `Architecture` or an official "
                f"index of the {self.name} space, a whole number from 0 to {self.count() - 1}"
            ) from None
        if not 0 <= number < self.count():
            raise self.no_such_index(index)
        return number

    def no_such_index(self, index: object) -> BadArchitecture:
        """The error for an index outside the space."""
        return BadArchitecture(
            f"index {shortened(index)} is outside the {self.name} space: indices are 0 to {self.size - 1}"
        )
