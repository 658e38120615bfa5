"""Checkpoints of other systems, read safely."""
