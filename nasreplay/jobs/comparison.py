"""Replay in Python: searchers side by side on a table, many replicas each, with a report and figures in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nasreplay.errors import BadOutput, BadSetting, NotMeasured
from nasreplay.files.atomic import write_whole
from nasreplay.files.lock import alone_in
from nasreplay.files.workers import HERE, Workers, cores
from nasreplay.jobs import silent
from nasreplay.replay.comparing import compare, is_of, read, write
from nasreplay.replay.growth import in_words, recorded
from nasreplay.replay.plan import SEED, Plan, searchers_of
from nasreplay.replay.tables import Tables
from nasreplay.runs.folder import continues
from nasreplay.runs.joining import merged
from nasreplay.runs.report.rows import Row, rows
from nasreplay.runs.result import Comparison
from nasreplay.search import Searcher
from nasreplay.search.changes import ChangeSettings
from nasreplay.seeds import root_seed
from nasreplay.settings import setting, with_settings

if TYPE_CHECKING:
    import pandas as pd

Score = Literal["last", "published"]


@dataclass(frozen=True, kw_only=True)
class ReplaySettings(Plan, ChangeSettings):
    """All that `replay` can be told: the plan, and what changes none of its numbers."""

    oracles: bool = setting(True, flags=("--oracles/--no-oracles",))
    """Whether searchers with the exact slope of the table stand beside the others, unranked. Default: they do."""
    score: Score | None = None
    """last: the final incumbent; published: interpolated at the budget (NATS-Bench). Default: the protocol's."""
    out: Path | None = None
    """Folder; continues what it holds, and adds to it. Default: output/…"""
    jobs: int | None = setting(None, most=1024)
    """Worker processes. Default: one per core."""

    def __post_init__(self):
        super().__post_init__()
        if self.jobs is not None and self.jobs < 1:
            raise BadSetting(f"--jobs {self.jobs}: it must be at least 1")


@dataclass(frozen=True)
class Replayed:
    """What a replay found, and where it lies."""

    comparison: Comparison
    """Every replica of every search, and the truth of the tables."""
    folder: Path
    """Holds results.h5, summary.md and the figures."""
    added: str = ""
    """What a folder that held a comparison has more than before, in words."""

    @cached_property
    def rows(self) -> list[Row]:
        """One row for each data set and searcher; ranked ones first, best rank first."""
        return rows(self.comparison)

    @property
    def best(self) -> dict[str, str]:
        """Data set → the searcher of the best rank; data sets without ranked searchers are left out."""
        found: dict[str, str] = {}
        for row in self.rows:
            if row.rank is not None:
                found.setdefault(row.dataset, row.searcher)
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row per data set, searcher and replica, as `Comparison.to_frame`."""
        return self.comparison.to_frame()

    def plot(self, path: str | Path | None = None, dataset: str | None = None) -> tuple[Path, ...]:
        """Draw mean regret into a file, as `Comparison.plot`."""
        return self.comparison.plot(path, dataset)

    @property
    def seed(self) -> int:
        """The root seed: the one that was drawn, where none was given."""
        return self.comparison.seed

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM ended it; the same call with the same `out` continues."""
        return self.comparison.interrupted


@with_settings(ReplaySettings)
def replay(
    *searchers: str | Searcher,
    command: str = "",
    progress: Callable[[int, int, str], None] = silent,
    settings: ReplaySettings,
) -> Replayed:
    """Run searchers on a table, each replica until its budget or its steps end, and compare them.

    searchers: names (their settings are those for tables) or objects like `search.REA(population=20)`; none is what
    the protocol or nasreplay compares by default. command: recorded in run.json. progress: called with (done, total,
    "SEARCHER on DATASET").

    Writes run.json, results.h5, summary.md and regret figures into the folder. A folder `out` that holds a comparison
    grows by these searchers, data sets and replicas, if all else is as it was there; what is not given is the
    folder's. Raises BadSetting, UnknownName, NotMeasured, BadPack, LacksCapability or BadOutput before anything is
    computed.
    """
    before = recorded(settings.out) if settings.out else None
    if before and not (searchers or settings.searchers):
        settings.changes(())  # would have no effect
    elif searchers or not settings.searchers:
        asked = searchers_of(searchers, settings.protocol, settings)
        if not searchers and _has_gaps(settings):
            asked = tuple(one for one in asked if "slope" not in one.needs)  # which needs every architecture
        settings = replace(settings, searchers=tuple(one for one in asked if _compared(one, settings)))
        if not settings.searchers:
            raise BadSetting(
                f"--no-oracles leaves nothing to compare: {', '.join(one.name for one in asked)}"
            )
    if not settings.out:  # a default one is named after the seed
        settings = replace(settings, seed=root_seed(SEED if settings.seed is None else settings.seed))
    folder = settings.out or _default_folder(settings)
    workers = Workers(
        settings.jobs or cores(), f"run the same command with --out {folder} --jobs 1 to continue"
    )
    with continues(folder), _official(settings), workers:
        comparison = compare(
            settings, folder, command=command, workers=workers, score=settings.score, tell=progress
        )
        done = Replayed(comparison, folder, in_words(before, comparison.settings))
        if comparison.results and not _is_reported(folder):
            _write_report(done, progress, workers if workers.started else HERE)
    return done


@contextmanager
def _official(plan: Plan) -> Iterator[None]:
    """A context that says what a published protocol needs, where the embedded table lacks it."""
    try:
        yield
    except NotMeasured as problem:
        if plan.protocol == "plain" or plan.table is not None:
            raise
        raise NotMeasured(
            f"{problem}; --protocol {plan.protocol} needs more: `nasreplay data convert ARCHIVE` of the official "
            "NATS-Bench archive, then --table NAME"
        ) from None


def _has_gaps(plan: Plan) -> bool:
    """Whether the table lacks architectures; the embedded one lacks none."""
    if plan.table is None:
        return False
    tables = Tables(plan)
    return any(tables.of(dataset).missing for dataset in tables.searched)


def _default_folder(plan: Plan) -> Path:
    """The first folder of the seed that holds nothing yet, or this very comparison."""
    for number in count(1):
        folder = Path(f"output/replay-seed{plan.seed}{f'-{number}' * (number > 1)}")
        if (header := recorded(folder)) is None or is_of(plan, header):
            return folder
    raise AssertionError


def merge(*folders: Path | str, out: Path) -> Replayed:
    """Join comparisons that have the same settings into one, in the folder `out`, with its report.

    The searchers and data sets may differ; a search that two of them have must have the same numbers. Raises
    BadInput for settings that differ and numbers that disagree, by name, and BadOutput.
    """
    if len(folders) < 2:
        raise BadSetting("a merge needs two comparisons or more")
    comparison = merged([read(Path(folder)) for folder in folders], folders)
    with alone_in(out):
        if recorded(out):
            raise BadOutput(f"{out} holds a comparison: choose another --out")
        write(comparison, out)
    done = Replayed(read(out), out)
    _write_report(done, silent)
    return done


def _is_reported(folder: Path) -> bool:
    """Whether the report is of the results that are there."""
    summary, results = folder / "summary.md", folder / "results.h5"
    return summary.exists() and summary.stat().st_mtime_ns >= results.stat().st_mtime_ns


def _compared(searcher: Searcher, settings: ReplaySettings) -> bool:
    return settings.oracles or not settings.is_oracle(searcher)


def redraw(
    place: Path, score: Score | None = None, progress: Callable[[int, int, str], None] = silent
) -> Replayed:
    """Summary and figures of a replay's folder again, from its results.h5.

    Raises BadOutput, or BadSetting for the results of one search.
    """
    comparison = read(place)
    if score:
        comparison = replace(comparison, settings=comparison.settings | {"score": score})
    done = Replayed(comparison, place if place.is_dir() else place.parent)
    _write_report(done, progress)
    return done


def _write_report(done: Replayed, progress: Callable[[int, int, str], None], workers: Workers = HERE) -> None:
    from nasreplay.runs.report import plots
    from nasreplay.runs.report.summary import markdown

    comparison, folder = done.comparison, done.folder
    total = 2 + len(comparison.datasets)
    progress(0, total, "statistics")
    regrets = plots.save_regrets(comparison, folder, workers)  # meanwhile, where there are workers
    rows = done.rows
    progress(1, total, "figures")
    figures = plots.save_overview(comparison, rows, folder)
    for number, (dataset, paths) in enumerate(regrets, 2):
        progress(number, total, f"figures of {dataset}")
        figures += paths
    shown = [figure.name for figure in figures if figure.suffix == ".png"]
    write_whole(folder / "summary.md", markdown(comparison, rows, shown).encode())
