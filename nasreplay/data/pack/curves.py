"""Curves of a pack: a number for every architecture, trial and epoch, as integers in chunks, read on demand.

A benchmark's accuracy or loss is an average over batches: a sum of float32 numbers times images, divided by the
images. Times images · 2^k it is therefore an integer, and `stored / divisor` is the very same float64 in half
the bytes. A number of which that is not true is stored as its own bits with the sign bit set (accuracies and losses
are not negative); -1, all bits set, is a missing one. Integers of 8 bytes stand for float64 and are exact; those of
4 bytes stand for float32: they are right to one part in 2^24.

In the file a curve is an ordinary HDF5 data set of these integers, compressed with shuffle and gzip, with the
attribute `divisor`. A chunk holds all epochs of one trial of BLOCK neighboring architectures; where nothing was
measured it is left out. `<curve>_sums` has the first 16 bytes of the sha256 of every chunk before compression, zeros
for those left out.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import h5py
import numpy as np

from nasreplay.files.hdf5 import Hdf5

BLOCK = 32  # architectures per chunk
SUM = 16  # bytes
_LEVEL = 1  # of gzip; higher ones cost much time and save 2 %


class Form(NamedTuple):
    """How the numbers of a curve become integers."""

    dtype: str
    """Type of the integers: `<i8` exact, `<i4` as float32."""
    divisor: float
    """Divisor of the integers."""


def form_of(metric: str, images: int | None, exact: bool = True) -> Form:
    """The form for accuracies (`accuracy`, `top5`) or losses that are averages over so many images."""
    percent = metric != "loss"
    if exact:
        return Form("<i8", float((images or 1) * 2 ** (24 if percent else 30)))
    return Form("<i4", (images or 2**24) / 100 if percent else float(2**26))


def encode(values: np.ndarray, form: Form) -> np.ndarray:
    """Integers for numbers (float64, not negative, NaN = missing) of any shape."""
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.rint(values * form.divisor)
        back = whole / form.divisor
        if form.dtype == "<i8":
            fits = (whole < 2**53) & (back == values)
            raw = values.view(np.int64) | np.int64(-(2**63))
        else:
            fits = (whole < 2**31) & (np.abs(back - values) <= values * 2.0**-24)
            raw = values.astype(np.float32).view(np.int32) | np.int32(-(2**31))
        stored = np.where(fits, whole, 0).astype(form.dtype)
    return np.where(fits, stored, np.where(np.isnan(values), -1, raw)).astype(form.dtype)


def decode(stored: np.ndarray, form: Form) -> np.ndarray:
    """The float64 numbers that `encode` was given."""
    values = stored / form.divisor
    odd = stored < 0
    if odd.any():
        values[odd] = (stored[odd] & np.iinfo(stored.dtype).max).view(f"<f{stored.itemsize}")  # -1 gives NaN
    return values


class Packed(NamedTuple):
    """A chunk as it stands in the file, and its sum."""

    content: bytes
    sum: bytes


def packed(values: np.ndarray, form: Form) -> Packed | None:
    """The chunk of the numbers [≤ BLOCK, E] of one trial; None if all of them are missing."""
    stored = encode(values, form)
    if (stored == -1).all():
        return None
    whole = np.full((BLOCK, stored.shape[1]), -1, form.dtype)
    whole[: len(stored)] = stored
    planes = whole.reshape(-1).view(np.uint8).reshape(whole.size, whole.itemsize).T.tobytes()
    packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_RLE)  # nothing else repeats; half as fast without
    return Packed(packer.compress(planes) + packer.flush(), _sum(planes))


def unpacked(chunk: Packed, form: Form, epochs: int) -> np.ndarray:
    """The integers [BLOCK, E] of a chunk; raises ValueError. Never makes more bytes than these have."""
    size = BLOCK * epochs * int(form.dtype[2:])
    stream = zlib.decompressobj()
    try:
        planes = stream.decompress(chunk.content, size)
    except zlib.error as problem:
        raise ValueError(f"a chunk is damaged: {problem}") from problem
    if len(planes) != size or _sum(planes) != chunk.sum:
        raise ValueError("a chunk is damaged or was replaced")
    parts = np.frombuffer(planes, np.uint8).reshape(-1, BLOCK * epochs)
    return np.ascontiguousarray(parts.T).view(form.dtype).reshape(BLOCK, epochs)


def _sum(planes: bytes) -> bytes:
    return hashlib.sha256(planes).digest()[:SUM]


def digest(form: Form, sums: np.ndarray) -> str:
    """The sha256 that the pack lists for a curve."""
    return hashlib.sha256(f"{form.dtype} {form.divisor!r} {BLOCK}\n".encode() + sums.tobytes()).hexdigest()


class Written:
    """A curve that is being written into an open file; sizes are (A, T, E)."""

    def __init__(self, file: h5py.File, path: str, sizes: tuple[int, ...], form: Form):
        self.form, self._file, self._path = form, file, path
        architectures, trials, epochs = sizes
        self._data = file.create_dataset(
            path,
            sizes,
            form.dtype,
            chunks=(BLOCK, 1, epochs),
            shuffle=True,
            compression="gzip",
            compression_opts=_LEVEL,
            fillvalue=-1,
        )
        self._data.attrs["divisor"] = form.divisor
        self._sums = np.zeros((-(-architectures // BLOCK), trials, SUM), np.uint8)

    def put(self, block: int, trial: int, chunk: Packed) -> None:
        """Add the chunk of one block of architectures and one trial."""
        self._data.id.write_direct_chunk((block * BLOCK, trial, 0), chunk.content)
        self._sums[block, trial] = np.frombuffer(chunk.sum, np.uint8)

    def finish(self) -> str:
        """Write the sums; returns the curve's digest."""
        self._file.create_dataset(
            f"{self._path}_sums", data=self._sums, chunks=self._sums.shape, fletcher32=True
        )
        return digest(self.form, self._sums)


class Stored:
    """A curve of an open file; raises ValueError for anything that its digest does not promise."""

    def __init__(self, file: Hdf5, path: str, sizes: tuple[int, ...], dtype: str, listed: str):
        self.sizes, self._path = sizes, path
        self._data = file.array(path)
        found = self._data.shape, self._data.dtype.str, self._data.chunk
        if found != (sizes, dtype, (BLOCK, 1, sizes[2])):
            raise ValueError(f"{path} has not the shape that is listed")
        self.form = Form(dtype, file.number(path, "divisor"))
        if not 0 < self.form.divisor < np.inf:
            raise ValueError(f"{path} has the divisor {self.form.divisor}")
        self._sums = file.read(f"{path}_sums", (-(-sizes[0] // BLOCK), sizes[1], SUM), "|u1")
        if digest(self.form, self._sums) != listed:
            raise ValueError(f"curve {path} is damaged or was replaced")

    def chunks(self, blocks: Iterable[int] | None = None) -> Iterator[tuple[int, int, np.ndarray]]:
        """(block, trial, integers [BLOCK, E]) of the given blocks or all, without those that are left out."""
        most = 2 * BLOCK * self.sizes[2] * int(self.form.dtype[2:]) + 1024
        for block in range(len(self._sums)) if blocks is None else blocks:
            for trial in np.flatnonzero(self._sums[block].any(axis=1)).tolist():
                place = (block * BLOCK, trial, 0)
                content = self._data.raw_chunk(place, most)
                chunk = Packed(content, self._sums[block, trial].tobytes())
                yield block, trial, unpacked(chunk, self.form, self.sizes[2])
