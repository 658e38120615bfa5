"""From answers to a pack, and from the packs of shards to one.

A tabulated pack says where it comes from in its `source`: the JSON text of its job (evaluator, fidelity, trials,
which architectures were asked, which shard). Shapes: A architectures of the space, T trials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.custom_dataset import from_json
from nasreplay.data.pack import Pack, index_columns, write_pack
from nasreplay.data.pack.layout import recipe_of
from nasreplay.data.semantics import CustomDataset, CustomSplit
from nasreplay.data.trials import trial_mean
from nasreplay.errors import BadInput, BadOutput, BadPack, NotMeasured
from nasreplay.evaluate.tabulate.log import Answered
from nasreplay.files.state import difference
from nasreplay.files.typed import parse_json
from nasreplay.spaces import space_named

WHOLE = [1, 1]  # the shard of what is not divided


def finished(out: Path, job: dict[str, Any]) -> Pack | None:
    """The pack that is there, if it is of this job; None if there is none; raises BadOutput for anything else."""
    if not out.exists():
        return None
    try:
        pack = Pack.open(out)
        found = difference(job_of(pack), job)
    except BadInput:
        raise BadOutput(f"{out}: exists, and is not this tabulation; choose another --out") from None
    if found:
        name, was, now = found
        raise BadOutput(f"{out}: is a table with {name} = {was}, now {now}: choose another --out")
    return pack


def write_tabulated(out: Path, job: dict[str, Any], rows: Sequence[Answered]) -> Pack:
    """Write answers as a pack. Raises NotMeasured if an asked trial, or all, has none, and BadOutput."""
    return _write(out, job, _columns(job, rows))


def job_of(pack: Pack) -> dict[str, Any]:
    """What was tabulated; raises BadPack for a pack that was made otherwise."""
    try:
        parse_json(pack.source, _Job, "source")
        return parse_json(pack.source, dict[str, Any], "source")
    except BadInput:
        raise BadPack(f"{pack.path}: was not made by `nasreplay tabulate`") from None


class _Job(NamedTuple):
    """What a job says at least."""

    space: str
    dataset: str
    evaluator: dict[str, Any]
    at: tuple[str, int]
    trials: list[int | str | None]
    asked: dict[str, int]
    shard: tuple[int, int]


def merge(paths: Sequence[str | Path], out: str | Path) -> Pack:
    """Join tabulations of one evaluator: shards, or different architectures. The order does not matter.

    Raises BadInput for packs of different jobs, for numbers that disagree, and for missing shards, by name.
    """
    out, packs = Path(out), [Pack.open(path) for path in paths]
    jobs = [job_of(pack) for pack in packs]
    asked = {digest: count for job in jobs for digest, count in job["asked"].items()}
    whole = {**jobs[0], "asked": dict(sorted(asked.items())), "shard": WHOLE}
    for pack, job in zip(packs, jobs, strict=True):
        if found := difference(
            {**job, "asked": None, "shard": None}, {**whole, "asked": None, "shard": None}
        ):
            name, its, first = found
            raise BadInput(
                f"{pack.path}: its {name} is {its}, that of {packs[0].path} is {first}: not one table"
            )
    if missing := _missing_shards(jobs):
        raise BadInput(f"missing shards: {', '.join(missing)}")
    finished(out, whole)
    columns = {path for pack in packs for path in pack.columns} - index_columns(packs[0].space).keys()
    return _write(out, whole, {path: _united(packs, path) for path in sorted(columns)})


# --- from answers to columns -----------------------------------------------------------------------


def _columns(job: dict[str, Any], rows: Sequence[Answered]) -> dict[str, Any]:
    """The columns of the layout."""
    size, custom = space_named(job["space"]).size, custom_of(job)
    recipe, _ = job["at"]
    seeds = sorted({seed for row in rows for seed in row.seed})
    accuracy, seconds, test = (np.full((size, max(len(seeds), 1)), np.nan) for _ in range(3))
    for row in rows:
        places = [seeds.index(seed) for seed in row.seed]
        for column, values in ((accuracy, row.accuracy), (seconds, row.seconds), (test, row.test)):
            column[row.flat, places] = values
    columns: dict[str, Any] = {}
    for split, values in (("valid", accuracy), ("test", test)):
        where = semantics.meaning(job["dataset"], split, custom)
        if np.isfinite(values).any():
            columns[f"{where.stored}/{recipe}/seeds"] = seeds
            columns[f"{where.stored}/{recipe}/{where.set}/accuracy"] = values
    return columns | _clock(job, trial_mean(np.where(seconds > 0, seconds, np.nan)))


def _clock(job: dict[str, Any], seconds: np.ndarray) -> dict[str, np.ndarray]:
    """The whole cost [A] of an answer, spread over the epochs; nothing if it is not known."""
    where = semantics.meaning(job["dataset"], "valid", custom_of(job))
    recipe, epochs = job["at"]
    if not np.isfinite(seconds).any():
        return {}
    return {f"{where.stored}/{recipe}/seconds_per_epoch": _per_epoch(seconds, epochs)}


def _per_epoch(seconds: np.ndarray, epochs: int) -> np.ndarray:
    """Numbers that times `epochs` give the seconds again, to the last bit where there are such."""
    found = seconds / epochs
    for nearby in (np.nextafter(found, 0), np.nextafter(found, np.inf)):
        found = np.where((found * epochs != seconds) & (nearby * epochs == seconds), nearby, found)
    return found


def custom_of(job: dict[str, Any]) -> Mapping[str, CustomDataset]:
    """What a data set that no benchmark has is: as the evaluator describes it, at least in its words."""
    if job["dataset"] in (*semantics.DATASETS, *semantics.FACTS):
        return semantics.NO_CUSTOM
    told = job["evaluator"]
    in_words = CustomDataset(None, {"x-valid": CustomSplit(None, told.get("valid"))})
    return {job["dataset"]: from_json(told["own"]) if "own" in told else in_words}


# --- from columns to a pack ------------------------------------------------------------------------


def _write(out: Path, job: dict[str, Any], columns: dict[str, Any]) -> Pack:
    told, space, custom = job["evaluator"], space_named(job["space"]), custom_of(job)
    where = semantics.meaning(job["dataset"], "valid", custom)
    recipe, epochs = job["at"]
    accuracy = columns.get(f"{where.stored}/{recipe}/{where.set}/accuracy", np.empty((0, 0)))
    measured = int(np.isfinite(accuracy).any(axis=1).sum())
    lacking = [seed for seed in job["trials"] if isinstance(seed, int) and seed not in _seeds(columns)]
    if job["shard"] == WHOLE and (lacking or not measured):
        which = f" in trial {lacking[0]}" if lacking else ""
        raise NotMeasured(f"{told['evaluator']} has measured none of these architectures{which}")
    made = f"{job['dataset']}: {told.get('table', told['evaluator'])}, tabulated"
    part = "" if measured == space.size else f", {measured:,} of {space.size:,} architectures"
    return write_pack(
        out,
        space,
        columns,
        title=f"{made}{part}",
        source=json.dumps(job),
        licence=told.get("licence", "not stated"),
        epochs={path: epochs for path in map(recipe_of, columns) if path},
        custom_datasets=custom if columns else semantics.NO_CUSTOM,
    )


def _seeds(columns: dict[str, Any]) -> set[int]:
    return {int(seed) for path, seeds in columns.items() if path.endswith("/seeds") for seed in seeds}


# --- many packs ------------------------------------------------------------------------------------


def _missing_shards(jobs: Sequence[dict[str, Any]]) -> list[str]:
    """`i/n` of those that no pack is, of every list of architectures that was asked."""
    there = {(digest, *job["shard"]) for job in jobs for digest in job["asked"]}
    complete = {digest for digest, number, parts in there if [number, parts] == WHOLE}
    divided = {(digest, parts) for digest, _, parts in there if digest not in complete}
    every = ((digest, number, parts) for digest, parts in sorted(divided) for number in range(1, parts + 1))
    return [f"{number}/{parts}" for digest, number, parts in every if (digest, number, parts) not in there]


def _united(packs: Sequence[Pack], path: str) -> np.ndarray:
    """One column out of all packs; raises BadInput where two have different numbers for the same thing."""
    holders = [pack for pack in packs if pack.has(path)]
    if path.endswith("/seeds"):
        return np.unique(np.concatenate([pack.column(path) for pack in holders]))
    seeds = f"{recipe_of(path)}/seeds"
    every = _united([pack for pack in packs if pack.has(seeds)], seeds)
    united: Any = None
    for pack in holders:
        values = pack.column(path)
        if values.ndim == 2:
            values = np.full((len(values), len(every)), np.nan)
            values[:, np.searchsorted(every, pack.column(seeds))] = pack.column(path)
        united = values if united is None else _joined(united, values, pack, path)
    return united


def _joined(united: np.ndarray, values: np.ndarray, pack: Pack, path: str) -> np.ndarray:
    clash = np.argwhere((united != values) & ~np.isnan(united) & ~np.isnan(values))
    if len(clash):
        where = tuple(clash[0])
        raise BadInput(
            f"{pack.path}: {values[where]!r} for {pack.space.at_flat(int(where[0]))} in {path}, "
            f"another pack has {united[where]!r}: not one table"
        )
    return np.where(np.isnan(united), values, united)
