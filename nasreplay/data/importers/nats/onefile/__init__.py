"""Official archives in their one-file form, behind one function.

Such a file is a single pickle of 5 GB (more than 30 GB as objects). The modules here take it apart as bytes, without
unpickling it whole, so that a conversion stays below 1.3 times the CPU seconds of bz2 alone and below 1 GB of memory
(`benchmarks/convert.py --one-file`); nobody outside needs to know them.
"""

from nasreplay.data.importers.nats.onefile.spool import open_one_file

__all__ = ["open_one_file"]
