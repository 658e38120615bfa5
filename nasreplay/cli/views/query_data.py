"""What `nasreplay query` prints for machines: JSON objects and CSV rows, made from a `Sheet`.

Units are in the names: percent, points, seconds, ms; parameters and flops are exact counts.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np

from nasreplay.cli.views.query_text import SHOWN
from nasreplay.data import facts
from nasreplay.data.facts import Measured, Numbers
from nasreplay.data.sheet import DatasetFacts, Sheet
from nasreplay.files.columns import csv_text
from nasreplay.spaces import TOPOLOGY


def json_text(sheet: Sheet, why_no_accuracy: str = "", single: bool = False) -> str:
    """A list with one object (and one line) per architecture; with `single`, the first object alone."""
    objects = [_object(sheet, which, why_no_accuracy) for which in range(len(sheet.flat))]
    if single:
        return json.dumps(objects[0], indent=2, ensure_ascii=False)
    lines = (json.dumps(each, ensure_ascii=False) for each in objects)
    return "[" + ",\n ".join(lines) + "]"


def _object(sheet: Sheet, which: int, why_no_accuracy: str) -> dict[str, Any]:
    flat = int(sheet.flat[which])
    codes = sheet.space.codes([flat])[0]
    about: dict[str, Any] = {
        "architecture": sheet.text(flat),
        "space": sheet.space.name,
        "index": int(sheet.official[flat]),
        "key": TOPOLOGY.key(codes) if sheet.space is TOPOLOGY else None,
        "equivalent_cells": None if sheet.equivalent is None else int(sheet.equivalent[which]),
        "table": {"title": sheet.pack.title, "fingerprint": sheet.pack.fingerprint} if sheet.pack else None,
    }
    if not sheet.pack:
        about["why_no_accuracy"] = why_no_accuracy
    same = facts.equivalents(sheet.pack, flat)
    datasets = {name: _dataset(sheet, known, which, same) for name, known in sheet.datasets.items()}
    return {**about, "datasets": datasets}


def _dataset(sheet: Sheet, known: DatasetFacts, which: int, same: np.ndarray) -> dict[str, Any]:
    return {
        "parameters": _count(known.parameters[which]),
        "flops": _count(known.flops[which]),
        "latency_ms": _value(known.latency[which] * 1e3),
        "accuracies": [_accuracy(sheet, *each, which, same) for each in known.accuracies],
    }


def _accuracy(sheet: Sheet, each: Measured, numbers: Numbers, which: int, same: np.ndarray) -> dict[str, Any]:
    trials = zip(each.seeds, numbers.trials[which].tolist(), strict=True)
    best = same[np.argsort(-each.value[same], kind="stable")[:SHOWN]]
    return {
        "split": each.split,
        "recipe": each.recipe,
        "epoch": each.epochs,
        "meaning": each.meaning.sentence,
        "trial": each.trial,
        "accuracy_percent": _value(numbers.accuracy[which]),
        "std_population_percent": _value(numbers.std[which]),
        "trials_percent": {} if each.averaged_by_source else {s: v for s, v in trials if v == v},
        "averaged_by_source": each.averaged_by_source,
        "rank": int(numbers.rank[which]) or None,
        "rank_of": each.count,
        "percentile": _value(numbers.percentile[which]),
        "training_seconds": _value(numbers.training_seconds[which]),
        "best_neighbour": _neighbour(sheet, numbers, which),
        "best_equivalent_cells": [
            {"index": int(sheet.official[flat]), "accuracy_percent": _value(each.value[flat])}
            for flat in best
        ],
    }


def _neighbour(sheet: Sheet, numbers: Numbers, which: int) -> dict[str, Any] | None:
    flat = int(numbers.neighbour[which])
    if np.isnan(numbers.neighbour_accuracy[which]):
        return None
    return {
        "architecture": sheet.text(flat),
        "index": int(sheet.official[flat]),
        "accuracy_percent": _value(numbers.neighbour_accuracy[which]),
        "gain_points": _value(numbers.gain[which]),
    }


def _count(number: Any) -> int | None:
    return int(number) if number == number else None


def _value(number: Any) -> float | None:
    return float(number) if number == number else None


# --- CSV -------------------------------------------------------------------------------------------


def csv_of(sheet: Sheet) -> str:
    """A header, then one row per architecture, data set and accuracy (split and recipe) of it."""
    texts = list(map(sheet.text, sheet.flat))
    seeds = dict.fromkeys(
        seed
        for known in sheet.datasets.values()
        for each, _ in known.accuracies
        if not each.averaged_by_source
        for seed in each.seeds
    )
    blocks = [
        _columns(sheet, name, known, accuracy, texts, list(seeds))
        for name, known in sheet.datasets.items()
        for accuracy in known.accuracies or [None]
    ]
    rows = zip(*(zip(*block.values(), strict=True) for block in blocks), strict=True)
    return csv_text(blocks[0], chain.from_iterable(rows))


def _columns(
    sheet: Sheet,
    name: str,
    known: DatasetFacts,
    accuracy: tuple[Measured, Numbers] | None,
    texts: list[str],
    seeds: list[int],
) -> dict[str, list[str]]:
    """Header → cells [N] of one data set and one accuracy."""
    count = len(texts)
    columns = {"index": _cells(sheet.official[sheet.flat]), "architecture": texts, "dataset": [name] * count}
    if accuracy:
        columns |= _accuracy_columns(sheet, *accuracy, seeds)
    return columns | {
        "parameters": _cells(known.parameters),
        "flops": _cells(known.flops),
        "latency_ms": _cells(known.latency * 1e3),
        "equivalent_cells": [""] * count if sheet.equivalent is None else _cells(sheet.equivalent),
    }


def _accuracy_columns(
    sheet: Sheet, each: Measured, numbers: Numbers, seeds: list[int]
) -> dict[str, list[str]]:
    count = len(numbers.accuracy)
    fixed = {
        "split": each.split,
        "recipe": each.recipe,
        "epoch": each.epochs,
        "read_from": f"{each.meaning.stored}/{each.recipe}/{each.meaning.set}",
        "trial": each.trial,
    }
    columns = {label: [str(value)] * count for label, value in fixed.items()}
    columns["accuracy_percent"] = _cells(numbers.accuracy)
    columns["std_population_percent"] = _cells(numbers.std)
    for seed in seeds:
        known = seed in each.seeds
        columns[f"trial_{seed}_percent"] = (
            _cells(numbers.trials[:, each.seeds.index(seed)]) if known else [""] * count
        )
    neighbour, known = sheet.official[numbers.neighbour], ~np.isnan(numbers.neighbour_accuracy)
    return columns | {
        "rank": _cells(numbers.rank, numbers.rank > 0),
        "rank_of": [str(each.count)] * count,
        "percentile": _cells(numbers.percentile),
        "training_seconds": _cells(numbers.training_seconds),
        "best_neighbour_index": _cells(neighbour, known),
        "best_neighbour_percent": _cells(numbers.neighbour_accuracy),
        "gain_points": _cells(numbers.gain),
    }


def _cells(values: np.ndarray, known: np.ndarray | None = None) -> list[str]:
    """Texts that read back as the same numbers; empty where a number is NaN or not known."""
    known = ~np.isnan(values) if known is None else known
    texts = map(repr, values.tolist())
    return (
        list(texts) if known.all() else [t if k else "" for t, k in zip(texts, known.tolist(), strict=True)]
    )
