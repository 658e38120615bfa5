"""Benchmark tables: what their numbers mean, the file that holds them, and the ways to get one."""
