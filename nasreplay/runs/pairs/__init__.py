"""Pairs of live searches: what differs between runs of the same seeds, epoch by epoch."""
