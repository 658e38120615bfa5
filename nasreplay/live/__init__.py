"""Evaluators that train real networks (torch)."""
