"""Paired differences of live searches with a table's regrets and a figure, behind `nasreplay compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nasreplay.errors import BadSetting
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.table.table_settings import check_space
from nasreplay.runs.pairs.paired import PairedRuns
from nasreplay.runs.pairs.pairing import paired
from nasreplay.runs.report.looks import ending_of
from nasreplay.settings import check_kind, setting, with_settings
from nasreplay.spaces import space_named


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """What runs are compared by."""

    table: str | None = setting(None, metavar="PACK")
    """Regrets of this table, in place of those that the runs have recorded."""
    figure: Path | None = setting(None, metavar="FILE")
    """Draw the differences over the epochs (.png, .svg or .pdf)."""


@with_settings(CompareSettings)
def compare_runs(first: str | Path, *others: str | Path, settings: CompareSettings) -> PairedRuns:
    """Compare live searches epoch by epoch with the first of them: a run and its forks, or runs of the same seeds.

    Each is a run folder, or a folder of runs of several seeds, which are paired by their seeds: then differences have
    standard errors, of pairs and, beside them, as independent runs would have them. Compared are the loss of the
    training batches, the accuracy of the epoch's cell with shared weights, and that cell's regret on a table, as far
    as both have them. Raises BadOutput for what is no live search, BadInput for searches that do not compare.
    """
    for one in (first, *others):
        check_kind("run", one, Path)
    if not others:
        raise BadSetting(f"{first} alone: name the runs that are compared with it")
    if settings.figure:
        ending_of(settings.figure)  # before anything is read
    regrets = _Regrets(settings.table) if settings.table else None
    found = paired(Path(first), [Path(one) for one in others], regrets)
    if settings.figure:
        from nasreplay.runs.pairs.paired_curves import save_paired

        save_paired(found, settings.figure)
    return found


class _Regrets:
    """The regrets of architectures on a named table, percent points."""

    def __init__(self, table: str):
        self.table = table
        self._truths: dict[str, TableEvaluator] = {}

    def __call__(self, space: str, dataset: str, texts: Sequence[str]) -> list[float]:
        """Regrets of the texts of that space on that data set. Raises what opening the table does."""
        if dataset not in self._truths:
            self._truths[dataset] = load_table(dataset, table=self.table, trial="mean")
        truth = self._truths[dataset]
        check_space(truth, space_named(space))
        return (truth.optimum - truth.report(truth.space.codes(texts)).valid).tolist()
