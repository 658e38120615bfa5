"""Ways from other forms of a benchmark to a pack."""
