"""HDF5 files from outside: the one reader of packs and results, for files that are damaged or made to do harm.

The HDF5 library follows links out of a file and opens whatever a file names. So only what nasreplay writes is opened:
hard links, attributes that are one text or number, and arrays as `hdf5_array` checks them. Every failure is one line
with the path, of the class that the caller wants.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]

from nasreplay.errors import BadInput, BadSetting, NasReplayError
from nasreplay.files.hdf5_array import Array, checked
from nasreplay.files.hdf5_heap import Heaps
from nasreplay.files.text import MB, check_regular, harmless, place, raised
from nasreplay.files.typed import parse_json

T = TypeVar("T")
MOST_OBJECTS, DEEPEST = 20_000, 6  # groups and arrays of a file, and groups within each other
LONGEST_TEXT = 4 * MB  # bytes of all texts that are read; what they are parsed to takes many times that
LIMIT = 200  # MB of all numbers of a file, as they stand in memory
RAISED = "NASREPLAY_TABLE_MB"
"""The environment variable that raises the limit, in MB."""

# what h5py raises for files that are damaged
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, MemoryError)


class Kind(NamedTuple):
    """What errors say of a kind of file."""

    name: str
    """The kind in words, "pack"."""
    error: type[BadInput]
    """The class of its errors."""
    way_out: str
    """What to do about a damaged one."""
    missing: str
    """What to do where there is none."""


class Hdf5:
    """An open file, whose paths are names joined by slashes; "" is the file itself. Methods raise ValueError."""

    def __init__(self, path: Path, file: h5py.File, kind: Kind):
        self.path, self.kind = path, kind
        self._root: h5g.GroupID = h5g.open(file.id, b"/")
        self._size = os.stat(path).st_size
        self._base = file.userblock_size
        self._text_bytes = 0

    @cached_property
    def _heaps(self) -> Heaps:
        return Heaps(self.path, self._base)

    # --- structure ---------------------------------------------------------------------------------

    def check(self, in_parts: str | None = None) -> None:
        """Look at every object of the file without reading numbers, which may have LIMIT MB or what RAISED says.

        in_parts: the ending of arrays of which never more than a part is in memory.
        """
        whole = (array for array in self.arrays() if not (in_parts and array.path.endswith(in_parts)))
        # small integers grow
        self.allow(sum(math.prod(array.shape) * max(array.dtype.itemsize, 4) for array in whole))

    @staticmethod
    def allow(claimed: int, limit: int = LIMIT) -> None:
        """Raise ValueError for more bytes of numbers than `limit` MB, or what RAISED says."""
        limit = raised(limit, RAISED)
        if claimed > limit * MB:
            raise ValueError(
                f"it claims {claimed / MB:,.0f} MB of numbers, over {limit}; {RAISED}=N raises that"
            )

    def arrays(self) -> Iterator[Array]:
        """Every array of the file, unread; raises ValueError for any object that is no group or such an array."""
        return self._arrays(self._root, "", DEEPEST, itertools.count())

    def _arrays(self, group: h5g.GroupID, at: str, deep: int, objects: Iterator[int]) -> Iterator[Array]:
        if deep < 0 or group.get_num_objs() > MOST_OBJECTS:
            raise ValueError(f"it has over {MOST_OBJECTS:,} objects, or groups over {DEEPEST} deep")
        for name in group:
            if next(objects) > MOST_OBJECTS:
                raise ValueError(f"it has over {MOST_OBJECTS:,} objects")
            path = f"{at}/{name.decode()}" if at else name.decode()
            found = self._linked(group, name, path)
            if isinstance(found, h5g.GroupID):
                yield from self._arrays(found, path, deep - 1, objects)
            else:
                yield checked(found, path, self._size)

    def has(self, path: str) -> bool:
        """Whether there is an object of this path."""
        group = self._root
        for name in filter(None, path.split("/")):
            if not (isinstance(group, h5g.GroupID) and group.links.exists(name.encode())):
                return False
            group = self._linked(group, name.encode(), path)
        return True

    def names(self, path: str) -> list[str]:
        """The names in a group; none where there is no such group."""
        return [name.decode() for name in self._object(path)] if self.has(path) else []

    def _object(self, path: str) -> Any:
        found: Any = self._root
        for name in filter(None, path.split("/")):
            if not isinstance(found, h5g.GroupID):
                raise ValueError(f"{path} is not there")
            found = self._linked(found, name.encode(), path)
        return found

    def _linked(self, group: h5g.GroupID, name: bytes, path: str) -> Any:
        """What a hard link leads to; any other link may lead out of the file."""
        if group.links.get_info(name).type != h5l.TYPE_HARD:
            raise ValueError(f"{path} is a link, maybe to another file")
        found = h5o.open(group, name)
        if not isinstance(found, h5g.GroupID | h5d.DatasetID):
            raise ValueError(f"{path} is neither a group nor an array")
        if h5o.get_info(found).rc > 1:
            raise ValueError(f"{path} has another name, too")  # each name would be read on its own
        return found

    # --- attributes --------------------------------------------------------------------------------

    def holds(self, path: str, name: str) -> bool:
        """Whether the object has this attribute."""
        return h5a.exists(self._object(path), name.encode())

    def text(self, path: str, name: str) -> str:
        """An attribute that is a text, as it is stored."""
        attribute = self._attribute(path, name, h5t.TypeStringID, "a text")
        if attribute.get_type().is_variable_str():
            header = h5o.get_info(self._object(path)).addr
            content = self._heaps.text(header, name.encode(), LONGEST_TEXT)
        else:
            content = _value(attribute)
        self._text_bytes += len(content)
        if self._text_bytes > LONGEST_TEXT:
            raise ValueError(f"its texts have over {LONGEST_TEXT // MB} MB")
        return content.decode()

    def json(self, path: str, name: str, form: type[T]) -> T:
        """An attribute that is the text of a JSON value, as `typed` takes it."""
        return parse_json(self.text(path, name), form, f"attribute {name} of {path or 'the file'}")

    def number(self, path: str, name: str) -> float:
        """An attribute that is one number; true is 1."""
        kinds = (h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeEnumID)
        return _value(self._attribute(path, name, kinds, "a number"))

    def whole(self, path: str, name: str) -> int:
        """An attribute that is a whole number."""
        value = self.number(path, name)
        if not (abs(value) < 2**53 and float(value).is_integer()):
            raise ValueError(f"attribute {name} of {path} is {value}, must be a whole number")
        return int(value)

    def _attribute(self, path: str, name: str, kinds: Any, words: str) -> h5a.AttrID:
        attribute = h5a.open(self._object(path), name.encode())
        fits = attribute.get_space().get_simple_extent_type() == h5s.SCALAR
        fits = fits and attribute.get_storage_size() <= LONGEST_TEXT
        if not (fits and isinstance(attribute.get_type(), kinds)):
            raise ValueError(f"attribute {name} of {path or 'the file'} must be {words}")
        return attribute

    # --- arrays ------------------------------------------------------------------------------------

    def array(self, path: str) -> Array:
        """The array of a path."""
        return checked(self._object(path), path, self._size)

    def read(self, path: str, shape: Sequence[int] | None = None, dtype: str | None = None) -> np.ndarray:
        """The numbers of an array, which must be of this shape and type where given."""
        array = self.array(path)
        if shape not in (None, array.shape) or dtype not in (None, array.dtype.str):
            raise ValueError(
                f"{path} is {array.dtype.str} {list(array.shape)}, not {dtype} {list(shape or ())}"
            )
        return array.read()


def put_text(owner: Any, name: str, text: str) -> None:
    """Give a file, group or array a text of fixed length: those of variable length lie in a heap without checksum."""
    content = text.encode()
    dtype = h5py.string_dtype("utf-8", max(len(content), 1))
    owner.attrs.create(name, np.array(content, dtype), dtype=dtype)


@contextmanager
def reading(path: Path, kind: Kind) -> Iterator[Hdf5]:
    """The file, opened for reading only; whatever is wrong in the block becomes the kind's error."""
    try:
        check_regular(path, kind.error)
        # files are replaced whole and never edited, and locks fail on some network file systems
        with h5py.File(path, "r", locking=False) as file:
            yield Hdf5(path, file, kind)
    except FileNotFoundError:
        raise kind.error(f"{place(path)}: no such file; {kind.missing}") from None
    except NasReplayError as problem:
        if str(place(path)) in str(problem) or isinstance(problem, BadSetting):
            raise
        raise kind.error(f"{place(path)}: damaged ({problem}); {kind.way_out}") from None
    except _DAMAGE as problem:
        raise kind.error(f"{place(path)}: {_what_is_wrong(path, problem, kind)}") from problem


def _value(attribute: h5a.AttrID) -> Any:
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    return value.item()


def _what_is_wrong(path: Path, problem: Exception, kind: Kind) -> str:
    if isinstance(problem, PermissionError):
        return "may not be read; check its permissions"
    if "truncated file" in str(problem):
        return f"truncated: its end is missing; {kind.way_out}"
    if "signature not found" in str(problem):
        if _is_text(path):
            return (
                f"a text, not a {kind.name}; `nasreplay data import-csv {place(path.name)}` reads CSV files"
            )
        return f"not an HDF5 file, so not a {kind.name}; get it from its source again"
    what = harmless(str(problem).partition("\n")[0]) or type(problem).__name__
    return f"damaged ({what}); {kind.way_out}"


def _is_text(path: Path) -> bool:
    """Whether its beginning is that of a text, or its name that of a packed one."""
    if path.name.endswith(".csv.gz"):
        return True
    with path.open("rb") as stream:
        start = stream.read(4096)
    return bool(start.strip()) and all(byte >= 32 or byte in b"\t\r\n" for byte in start)
