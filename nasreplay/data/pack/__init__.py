"""The pack: a benchmark table in one HDF5 file, readable with h5py alone (columns: `nasreplay.data.pack.layout`).

Columns are small, read whole and kept, those of a pack of a few MB when it is opened; curves are large and read in
parts (`pack.curves`). Every column carries a Fletcher checksum per chunk, so that a damaged byte raises in any HDF5
reader. The root attribute `columns` lists type, shape and sha256 of each, which also catches a column that was
replaced or blanked; the fingerprint is the sum of that list. The file is closed between reads: packs can be pickled
and shared by processes, and a file that changes under a reader is noticed.
"""

from typing import TYPE_CHECKING, Any

from nasreplay.data.pack.reader import Pack

if TYPE_CHECKING:
    from nasreplay.data.pack.writer import index_columns, write_pack

__all__ = ["Pack", "index_columns", "write_pack"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nasreplay.data.pack import writer  # a query writes nothing

    return getattr(writer, name)
