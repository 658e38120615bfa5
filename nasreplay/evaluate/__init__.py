"""Evaluators: what answers for points of a space. Start with `protocol`."""
