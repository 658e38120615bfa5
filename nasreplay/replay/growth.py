"""What a comparison's folder already holds, and the plan of all that it shall hold.

A finished search is in results.h5 or, until that is written, a part file of its own. A folder grows by more
searchers, data sets and replicas; everything else must be as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nasreplay import own, search
from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.state import difference
from nasreplay.replay.plan import REPLICAS, SEED, Plan
from nasreplay.runs import store
from nasreplay.runs.earlier import as_recorded, with_earlier
from nasreplay.runs.folder import read_header
from nasreplay.runs.joining import agreed, more_replicas, replicas_of, union
from nasreplay.runs.result import Result
from nasreplay.search import Searcher

Pair = tuple[str, str]
"""A data set and the name of a searcher."""
ADOPTED = ("table", "space", "recipe", "evaluations")
"""Fields of a plan that, when they are not given, are those of the folder."""


def recorded(folder: Path) -> dict[str, Any] | None:
    """The header of the comparison that a folder holds; None if it holds nothing. Raises BadOutput."""
    if not (folder / "run.json").exists():
        return None
    header = read_header(folder)
    if not isinstance(header.get("searchers"), dict) or not isinstance(header.get("datasets"), list):
        raise BadOutput(f"{folder}: holds a run that is no comparison; choose another --out")
    header.pop("working_folder", None)
    return header


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write run.json: what decides the numbers, and what was typed where."""
    text = json.dumps({**header, "working_folder": os.getcwd()}, indent=1)
    write_whole(folder / "run.json", text.encode() + b"\n")


def completed(plan: Plan, header: Mapping[str, Any] | None) -> Plan:
    """The plan with the folder's searchers and data sets besides its own, and its settings where none are given."""
    if header is None:
        return replace(
            plan, replicas=plan.replicas or REPLICAS, seed=SEED if plan.seed is None else plan.seed
        )
    given = {
        name: header.get(name)
        for name in ADOPTED
        if getattr(plan, name) is None and header.get(name) != "embedded"
    }
    if plan.budget is None:
        given["budget"] = header["budget_s"]
    if plan.seed in (None, -1):
        given["seed"] = header["seed"]
    if plan.replicas is None:
        given["replicas"] = header["replicas"]
    names = dict.fromkeys([*header["datasets"], *plan.datasets])
    here = {one.name: one for one in plan.searchers}
    known = [
        as_recorded(one, settings)
        for name, settings in header["searchers"].items()
        if (one := here.pop(name, None) or _again(name, header))
    ]
    searchers = (*known, *here.values())
    return replace(plan, **given, datasets=tuple(names), searchers=searchers)


def _again(name: str, header: Mapping[str, Any]) -> Searcher | None:
    """A searcher as it was recorded; None where this process does not know it, or no longer so."""
    with suppress(BadInput):
        if file := header.get("own", {}).get(name):
            kind = search.SEARCHERS.named(f"{file['file']}:{file['class']}")
            if (now := own.file_of(kind)) is None or now.sha256 != file["sha256"]:
                return None
        return search.make(name, header["searchers"][name], preset="published")
    return None


def check_agrees(folder: Path, header: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of both; raises BadOutput where they are not one comparison."""
    found = agreed(with_earlier(dict(header), settings), dict(settings))
    if not found and settings["replicas"] < header["replicas"]:
        found = difference(header["replicas"], settings["replicas"], "replicas")
    if found:
        name, was, now = found
        if name.startswith("own."):
            raise BadOutput(
                f"{folder}: the file of {name.split('.')[1]} has changed since it was compared: "
                "choose another --out, or put it back"
            )
        raise BadOutput(
            f"{folder} holds a run with {name} = {was}, now {now}: choose another --out, or the recorded value"
        )
    settings = {**settings, "searchers": settings["searchers"] | header["searchers"]}
    return union(dict(header), dict(settings)) | {"replicas": settings["replicas"]}


def in_words(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """What a comparison has now that it did not have; empty for nothing, and for a new one."""
    if before is None:
        return ""
    searchers = [name for name in after["searchers"] if name not in before["searchers"]]
    datasets = [name for name in after["datasets"] if name not in before["datasets"]]
    words = [", ".join(searchers)] if searchers else []
    words += [f"data set{'s' * (len(datasets) > 1)} {', '.join(datasets)}"] if datasets else []
    if after["replicas"] != before["replicas"]:
        words.append(f"replicas {before['replicas']} to {after['replicas'] - 1} of each searcher")
    return "; ".join(words)


# --- results ---------------------------------------------------------------------------------------


class Held:
    """The results that a folder holds of one seed."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed = folder, seed
        self.whole: dict[Pair, Result] = {}
        """Results of results.h5, by the data set that was searched."""
        self.settings: dict[str, Any] = {}
        """Settings of results.h5."""
        with suppress(BadOutput):
            comparison = store.read_comparison(folder)
            if comparison.settings.get("seed") == seed:
                self.settings = comparison.settings
                self.whole = {(_searched(one), one.searcher): one for one in comparison.results}

    def of(self, pair: Pair) -> Result | None:
        """The replicas of a search from the first on, as far as they are there; None for none."""
        found = self.whole.get(pair)
        while more := self._part(pair, replicas_of(found)[1] if found else 0):
            found = more_replicas(found, more) if found else more
        return found

    def _part(self, pair: Pair, first: int) -> Result | None:
        """A finished part; None if it is not there, damaged, or of another run."""
        path = store.part_path(self.folder, *pair, first)
        if not path.exists():
            return None
        with suppress(BadOutput):
            result = store.load_result(path)
            if result.settings.get("seed") == self.seed:
                return result
        return None


def _searched(result: Result) -> str:
    """The data set on which a search ran, whichever it is shown on."""
    return str(result.settings.get("evaluator", {}).get("dataset", result.dataset))
