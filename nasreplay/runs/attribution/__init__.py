"""Causes of the regret of a search: a ladder of searches that differ by one ingredient each, and its parts."""
