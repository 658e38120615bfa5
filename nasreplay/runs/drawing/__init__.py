"""Graphs of architectures as figures."""
