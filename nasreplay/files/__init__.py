"""Files: atomic writes, locks, state codecs, safe unpickling, columns."""
