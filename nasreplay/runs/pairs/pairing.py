"""Reading live searches that are compared epoch by epoch, and pairing them by their seeds (`paired`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadInput, BadOutput, listed
from nasreplay.files.text import place
from nasreplay.files.typed import typed
from nasreplay.runs.checkpoints import LOG, kept_epochs
from nasreplay.runs.folder import read_header
from nasreplay.runs.pairs.paired import MEASURES, Against, PairedRuns
from nasreplay.runs.parents import Parent, parent_of
from nasreplay.runs.record import read_events
from nasreplay.settings import Json

Regrets = Callable[[str, str, Sequence[str]], Sequence[float]]
"""Table regrets, percent points: of a space's name, a data set's, and architectures in the space's texts."""


class _Evaluator(NamedTuple):
    space: str
    dataset: str
    data: str


class _Header(NamedTuple):
    seed: int
    searcher: Json
    evaluator: _Evaluator


class _Epoch(NamedTuple):
    found: str
    train_loss: float | None = None
    shared_accuracy: float | None = None
    table_regret: float | None = None


@dataclass(frozen=True)
class EpochLog:
    """The epochs of one live search."""

    folder: Path
    """Its run folder."""
    about: _Header
    """What its header says of seed, searcher and images."""
    header: Json
    """The whole header."""
    events: list[Json]
    """The events of its epochs, without their name."""
    values: Mapping[str, np.ndarray]
    """Name of a measure → float64 [T], NaN where an epoch has no such number."""


def paired(first: Path, others: Sequence[Path], regrets: Regrets | None = None) -> PairedRuns:
    """Compare run folders, or folders of runs of several seeds, with the first.

    regrets: of a table, where the logs' own shall not count. Raises BadOutput for what is no live search of epochs,
    BadInput for runs in other spaces or on other images, without a seed in common, and for a parent that has changed.
    """
    every = [_by_seed(folder, regrets) for folder in (first, *others)]
    seeds = sorted(set.intersection(*(set(runs) for runs in every)))
    if not seeds:
        told = (
            f"{folder} {listed(map(str, runs))}" for folder, runs in zip((first, *others), every, strict=True)
        )
        raise BadInput(f"no seed in common, and runs are paired by their seeds: {'; '.join(told)}")
    left = sorted(set.union(*(set(runs) for runs in every)) - set(seeds))
    names = _names([first, *others])
    pairs = [([every[0][seed] for seed in seeds], [runs[seed] for seed in seeds]) for runs in every[1:]]
    against = (_against(name, *pair) for name, pair in zip(names[1:], pairs, strict=True))
    return PairedRuns(names[0], tuple(seeds), tuple(left), tuple(against))


def _by_seed(folder: Path, regrets: Regrets | None) -> dict[int, EpochLog]:
    """The runs of a folder by their seeds: itself, or those in it. Raises BadOutput."""
    runs = (
        [folder]
        if (folder / "run.json").exists()
        else [file.parent for file in sorted(folder.glob("*/run.json"))]
    )
    if not runs:
        raise BadOutput(f"{folder}: holds no run (no run.json), nor folders of runs")
    found: dict[int, EpochLog] = {}
    for run in runs:
        log = _log(run, regrets)
        if (same := found.setdefault(log.about.seed, log)) is not log:
            raise BadOutput(
                f"{folder}: holds two runs of seed {log.about.seed}, {same.folder.name} and {run.name}: give each of "
                "them alone, or a folder with one of each seed"
            )
    return found


def _log(run: Path, regrets: Regrets | None) -> EpochLog:
    header = read_header(run)
    if not isinstance(header.get("searcher"), dict) or "data" not in (header.get("evaluator") or {}):
        raise BadOutput(
            f"{run}: no live search, but a run of another kind: compare takes those of search and fork"
        )
    about = typed(header, _Header, place(run / "run.json"), error=BadOutput)
    events = [event for event in read_events(run) if event["event"] == "epoch"]
    if not events:
        raise BadOutput(f"{run}: no epoch of this search is over yet")
    where = place(run / LOG)
    epochs = [
        typed(event, _Epoch, f"{where}, epoch {n}", error=BadOutput) for n, event in enumerate(events, 1)
    ]
    values = {
        one.name: np.array([getattr(epoch, one.field) for epoch in epochs], dtype=np.float64)
        for one in MEASURES
    }
    if regrets:
        values["regret"] = np.array(regrets(*about.evaluator[:2], [epoch.found for epoch in epochs]))
    return EpochLog(run, about, header, events, values)


def _against(name: str, firsts: Sequence[EpochLog], others: Sequence[EpochLog]) -> Against:
    for first, other in zip(firsts, others, strict=True):
        _check_pair(first, other)
    shortest = min(len(log.events) for log in (*firsts, *others))
    told = zip(firsts, others, strict=True)
    return Against(
        name,
        tuple(log.folder for log in others),
        _changes(firsts[0], others[0]),
        min(_equal(first, other) for first, other in told),
        *(
            {one.name: np.stack([log.values[one.name][:shortest] for log in logs]) for one in MEASURES}
            for logs in (firsts, others)
        ),
    )


def _check_pair(first: EpochLog, other: EpochLog) -> None:
    """Raise BadInput for searches that do not compare, and BadOutput for a fork of another run than is there now."""
    mine, theirs = first.about.evaluator, other.about.evaluator
    if mine != theirs:
        what = f"{theirs.dataset} in the {theirs.space} space"
        what = f"other images of {theirs.dataset}" if theirs[:2] == mine[:2] else what
        raise BadInput(
            f"{other.folder}: searched {what}, and {first.folder} {mine.dataset} in the {mine.space} space"
        )
    parent = parent_of(other.header, other.folder)
    if parent and parent.folder == first.folder.resolve():
        _check_parent(parent, first, other)


def _check_parent(parent: Parent, first: EpochLog, fork: EpochLog) -> None:
    if parent.epoch in kept_epochs(parent.folder):
        parent.check_unchanged(fork.folder)
    if first.events[: parent.epoch] != fork.events[: parent.epoch]:
        raise BadOutput(
            f"{first.folder}: its log before epoch {parent.epoch:,} is no longer that of its fork {fork.folder}"
        )


def _equal(first: EpochLog, other: EpochLog) -> int:
    """The number of first epochs that are the same."""
    pairs = zip(first.events, other.events, strict=False)
    return next(
        (n for n, (one, two) in enumerate(pairs) if one != two), min(len(first.events), len(other.events))
    )


def _changes(first: EpochLog, other: EpochLog) -> dict[str, tuple[str, str]]:
    """The settings in which two runs differ, of searcher, recipe, and what accuracies are measured by."""
    name, now = (str(log.about.searcher.get("name")) for log in (first, other))
    found = {"searcher": (name, now)}
    if name == now:
        found = dict(_differing(first.about.searcher, other.about.searcher, f"{name}."))
    for part in ("epochs", "evaluator"):
        other_values = _differing({part: first.header.get(part)}, {part: other.header.get(part)})
        found |= {
            key.removeprefix("evaluator."): both for key, both in other_values if both not in found.values()
        }
    return found


def _differing(one: Json, other: Json, before: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    for key in one | other:
        was, now = one.get(key), other.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differing(was, now, f"{before}{key}.")
        elif was != now:
            yield f"{before}{key}", (_word(was), _word(now))


def _word(value: Any) -> str:
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)[:40]


def _names(folders: Sequence[Path]) -> list[str]:
    """Short names that tell the folders apart."""
    names = [folder.resolve().name for folder in folders]
    return [
        name if names.count(name) == 1 else str(folder) for name, folder in zip(names, folders, strict=True)
    ]
