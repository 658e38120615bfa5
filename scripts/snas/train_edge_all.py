#!/usr/bin/env python3
"""SNAS: train an all-edge genotype on CIFAR-10 (`train_edge_all.py` of the authors)."""

from train import program, run

PROGRAM = program(__doc__, "SNAS_mild_edge_all", "all-edge")

if __name__ == "__main__":
    run(PROGRAM)
