"""The regret figure of a comparison as one file of the reader's choice."""

from __future__ import annotations

from pathlib import Path

from nasreplay.errors import BadSetting
from nasreplay.files.atomic import write_whole
from nasreplay.runs.report import plots
from nasreplay.runs.result import Comparison

ENDINGS = ("png", "svg", "pdf")


def plot(comparison: Comparison, path: str | Path, dataset: str | None = None) -> tuple[Path, ...]:
    """See `Comparison.plot`."""
    path = Path(path)
    ending = path.suffix.removeprefix(".").lower()
    if ending not in ENDINGS:
        raise BadSetting(f"{path}: a figure ends in .png, .svg or .pdf")
    if dataset is not None and dataset not in comparison.datasets:
        raise BadSetting(f"no data set {dataset!r} was compared: {', '.join(comparison.datasets)}")
    wanted = comparison.datasets if dataset is None else [dataset]
    written = []
    for one in wanted:
        place = path if len(wanted) == 1 else path.with_name(f"{path.stem}-{one}{path.suffix}")
        write_whole(place, plots.rendered(plots.regret_figure(comparison, one), ending))
        written.append(place)
    return tuple(written)
