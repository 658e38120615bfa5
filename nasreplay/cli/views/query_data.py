"""What `nasreplay query` prints for machines: JSON objects and CSV rows.

Units are in the names: percent, points, seconds, ms; parameters and flops are exact counts.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np

from nasreplay.data.query_result import Accuracy, DatasetNumbers, QueryResult
from nasreplay.files.columns import csv_text
from nasreplay.settings import Json


def json_text(result: QueryResult) -> str:
    """A list with one object (and one line) per architecture; of a single one that was named, its object alone."""
    objects = [_object(result, which) for which in range(len(result))]
    if len(result) == 1 and result.best_of is None:
        return json.dumps(objects[0], indent=2, ensure_ascii=False)
    lines = (json.dumps(each, ensure_ascii=False) for each in objects)
    return "[" + ",\n ".join(lines) + "]"


def _object(result: QueryResult, which: int) -> Json:
    each = result.space.at(result.index[which])
    about: Json = {
        "architecture": each.text,
        "space": result.space.name,
        "index": each.index,
        "key": each.key,
        "equivalent_cells": None if result.equivalent is None else int(result.equivalent[which]),
        "table": {"title": result.table, "fingerprint": result.fingerprint} if result.table else None,
    }
    if result.table is None:
        about["why_no_accuracy"] = result.note
    return {
        **about,
        "datasets": {name: _dataset(result, known, which) for name, known in result.datasets.items()},
    }


def _dataset(result: QueryResult, known: DatasetNumbers, which: int) -> Json:
    return {
        "parameters": _count(known.parameters[which]),
        "flops": _count(known.flops[which]),
        "latency_ms": _value(known.latency[which] * 1e3),
        "accuracies": [_accuracy(result, each, which) for each in known.accuracies],
    }


def _accuracy(result: QueryResult, each: Accuracy, which: int) -> Json:
    trials = zip(each.seeds, each.trials[which].tolist(), strict=True)
    same = zip(each.equivalents[which].tolist(), each.equivalents_accuracy[which], strict=True)
    return {
        "split": each.split,
        "recipe": each.recipe,
        "epoch": each.epochs,
        "meaning": each.meaning.sentence,
        "trial": each.trial,
        "accuracy_percent": _value(each.accuracy[which]),
        "std_population_percent": _value(each.std[which]),
        "trials_percent": {seed: value for seed, value in trials if value == value},
        "averaged_by_source": each.averaged_by_source,
        "rank": int(each.rank[which]) or None,
        "rank_of": each.measured,
        "percentile": _value(each.percentile[which]),
        "training_seconds": _value(each.training_seconds[which]),
        "best_neighbor": _neighbor(result, each, which),
        "best_equivalent_cells": [
            {"index": index, "accuracy_percent": _value(value)} for index, value in same if index >= 0
        ],
    }


def _neighbor(result: QueryResult, each: Accuracy, which: int) -> Json | None:
    index = int(each.neighbor[which])
    if np.isnan(each.neighbor_accuracy[which]):
        return None
    return {
        "architecture": result.text(index),
        "index": index,
        "accuracy_percent": _value(each.neighbor_accuracy[which]),
        "gain_points": _value(each.gain[which]),
    }


def _count(number: Any) -> int | None:
    return int(number) if number == number else None


def _value(number: Any) -> float | None:
    return float(number) if number == number else None


# --- CSV -------------------------------------------------------------------------------------------


def csv_of(result: QueryResult) -> str:
    """A header, then one row per architecture, data set and accuracy (split and recipe) of it."""
    texts, every = result.architectures, result.datasets.values()
    seeds = dict.fromkeys(seed for known in every for each in known.accuracies for seed in each.seeds)
    blocks = [
        _columns(result, name, known, each, texts, list(seeds))
        for name, known in result.datasets.items()
        for each in known.accuracies or [None]
    ]
    rows = zip(*(zip(*block.values(), strict=True) for block in blocks), strict=True)
    return csv_text(blocks[0], chain.from_iterable(rows))


def _columns(
    result: QueryResult,
    name: str,
    known: DatasetNumbers,
    each: Accuracy | None,
    texts: list[str],
    seeds: list[int],
) -> dict[str, list[str]]:
    """Header → cells [N] of one data set and one accuracy."""
    count = len(texts)
    columns = {"index": [*map(str, result.index)], "architecture": texts, "dataset": [name] * count}
    if each:
        columns |= _accuracy_columns(result, each, seeds)
    return columns | {
        "parameters": _cells(known.parameters),
        "flops": _cells(known.flops),
        "latency_ms": _cells(known.latency * 1e3),
        "equivalent_cells": [""] * count if result.equivalent is None else _cells(result.equivalent),
    }


def _accuracy_columns(result: QueryResult, each: Accuracy, seeds: list[int]) -> dict[str, list[str]]:
    count = len(each.accuracy)
    fixed = {
        "split": each.split,
        "recipe": each.recipe,
        "epoch": each.epochs,
        "read_from": f"{each.meaning.stored}/{each.recipe}/{each.meaning.set}",
        "trial": each.trial,
    }
    trials = dict(zip(each.seeds, each.trials.T, strict=True))
    return {
        **{label: [str(value)] * count for label, value in fixed.items()},
        "accuracy_percent": _cells(each.accuracy),
        "std_population_percent": _cells(each.std),
        **{f"trial_{s}_percent": _cells(trials[s]) if s in trials else [""] * count for s in seeds},
        "rank": _cells(each.rank, each.rank > 0),
        "rank_of": [str(each.measured)] * count,
        "percentile": _cells(each.percentile),
        "training_seconds": _cells(each.training_seconds),
        "best_neighbor_index": _cells(each.neighbor, ~np.isnan(each.neighbor_accuracy)),
        "best_neighbor_percent": _cells(each.neighbor_accuracy),
        "gain_points": _cells(each.gain),
    }


def _cells(values: np.ndarray, known: np.ndarray | None = None) -> list[str]:
    """Texts that read back as the same numbers; empty where a number is NaN or not known."""
    known = ~np.isnan(values) if known is None else known
    return [repr(value) if k else "" for value, k in zip(values.tolist(), known.tolist(), strict=True)]
