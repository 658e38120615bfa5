"""Genotypes: formats, published ones, derivation from search weights, conversion."""
