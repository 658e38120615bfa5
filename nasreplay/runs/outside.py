"""What the files of runs must hold to be read: types in their JSON, and arrays that fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data.pack.limits import limits_of
from nasreplay.errors import BadOutput
from nasreplay.files.typed import parse_json, typed
from nasreplay.runs.result import Result, TableFacts
from nasreplay.settings import Json
from nasreplay.spaces import space_named


class _Named(NamedTuple):
    name: str


class _Evaluator(NamedTuple):
    space: str | None = None
    dataset: str | None = None
    gradient: str | None = None


class _Settings(NamedTuple):
    """The settings of run.json and results.h5 that are read again; all may be missing."""

    seed: int | None = None
    replicas: int | tuple[int, int] | None = None
    searcher: _Named | str | None = None
    evaluator: _Evaluator | str | None = None
    options: dict[str, Any] | None = None
    epochs: int | None = None
    space: str | None = None
    apart: str | None = None
    searchers: dict[str, dict[str, Any]] | None = None
    datasets: list[str] | None = None
    budgets: dict[str, dict[str, Any]] | None = None
    budget_s: float | None = None
    own: dict[str, Any] | None = None
    protocol: str | None = None
    score: str | None = None
    notes: list[str] | None = None
    departures: list[str] | None = None


PART = 2**20  # numbers that are checked at a time
_TOLD = ("notes", "departures")  # are shown
_NEVER_NULL = ("seed", "searchers", "datasets", *_TOLD)


class _Evaluation(NamedTuple):
    step: int
    architecture: str
    recipe: str
    epoch: int
    trial: int
    accuracy: float
    seconds: float
    simulated_s: float
    answered: bool
    wall_s: float


class _Step(NamedTuple):
    step: int
    found: str
    loss: float | None
    simulated_s: float
    wall_s: float
    scalars: dict[str, float] | None = None


class _Epoch(NamedTuple):
    epoch: int
    found: str | None = None
    shared_accuracy: float | None = None


class _End(NamedTuple):
    step: int
    found: str


class _Event(NamedTuple):
    event: str


_EVENTS = {"evaluation": _Evaluation, "step": _Step, "epoch": _Epoch, "end": _End}


class _Run(NamedTuple):
    """What the header of a search says."""

    searcher: _Named
    evaluator: _Evaluator


def checked_settings(settings: Json, where: str) -> Json:
    """The settings, whose types are what readers rely on; raises BadOutput."""
    known = typed(settings, _Settings, where, error=BadOutput)._asdict()
    for name in _NEVER_NULL:
        if settings.get(name, known) is None:
            raise BadOutput(f"{where}, {name}: must not be null")
    return settings | {name: known[name] for name in _TOLD if name in settings}


def check_run(header: Json, where: str) -> None:
    """Raise BadOutput unless a header is that of a search."""
    evaluator = typed(header, _Run, where, error=BadOutput).evaluator
    if evaluator.space is None or evaluator.dataset is None:
        raise BadOutput(f"{where}, evaluator: lacks a space or a data set")


def parsed_event(line: str, where: str) -> Json:
    """A line of events.jsonl, whose types are what readers rely on; raises BadOutput."""
    event = parse_json(line, Json, where, error=BadOutput)
    kind = typed(event, _Event, where, error=BadOutput).event
    known = typed(event, _EVENTS.get(kind, _Event), where, error=BadOutput)
    if isinstance(known, _Evaluation) and not -1 <= known.trial < 2**31:
        raise BadOutput(f"{where}, trial: must be a seed or -1")
    return event


def check_result(result: Result) -> None:
    """Raise ValueError unless the arrays of a result have the shapes and values that its description promises."""
    whole = {"found_flat": result.found_flat, "incumbent_flat": result.incumbent_flat}
    whole |= {"evaluated_flat": result.evaluated_flat, "queries": result.queries, "trial": result.trial}
    replicas, points, questions = (
        len(result.found_flat),
        result.incumbent_flat.shape,
        result.evaluated_flat.shape,
    )
    if any(array.dtype.kind != "i" for array in whole.values()):
        raise ValueError("some of its indices are no whole numbers")
    fits = result.found_flat.ndim == 1 and len(points) == len(questions) == 2
    fits = fits and points[0] == questions[0] == replicas > 0
    fits = fits and result.clock.shape == result.queries.shape == points
    if not fits or not result.observed.shape == result.trial.shape == questions:
        raise ValueError("the shapes of its arrays do not fit together")
    space = result.space
    count = space.size if result.listed is None else len(result.listed)
    for name in ("found_flat", "incumbent_flat", "evaluated_flat"):
        if whole[name].size and not -1 <= whole[name].min() <= whole[name].max() < count:
            raise ValueError(f"{name.removesuffix('_flat')} has indices outside -1 to {count - 1}")
    if result.listed is not None and (
        result.listed.shape[1:] != (space.decisions,)
        or (result.listed.min(axis=0, initial=0) < 0).any()
        or (result.listed.max(axis=0, initial=0) >= space.choices).any()
    ):
        raise ValueError(f"it lists architectures that are not of the {space.name} space")
    for clock, incumbent in _parts(result.clock, result.incumbent_flat):
        known = clock[incumbent >= 0]
        if not (np.isfinite(known) & (known >= 0)).all():
            raise ValueError("its clock or its accuracies are negative or infinite")
    if any(np.isinf(observed).any() for (observed,) in _parts(result.observed)):
        raise ValueError("its clock or its accuracies are negative or infinite")


def _parts(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of one shape in parts, so that what is made of them for a check stays small."""
    for at in range(0, arrays[0].size, PART):
        yield tuple(array.reshape(-1)[at : at + PART] for array in arrays)


def check_table(facts: TableFacts) -> None:
    """Raise ValueError unless the facts are those of a table."""
    size, percent = space_named(facts.space).count(), limits_of("accuracy")
    assert percent
    for values in (facts.final_mean, facts.test):
        if values is not None and (
            values.shape != (size,) or values.dtype.kind != "f" or percent.outside(values).any()
        ):
            raise ValueError(f"the accuracies of its table are not {size:,} percentages")
    measured = size if facts.measured is None else facts.measured
    if (
        not 1 <= measured <= size
        or np.isnan(facts.final_mean).all()
        or not 0 < (facts.budget_s or 1) < np.inf
    ):
        raise ValueError("its table has no accuracy, or no budget above 0")
