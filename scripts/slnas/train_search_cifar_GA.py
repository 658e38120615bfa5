#!/usr/bin/env python3
"""SLNAS: search cells on CIFAR-10 by its genetic algorithm (`train_search_cifar_GA.py`)."""

from train_search import program, run

PROGRAM = program(__doc__, "slnas-ga", small=True)

if __name__ == "__main__":
    run(PROGRAM)
