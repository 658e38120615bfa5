"""Genotypes and networks, by the names of CNAS."""
