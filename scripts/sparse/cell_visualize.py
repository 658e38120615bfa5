#!/usr/bin/env python3
"""Sparse CNAS: draw both cells of a genotype as PDF (`cell_visualize.py` of the authors)."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]
from program import Flag, Program, architecture, folder, run
from train_cnn import ALIASES

PROGRAM = Program(
    __doc__ or "",
    lambda given: ["draw", *architecture(given, **ALIASES)],
    [
        Flag(
            "arch",
            "DARTS",
            lambda given: folder("graph-exp-{time}.pdf", given),
            about="a name of nasreplay zoo, or a file with a genotype",
            positional=True,
        ),
    ],
)

if __name__ == "__main__":
    run(PROGRAM)
