#!/usr/bin/env python3
"""SLNAS: train an architecture on CIFAR-10 (`retrainer_cifar.py` of the author)."""

from retrainer import program, run

PROGRAM = program(__doc__, small=True)

if __name__ == "__main__":
    run(PROGRAM)
