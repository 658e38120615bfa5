"""The recorded answers of the official NATS-Bench API, and asking ours the same.

tests/golden/nats_api.json.gz says itself how it was recorded. A question is asked through public calls only; what
comes back is made plain (JSON) as the record is.
"""

import contextlib
import gzip
import io
import json
import math
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench.api_utils import NASBenchMetaAPI, remap_dataset_set_names
from nasreplay.compat.nats_bench.genotype_utils import topology_str2structure

TOLERANCE = 1e-12  # relative
LOADED = (0, 11, 284)
Open = Callable[[], NASBenchMetaAPI]


def recorded() -> list[dict[str, Any]]:
    file = Path(__file__).resolve().parents[1] / "golden/nats_api.json.gz"
    return json.loads(gzip.decompress(file.read_bytes()))["entries"]


class Session:
    """One opened table, asked in the order of the record."""

    def __init__(self, open_fresh: Open):
        self.open_fresh = open_fresh
        self.api = open_fresh()

    def outcome(self, entry: dict[str, Any]) -> dict[str, Any]:
        """`result` or `raises` (the exception), and `stdout` if anything was printed."""
        printed, outcome = io.StringIO(), {}
        if "seed" in entry:
            random.seed(entry["seed"])
        with contextlib.redirect_stdout(printed):
            try:
                outcome["result"] = plain(self.ask(entry))
            except Exception as problem:
                outcome["raises"] = problem
        return outcome | ({"stdout": printed.getvalue()} if printed.getvalue() else {})

    def ask(self, entry: dict[str, Any]) -> Any:
        call, args, kwargs = entry["call"], entry["args"], entry.get("kwargs", {})
        note = entry.get("note", "")
        if "numpy.int64(0)" in note:
            more = ["cifar10"] if call == "get_more_info" else []
            return getattr(self.api, call)(np.int64(0), *more, **({"is_random": False} if more else {}))
        if call.startswith("property:"):
            found = getattr(self.api, call.removeprefix("property:"))
            return sorted(found) if call.endswith("hps") else found
        if call == "random":
            return [self.api.random() for _ in range(8)]
        if call == "simulate_train_eval_sequence":
            return self.clock(entry)
        if call == "show" and args == [-1]:
            api = self.open_fresh()
            api.get_more_info(0, "cifar10")
            return api.show(-1)
        if "tostr()" in note:
            return self.api.query_index_by_arch(topology_str2structure(args[0]))
        if call == "remap_dataset_set_names":
            return remap_dataset_set_names(*args)
        if call.startswith("TopologyStructure."):
            method = getattr(topology_str2structure(args[0]), call.split(".")[1])
            return method(*args[1:], *(["none"] if call.endswith("tolist") else []))
        if call == "topology_str2structure":
            return topology_str2structure(*args)
        if call.startswith(("ArchResults.", "ResultsCount.")):
            kind, method = call.split(".")
            return self.ask_object(kind, method, args, kwargs, note)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of clear_params, recorded too
            return getattr(self.api, call)(*args, **kwargs)

    def ask_object(self, kind: str, method: str, args: list, kwargs: dict, note: str) -> Any:
        if note == "recorded again" or not note:  # the first arguments say whose object it is
            of, args = args[: 4 if kind == "ResultsCount" else 2], args[4 if kind == "ResultsCount" else 2 :]
            said = dict(zip(("index", "hp", "dataset", "seed"), of, strict=False))
        else:
            said = dict(re.findall(r"(\w+)=([\w.-]+)", note))
            kwargs = {
                **kwargs,
                **{name: literal(said[name]) for name in ("iepoch", "is_random") if name in said},
            }
        results: Any = self.api.query_meta_info_by_index(int(said["index"]), said["hp"])
        asked = results if kind == "ArchResults" else results.query(said["dataset"], int(said["seed"]))
        return getattr(asked, method)(*args, **kwargs)

    def clock(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        """Several simulated trainings in a row on one clock."""
        api, said = self.api, []
        random.seed(int(re.findall(r"random.seed\((\d+)\)", entry["note"])[0]))
        api.reset_time()
        for step in entry["result"]:
            if "call" not in step:
                api.reset_time()
                said.append({"reset_time": None, "used_time": api.used_time})
                continue
            try:
                told: dict[str, Any] = {"return": api.simulate_train_eval(**step["call"])}
            except Exception as problem:
                wanted = step.get("raises", "")
                told = {"raises": wanted if wanted in names_of(problem) else repr(problem)}
            said.append({"call": step["call"], **told, "used_time": api.used_time})
        return said


def literal(text: str) -> Any:
    return {"None": None, "True": True, "False": False}.get(text) if text[0] in "NTF" else int(text)


def names_of(problem: BaseException) -> set[str]:
    return {each.__name__ for each in type(problem).__mro__}


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"__ndarray__": value.tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, set):
        return {"__set__": sorted(value)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | float) else repr(value)


def agree(ours: Any, theirs: Any) -> bool:
    """Equal, numbers within the tolerance; of a comment only its presence counts."""
    if isinstance(theirs, dict):
        return (
            isinstance(ours, dict)
            and list(ours) == list(theirs)
            and all(key == "comment" or agree(ours[key], theirs[key]) for key in theirs)
        )
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(theirs, float) and isinstance(ours, int | float) and not isinstance(ours, bool):
        return math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=0.0)
    return type(ours) is type(theirs) and ours == theirs


def outcome(call: Callable, *args: Any, **kwargs: Any) -> tuple[str, Any]:
    """("result", made plain) or ("raises", the exception)."""
    try:
        return "result", plain(call(*args, **kwargs))
    except Exception as problem:
        return "raises", problem


def alike(mine: tuple[str, Any], official: tuple[str, Any]) -> bool:
    """Equal results, or errors of which ours is of the official types too."""
    if mine[0] != official[0]:
        return False
    if mine[0] == "result":
        return agree(mine[1], official[1])
    return names_of(official[1]) <= names_of(mine[1])


def same(outcome: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether our outcome is the recorded one: the result or type of error, and what was printed."""
    if outcome.get("stdout", "") != entry.get("stdout", ""):
        return False
    if "raises" in entry:
        return "raises" in outcome and entry["raises"] in names_of(outcome["raises"])
    return "result" in outcome and agree(outcome["result"], entry["result"])
