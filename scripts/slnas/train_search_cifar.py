#!/usr/bin/env python3
"""SLNAS: search cells on CIFAR-10 (`train_search_cifar.py` of the author)."""

from train_search import program, run

PROGRAM = program(__doc__, small=True)

if __name__ == "__main__":
    run(PROGRAM)
