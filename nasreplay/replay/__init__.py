"""Replay: comparisons of searchers on tables with the simulated clock."""
