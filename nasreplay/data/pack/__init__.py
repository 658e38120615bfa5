"""The pack: a benchmark table in one HDF5 file, readable with h5py alone (columns: `nasreplay.data.pack.layout`).

Columns are small, read whole and kept; curves are large and read in parts (`pack.curves`). Every column
carries a Fletcher checksum per chunk, so that a damaged byte raises in any HDF5 reader. The root attribute `columns`
lists type, shape and sha256 of each, which also catches a column that was replaced or blanked; the fingerprint is the
sum of that list. The file is closed between reads: packs can be pickled and shared by processes, and a file that
changes under a reader is noticed.
"""

from nasreplay.data.pack.reader import Pack
from nasreplay.data.pack.writer import index_columns, write_pack

__all__ = ["Pack", "index_columns", "write_pack"]
