"""What an official file says of one architecture: its trials, as slots of a row of numbers.

A slot is the numbers of one metric in one trial: E epochs of `cifar10/200/train/loss` of seed 777, or the single
number of `cifar10/200/params`. Files that are built alike share one `Structure`, so that the numbers of many
architectures are rows of one array. Metrics: accuracy, top5 (percent), loss, seconds of every set, per epoch; and
params, flops (millions), latency (seconds per batch). NaN = not measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack.limits import limits_of, unfounded
from nasreplay.errors import BadInput

_RECIPE_KEYS = {"arch_index", "arch_str", "all_results", "dataset_seed", "clear_net_done"}
_TRAIN = {
    "train_acc1es": "accuracy",
    "train_acc5es": "top5",
    "train_losses": "loss",
    "train_times": "seconds",
}
_EVAL = {"eval_acc1es": "accuracy", "eval_losses": "loss", "eval_times": "seconds"}
_COSTS = {"params": "params", "flop": "flops"}
_OTHERS = {"name", "arch_config", "seed", "epochs", "latency", "eval_names", "net_state_dict"}
_MOST_NUMBERS = 200_000  # in a file; official ones have 24,087
MOST_SEEDS = 16  # of a recipe; official ones have 3
_TRIAL_KEYS = _TRAIN.keys() | _EVAL.keys() | _COSTS.keys() | _OTHERS


class Slot(NamedTuple):
    """Places of one metric's numbers of one trial in a row."""

    path: str
    """Path of the pack column, `cifar10/200/train/loss`."""
    seed: int
    """Seed of the trial."""
    start: int
    """Index of the first number."""
    stop: int
    """One more than the index of the last number."""


class Structure(NamedTuple):
    """How a file is built."""

    slots: tuple[Slot, ...]
    """Meaning of its numbers, in their order."""
    epochs: dict[str, int]
    """`<stored>/<recipe>` → epochs."""
    sets: dict[str, tuple[str, ...]]
    """`<stored>/<recipe>` → evaluation sets of the first trial."""


class _Refused(Exception):
    """What is wrong, and where in the file."""


def trials_of(content: Any) -> tuple[int, str, Structure, np.ndarray]:
    """Index, text, structure and unchecked numbers float64 [n] of an unpickled file; raises BadInput."""
    try:
        _check_recipes(content)
        numbers: list[list[float]] = []
        slots, epochs, sets = [], {}, {}
        for recipe, state in content.items():
            for stored, seeds in state["dataset_seed"].items():
                place = f"{stored}/{recipe}"
                trials = [_trial(state["all_results"], stored, seed, place) for seed in seeds]
                for seed, trial in zip(seeds, trials, strict=True):
                    for path, values in _columns_of(trial, place).items():
                        start = slots[-1].stop if slots else 0
                        slots.append(Slot(path, seed, start, start + len(values)))
                        numbers.append(values)
                        if slots[-1].stop > _MOST_NUMBERS:
                            raise _Refused(f"more than {_MOST_NUMBERS:,} numbers")
                epochs[place], sets[place] = trials[0]["epochs"], tuple(trials[0]["eval_names"])
        if not slots:
            raise _Refused("it holds no trial")
        first, structure = next(iter(content.values())), Structure(tuple(slots), epochs, sets)
        return first["arch_index"], first["arch_str"], structure, np.concatenate(numbers)
    except _Refused as problem:
        raise BadInput(f"not an official architecture file: {problem}") from None


def _check_recipes(content: Any) -> None:
    if not isinstance(content, dict) or not content:
        raise _Refused("not a dictionary of recipes")
    named = set()
    for recipe, state in content.items():
        if not isinstance(recipe, str) or not re.fullmatch(r"[0-9]{1,5}", recipe):
            raise _Refused(f"a recipe is called {short(recipe)}, not by its number of epochs")
        if not isinstance(state, dict) or state.keys() != _RECIPE_KEYS:
            raise _Refused(f"recipe {recipe}: its keys are not {', '.join(sorted(_RECIPE_KEYS))}")
        if type(state["arch_index"]) is not int or not isinstance(state["arch_str"], str):
            raise _Refused(f"recipe {recipe}: arch_index must be a whole number, arch_str a text")
        named.add((state["arch_index"], state["arch_str"]))
        for key in ("all_results", "dataset_seed"):
            if not isinstance(state[key], dict):
                raise _Refused(f"recipe {recipe}: {key} is not a dictionary")
        _check_seeds(recipe, state["dataset_seed"], state["all_results"])
    if len(named) != 1:
        raise _Refused("its recipes name different architectures")


def _check_seeds(recipe: str, dataset_seed: Mapping[Any, Any], results: Mapping[Any, Any]) -> None:
    for stored, seeds in dataset_seed.items():
        if stored not in semantics.FACTS:
            raise _Refused(f"recipe {recipe}: unknown data set {short(stored)}")
        whole = isinstance(seeds, list) and all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
        if not whole or not 0 < len(seeds) <= MOST_SEEDS or sorted(set(seeds)) != seeds:
            raise _Refused(
                f"recipe {recipe}: dataset_seed of {stored} is not an ascending list of 1 to {MOST_SEEDS} seeds"
            )
    listed = {(stored, seed) for stored, seeds in dataset_seed.items() for seed in seeds}
    if results.keys() != listed:
        raise _Refused(f"recipe {recipe}: all_results and dataset_seed name different trials")


def _trial(results: Mapping[Any, Any], stored: str, seed: int, place: str) -> dict[str, Any]:
    trial, where = results[stored, seed], f"{place}, seed {seed}"
    if not isinstance(trial, dict) or trial.keys() != _TRIAL_KEYS:
        odd = set(map(str, trial.keys() ^ _TRIAL_KEYS)) if isinstance(trial, dict) else {"not a dictionary"}
        raise _Refused(f"{where}: wrong keys: {', '.join(sorted(odd))[:200]}")
    if trial["name"] != stored or not isinstance(trial["seed"], str) or trial["seed"] != f"{seed:04d}":
        raise _Refused(f"{where}: the trial is called {short(trial['name'])}, seed {short(trial['seed'])}")
    if type(trial["epochs"]) is not int or str(trial["epochs"]) != place.split("/")[1].lstrip("0"):
        raise _Refused(f"{where}: has {short(trial['epochs'])} epochs, and its recipe another number")
    if trial["net_state_dict"] is not None:
        raise _Refused(f"{where}: holds weights; use the archive whose name ends in -simple")
    names = trial["eval_names"]
    known = semantics.sets_of(stored)[1:]
    whole = isinstance(names, list) and all(isinstance(each, str) and each in known for each in names)
    if not whole or len(set(names)) < len(names):
        raise _Refused(f"{where}: eval_names is {short(names)}; known sets: {', '.join(known)}")
    return trial


def _columns_of(trial: Mapping[str, Any], place: str) -> dict[str, list[float]]:
    """Path → numbers of one trial."""
    where, epochs = f"{place}, seed {trial['seed']}", trial["epochs"]
    sets = trial["eval_names"]
    found = {}
    for key, metric in (_TRAIN | _EVAL).items():
        if trial[key] is None and metric in ("top5", "seconds"):
            continue
        if key in _TRAIN:
            wanted = {f"{place}/train/{metric}": list(range(epochs))}
        else:
            wanted = {f"{place}/{name}/{metric}": [f"{name}@{k}" for k in range(epochs)] for name in sets}
        found |= _series(trial[key], wanted, f"{where}: {key}")
    for key, metric in _COSTS.items():
        found[f"{place}/{metric}"] = [_number(trial[key], f"{where}: {key}")]
    latency = [np.nan] if trial["latency"] is None else trial["latency"]
    if not isinstance(latency, list) or len(latency) != 1:
        raise _Refused(f"{where}: latency is not a list of one number")
    return found | {f"{place}/latency": [_number(latency[0], f"{where}: latency")]}


def _series(given: Any, wanted: Mapping[str, list[Any]], where: str) -> dict[str, list[float]]:
    """Path → the number of each key that is wanted for it, NaN for those that are not there."""
    known = {key for keys in wanted.values() for key in keys}
    if not isinstance(given, dict) or not all(type(key) in (int, str) and key in known for key in given):
        raise _Refused(f"{where} is not a dictionary of epochs from 0, of sets in eval_names")
    return {
        path: [_number(given[key], where) if key in given else np.nan for key in keys]
        for path, keys in wanted.items()
    }


def _number(given: Any, where: str) -> float:
    if not isinstance(given, float):
        raise _Refused(f"{where}: must be a float, not {type(given).__name__}")
    return given


# --- values ----------------------------------------------------------------------------------------


class _Bounds(NamedTuple):
    """Limits of each number of a row, and the place of the one that it must equal if it is seconds, else -1.

    losses, accuracies: the places of losses and of the accuracies that were measured with them.
    """

    low: np.ndarray
    high: np.ndarray
    first: np.ndarray
    losses: np.ndarray
    accuracies: np.ndarray


def faults(structure: Structure, rows: np.ndarray) -> list[str]:
    """What is wrong with each row of numbers [N, n], or ""; seconds must be the same for all epochs and trials."""
    bounds = _bounds(structure.slots)
    with np.errstate(invalid="ignore"):
        bad = (rows < bounds.low) | (rows > bounds.high)
        clocks = np.flatnonzero(bounds.first >= 0)
        bad[:, clocks] |= rows[:, clocks] != rows[:, bounds.first[clocks]]
    bad[:, bounds.losses] |= unfounded(rows[:, bounds.accuracies], rows[:, bounds.losses])
    found = [""] * len(rows)
    starts = [slot.start for slot in structure.slots]
    for row in np.flatnonzero(bad.any(axis=1)):
        place = int(bad[row].argmax())
        slot = structure.slots[np.searchsorted(starts, place, side="right") - 1]
        found[row] = f"{slot.path} of seed {slot.seed}: {_fault(slot.path, rows[row, place])}"
    return found


def _fault(path: str, value: float) -> str:
    if path.endswith("/seconds"):
        return "not one positive number for all epochs and trials"
    limits = limits_of(path)
    outside = limits and not limits.low <= value <= limits.high
    return limits.otherwise if limits and outside else "measured without an accuracy"


@lru_cache(maxsize=32)
def _bounds(slots: tuple[Slot, ...]) -> _Bounds:
    low, high = np.full(slots[-1].stop, -np.inf), np.full(slots[-1].stop, np.inf)
    first = np.full(slots[-1].stop, -1)
    places = {(path, seed): range(start, stop) for path, seed, start, stop in slots}
    clocks: dict[str, int] = {}
    losses, accuracies = [], []
    for path, seed, start, stop in slots:
        if limits := limits_of(path):
            low[start:stop], high[start:stop] = limits.low, limits.high
        if path.endswith("/seconds"):
            first[start:stop] = clocks.setdefault(path, start)
        if path.endswith("/loss"):
            losses += range(start, stop)
            accuracies += places[path.removesuffix("loss") + "accuracy", seed]
    return _Bounds(low, high, first, np.array(losses, np.int64), np.array(accuracies, np.int64))
