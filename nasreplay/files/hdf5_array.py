"""An array in an HDF5 file from outside: what it claims is checked, and its bytes are decoded here.

The HDF5 library makes as many bytes as a chunk claims, and crashes in filters; so it is asked for raw bytes alone.
The filters are those that nasreplay writes, undone within the size that the shape justifies.
"""

from __future__ import annotations

import itertools
import math
import zlib
from typing import Any, NamedTuple

import numpy as np
from h5py import h5d, h5s, h5t, h5z  # pyright: ignore[reportAttributeAccessIssue]

MOST_CHUNKS = 20_000  # of an array that is read whole
LARGEST_BLOCK = 32  # rows of a chunk that may be more than there are

_PACKED = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE)
_SUMMED = (h5z.FILTER_FLETCHER32,)
_SUM_BYTES = 4


class Array(NamedTuple):
    """An array of an open file, checked, not read. Methods raise ValueError."""

    data: h5d.DatasetID
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...] | None
    """Shape of a chunk; None where the array lies in one piece."""
    filters: tuple[int, ...]
    """HDF5's numbers of its filters, in the order of writing."""
    file_bytes: int
    """Size of the whole file."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def block_bytes(self) -> int:
        """Bytes of what is decoded at a time."""
        return math.prod(self.chunk or self.shape) * self.dtype.itemsize

    def read(self, dtype: np.dtype[Any] | None = None) -> np.ndarray:
        """All numbers, as those of another type where given; not more than a block is in memory twice."""
        if self.chunk is None:
            values = np.zeros(self.shape, self.dtype)
            if self.nbytes:
                self.data.read(h5s.ALL, h5s.ALL, values)
            return values.astype(dtype or self.dtype, copy=False)
        values = np.zeros(self.shape, dtype or self.dtype)
        steps = [range(0, size, step) for size, step in zip(self.shape, self.chunk, strict=True)]
        if math.prod(map(len, steps)) > MOST_CHUNKS:
            raise ValueError(f"{self.path} has over {MOST_CHUNKS:,} chunks")
        for corner in itertools.product(*steps):
            part = values[tuple(slice(at, at + step) for at, step in zip(corner, self.chunk, strict=True))]
            whole = np.frombuffer(self._unpacked(corner), self.dtype).reshape(self.chunk)
            part[...] = whole[tuple(map(slice, part.shape))]
        return values

    def raw_chunk(self, corner: tuple[int, ...], most: int) -> bytes:
        """A chunk as it is stored, of at most so many bytes."""
        info = self.data.get_chunk_info_by_coord(corner)
        if info.byte_offset is None or info.filter_mask or info.size > min(most, self.file_bytes):
            raise ValueError(f"a chunk of {self.path} is missing, or claims more than it can hold")
        return self.data.read_direct_chunk(corner)[1]

    def _unpacked(self, corner: tuple[int, ...]) -> bytes:
        assert self.chunk
        size = math.prod(self.chunk) * self.dtype.itemsize
        content = self.raw_chunk(corner, 2 * size + 1024)
        if self.filters == _PACKED:
            try:
                content = zlib.decompressobj().decompress(content, size)
            except zlib.error as problem:
                raise ValueError(f"a chunk of {self.path} is damaged: {problem}") from None
            if len(content) == size and self.dtype.itemsize > 1:
                content = np.frombuffer(content, np.uint8).reshape(self.dtype.itemsize, -1).T.tobytes()
        elif self.filters == _SUMMED:
            content = content[:-_SUM_BYTES]  # the readers have better checksums
        if len(content) != size:
            raise ValueError(f"a chunk of {self.path} has not the size of its shape")
        return content


def checked(data: h5d.DatasetID, path: str, file_bytes: int) -> Array:
    """The array, unread; raises ValueError for one that nasreplay would not have written."""
    plan = data.get_create_plist()
    layout = plan.get_layout()
    if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
        raise ValueError(f"{path} is virtual: its numbers may lie in other files")
    if plan.get_external_count():
        raise ValueError(f"the numbers of {path} lie in another file")
    filters = tuple(plan.get_filter(number)[0] for number in range(plan.get_nfilters()))
    if filters not in ((), _SUMMED, _PACKED):
        raise ValueError(f"{path} has filters that nasreplay does not write")
    stored = data.get_type()
    if not isinstance(stored, h5t.TypeIntegerID | h5t.TypeFloatID | h5t.TypeEnumID):
        raise ValueError(f"{path} holds no plain numbers")
    dtype = stored.dtype
    if dtype.kind not in "biuf" or not stored.equal(h5t.py_create(dtype)):
        raise ValueError(f"{path} holds numbers of a type that nasreplay does not write")
    if data.get_space().get_simple_extent_type() == h5s.NULL:
        raise ValueError(f"{path} is empty")
    chunk = plan.get_chunk() if layout == h5d.CHUNKED else None
    found = Array(data, path, data.shape, dtype, chunk, filters, file_bytes)
    stored_bytes = data.get_storage_size() if layout == h5d.CONTIGUOUS else file_bytes
    if chunk and any(step > max(size, LARGEST_BLOCK) for size, step in zip(found.shape, chunk, strict=True)):
        raise ValueError(f"the chunks of {path} are larger than itself")
    if filters != _PACKED and found.nbytes > min(stored_bytes, file_bytes):
        raise ValueError(f"{path} claims more than the file holds")
    return found
