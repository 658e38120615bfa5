"""An official archive to a pack, in parallel, in bounded memory, resumed after a kill.

Beside the pack stands a folder `.NAME.parts` until it is done: shards, the spool of a one-file archive, and a lock.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasreplay.data.importers.nats import conversion_parts
from nasreplay.data.importers.nats.archive import Archive, official_texts
from nasreplay.data.importers.nats.conversion_parts import Job, Shard
from nasreplay.data.importers.nats.onefile.spool import OneFileArchive
from nasreplay.data.importers.nats.records import MOST_SEEDS
from nasreplay.data.importers.nats.verify_archive import measured
from nasreplay.data.pack import Pack, layout, write_pack
from nasreplay.data.pack.writer import Chunk, Curves
from nasreplay.data.trials import trial_mean
from nasreplay.errors import BadInput, BadOutput, BadPack, UnsafePickle
from nasreplay.files.lock import alone_in
from nasreplay.files.workers import Workers, cores

LICENCE = "MIT (NATS-Bench)"
NO_FILE = "no file"

Progress = Callable[[int, int], None]


class Converted(NamedTuple):
    """What a conversion has done."""

    pack: Pack
    """The pack that was written."""
    missing: dict[int, str]
    """Official index of an architecture that is left out → reason."""


def convert(
    archive: Archive | OneFileArchive,
    out: str | Path,
    *,
    curves: bool = True,
    exact: bool = True,
    jobs: int | None = None,
    allow_missing: bool = False,
    keep_fuller: bool = False,
    progress: Progress | None = None,
) -> Converted:
    """Write the pack `out` from an archive.

    curves: every epoch, or only the last one; exact: curves as float64, or as float32; jobs: processes (None: one per
    core); allow_missing: go on without the architectures whose files are missing or cannot be read; keep_fuller:
    refuse to replace a pack that has more architectures, curves where this one has none, or more exact ones. What is
    done is kept beside `out` until the pack is written: the same call takes it up after an interruption and gives the
    same bytes. progress(done, total) counts architectures, those of a one-file archive twice: when they are read, and
    when they are converted. Raises BadInput, UnsafePickle or BadOutput.
    """
    out, progress = Path(out), progress or (lambda *_: None)

    def check(archive: Archive, missing: dict[int, str]) -> None:
        _refuse(archive, missing, allow_missing)
        if keep_fuller and (pack := _replaced(out)):
            _refuse_fuller(pack, archive.space.size - len(missing), curves, exact)

    _replaced(out)
    if isinstance(archive, Archive):
        check(archive, dict.fromkeys(archive.missing, NO_FILE))
    folder = out.with_name(f".{out.name}.parts")
    with alone_in(folder):
        try:
            if isinstance(archive, OneFileArchive):
                archive, progress = archive.unpacked(folder, _half(progress, 0)), _half(progress, 1)
        except BadInput:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        missing = dict.fromkeys(archive.missing, NO_FILE)
        check(archive, missing)
        tasks = list(_jobs(archive, curves, exact))
        files = [folder / f"{job.first:06d}.npz" for job in tasks]
        try:
            missing |= _make_all(tasks, files, jobs or cores(), progress)
        except UnsafePickle:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        check(archive, missing)
        pack = _assemble(archive, out, tasks, files)
        shutil.rmtree(folder, ignore_errors=True)
    return Converted(pack, dict(sorted(missing.items())))


def _half(progress: Progress, which: int) -> Progress:
    return lambda done, total: progress(which * total + done, 2 * total)


def _refuse(archive: Archive, missing: dict[int, str], allow_missing: bool) -> None:
    if missing and (not allow_missing or len(missing) == archive.space.size):
        numbers = sorted(missing)
        listed = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
        damaged = next((reason for reason in missing.values() if reason != NO_FILE), NO_FILE)
        raise BadInput(
            f"{archive.path}: {len(missing):,} of {archive.space.size:,} architectures cannot be read: {listed} "
            f"({damaged}); get them again, or leave them out with --allow-missing"
        )


def _replaced(out: Path) -> Pack | None:
    """The table that would be overwritten, if any; raises BadInput for a file that is none."""
    try:
        return Pack.open(out) if out.exists() else None
    except BadPack:
        raise BadInput(
            f"{out} exists and is no table: it would be overwritten; choose another --out"
        ) from None


def _refuse_fuller(pack: Pack, architectures: int, curves: bool, exact: bool) -> None:
    held = len(measured(pack))
    if held > architectures:
        more, here = f"{held:,} architectures", f"{architectures:,}"
    elif pack.curves and not curves:
        more, here = "every epoch", "the last one only"
    elif any(kind == "<i8" for _, kind in pack.curves.values()) and not exact:
        more, here = "curves of float64", "curves of float32"
    else:
        return
    raise BadOutput(
        f"{pack.path} holds {more}, and would be replaced by a table with {here}: name a file with --out"
    )


def _jobs(archive: Archive, with_curves: bool, exact: bool) -> Iterator[Job]:
    numbers, texts = archive.space.flat_to_official.tolist(), official_texts(archive.space)
    for first in range(0, len(numbers), conversion_parts.SIZE):
        mine = numbers[first : first + conversion_parts.SIZE]
        sources = tuple((number, texts[number], archive.files.get(number)) for number in mine)
        yield Job(first, sources, with_curves, exact)


def _make_all(tasks: list[Job], files: list[Path], jobs: int, progress: Progress) -> dict[int, str]:
    """Make every shard; returns official index → why it cannot be read."""
    total, done = sum(len(job.sources) for job in tasks), 0
    unreadable: dict[int, str] = {}
    with Workers(jobs, "run the same command again") as workers:
        for (job, _), problems in workers.each(conversion_parts.make, tasks, files):
            unreadable |= problems
            done += len(job.sources)
            progress(done, total)
    return unreadable


# --- from shards to a pack -------------------------------------------------------------------------


def _assemble(archive: Archive, out: Path, tasks: list[Job], files: list[Path]) -> Pack:
    curved: set[str] = set()
    every: list[Shard] = []
    for job, file in zip(tasks, files, strict=True):
        shard = _loaded(job, file)
        curved |= {path for path, *_ in shard.chunks}
        every.append(shard._replace(chunks=[]))
    columns = _columns(archive.space.size, tasks, every)
    epochs = {recipe: count for shard in every for recipe, count in shard.epochs.items()}
    forms = {path: conversion_parts.form_of(path, tasks[0].exact) for path in sorted(curved)}
    return write_pack(
        out,
        archive.space,
        columns | _latency(columns, epochs),
        title=f"NATS-Bench {archive.space.name} space, {archive.name}",
        source=f"the official archive {archive.name}",
        licence=LICENCE,
        epochs=epochs,
        curves=Curves(forms, _chunks(tasks, files, columns)),
        archive=archive.name,
        sets=_sets(every),
    )


def _loaded(job: Job, file: Path) -> Shard:
    shard = conversion_parts.load(job.key, file)
    if shard is None:
        raise BadInput(f"{file}: changed during the conversion; start it again")
    return shard


def _columns(size: int, tasks: list[Job], every: list[Shard]) -> dict[str, np.ndarray]:
    """The columns of the layout."""
    places = sorted({place for shard in every for place in shard.last})
    seeds: dict[str, list[int]] = {}
    for path, seed in places:
        recipe = str(layout.recipe_of(path))
        if layout.per_trial(path) and seed not in seeds.setdefault(recipe, []):
            seeds[recipe].append(seed)
    for recipe, found in seeds.items():
        if len(found) > MOST_SEEDS:
            raise BadInput(
                f"{recipe}: its files have {len(found)} different seeds; at most {MOST_SEEDS} are read"
            )
    columns = {f"{recipe}/seeds": np.array(sorted(found), np.int32) for recipe, found in seeds.items()}
    for path, _ in places:
        trials = (len(seeds[str(layout.recipe_of(path))]),) if layout.per_trial(path) else ()
        columns[path] = np.full((size, *trials), np.nan)
    for job, shard in zip(tasks, every, strict=True):
        for (path, seed), values in shard.last.items():
            column = columns[path][job.first : job.first + len(values)]
            column.T[_trial(columns, path, seed) if column.ndim > 1 else ...] = values
    return columns


def _trial(columns: dict[str, np.ndarray], path: str, seed: int) -> int:
    return int(np.searchsorted(columns[f"{layout.recipe_of(path)}/seeds"], seed))


def _latency(columns: dict[str, np.ndarray], epochs: dict[str, int]) -> dict[str, np.ndarray]:
    """`<stored>/latency`: the mean over the trials of the longest recipe that know it."""
    found = {}
    for recipe in sorted(epochs, key=lambda recipe: epochs[recipe]):
        trials = columns[f"{recipe}/latency"]
        found[f"{recipe.split('/')[0]}/latency"] = trial_mean(np.where(trials > 0, trials, np.nan))
    return found


def _chunks(tasks: list[Job], files: list[Path], columns: dict[str, np.ndarray]) -> Iterator[Chunk]:
    for job, file in zip(tasks, files, strict=True):
        for path, block, seed, chunk in _loaded(job, file).chunks:
            yield path, block, _trial(columns, path, seed), chunk


def _sets(every: list[Shard]) -> dict[str, tuple[str, ...]]:
    """`<stored>/<recipe>` → its evaluation sets in the order that most architectures have."""
    orders: dict[str, Counter[tuple[str, ...]]] = {}
    for shard in every:
        for recipe, found in shard.sets.items():
            orders.setdefault(recipe, Counter()).update(found)
    return {recipe: max(sorted(found), key=found.__getitem__) for recipe, found in orders.items()}
