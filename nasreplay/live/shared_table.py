"""The accuracies of a run's shared weights as a table: what a search on them would be with an exact slope."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import digest_of_weights, tabulate
from nasreplay.live.trained import trained

FOLDER = "shared-tables"
"""The folder in a run's, where the tables of its weights are kept."""


def shared_table(
    run: Path,
    at: int | None = None,
    *,
    codes: np.ndarray | None = None,
    all_images: bool = False,
    out: Path | None = None,
    data: Path | None = None,
    threads: int | None = None,
    gradient: str = "exact",
    samples: int = 6,
    show: Callable[[int, int], None] | None = None,
) -> TableEvaluator:
    """The shared-weight accuracies of a run as a table evaluator, whose slope is that of their multilinear extension.

    at: a kept epoch; None: the last weights. codes: int [N, D], or None for the whole space; a table of a part has
    gaps, inside which searchers that ask for accuracies stay. all_images: all validation images answer, instead of
    the search's batches. out: the pack, by default in the run's folder, named by its weights; what is there is not
    asked again, and what was killed goes on. data, threads: see `trained`. gradient, samples: of the table.
    show(done, total).
    Raises BadOutput, BadData for other images, BadSetting for a space that no table can hold.
    """
    supernet, _ = trained(run, data, threads, at, all_images)
    if out is None:
        asked = "" if codes is None else f"-{len(codes)}-architectures"
        name = f"{digest_of_weights(supernet)}-{len(supernet.valid)}-images{asked}.h5"
        out = run / FOLDER / name
        out.parent.mkdir(exist_ok=True)
    pack = tabulate(supernet, codes, out, at=supernet.shared, progress=show)
    return load_table(table=pack, trial="mean", gradient=gradient, samples=samples)
