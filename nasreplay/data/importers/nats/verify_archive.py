"""Checking a pack against the archive that it was made from: `nasreplay data verify PACK --archive DIR`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nasreplay.data.importers.nats.archive import Archive, official_texts
from nasreplay.data.importers.nats.conversion_parts import column_of, record_of
from nasreplay.data.importers.nats.records import faults
from nasreplay.data.importers.nats.template import Reader, Record
from nasreplay.data.pack import Pack
from nasreplay.data.pack.curves import BLOCK
from nasreplay.data.pack.layout import per_trial, recipe_of
from nasreplay.errors import BadInput

SAMPLE = 256  # architectures


def compare(
    pack: Pack, archive: Archive, *, full: bool = False, progress: Callable[[int, int], None] | None = None
) -> tuple[int, list[str]]:
    """How many of SAMPLE (or all) architectures were compared, and a line for each that differs; raises BadInput."""
    flats = sample(pack, archive, full)
    held = measured(pack)
    known = set(held.tolist())
    absent = sum(number not in archive.files for number in pack.space.flat_to_official[held].tolist())
    reader, done, texts = Reader(), 0, official_texts(pack.space)
    found = [f"{absent:,} architectures of the pack have no file in the archive"] if full and absent else []
    for block in np.split(flats, np.flatnonzero(np.diff(flats // BLOCK)) + 1):
        records: dict[int, Record] = {}
        for flat in block.tolist():
            number = int(pack.space.flat_to_official[flat])
            file = archive.files[number]
            try:
                record = record_of(number, texts[number], file, reader)
                if wrong := faults(record.structure, record.numbers[None])[0]:
                    raise BadInput(f"{file}: {wrong}")
                records[flat] = record
            except BadInput as problem:
                found += [str(problem)] if flat in known else []
        found += _differences(pack, records)
        done += len(block)
        if progress:
            progress(done, len(flats))
    return len(flats), found


def sample(pack: Pack, archive: Archive, full: bool) -> np.ndarray:
    """Flat indices of SAMPLE (or all) architectures of an archive; raises BadInput if empty or of another space."""
    if archive.space is not pack.space:
        raise BadInput(
            f"{archive.path} is of the {archive.space.name} space, {pack.path} of {pack.space.name}"
        )
    held = np.flatnonzero([number in archive.files for number in pack.space.flat_to_official.tolist()])
    if not len(held):
        raise BadInput(f"{archive.path}: holds no architecture to compare with {pack.path}")
    return held if full else held[np.unique(np.linspace(0, len(held) - 1, SAMPLE).astype(int))]


def measured(pack: Pack) -> np.ndarray:
    """Flat indices of the architectures of which the pack holds an accuracy or a loss."""
    paths = [path for path in pack.columns if path.endswith(("/accuracy", "/loss"))]
    return np.flatnonzero(np.any([np.isfinite(pack.column(path)).any(axis=1) for path in paths], axis=0))


def _differences(pack: Pack, records: dict[int, Record]) -> list[str]:
    """A line for each architecture of which the pack holds other numbers; the records are of neighbors."""
    flats = np.array(list(records), np.int64)
    curves = {path: pack.curve(path, flats) for path in pack.curves}
    found = []
    for row, (flat, record) in enumerate(records.items()):
        wanted = _wanted(pack, record)
        recorded = {path for path in pack.columns if recipe_of(path) and not path.endswith("/seeds")}
        different = [
            path
            for path in sorted(recorded | wanted.keys())
            if not _same(pack, path, flat, wanted.get(path))
            or (path in curves and not _same_curve(pack, path, curves[path][row], wanted.get(path)))
        ]
        if different:
            others = f" and {len(different) - 1} more" if len(different) > 1 else ""
            found.append(
                f"architecture {record.number}: not the numbers of the archive: {different[0]}{others}"
            )
    return found


def _wanted(pack: Pack, record: Record) -> dict[str, np.ndarray]:
    """Column → what a file says: float64 [T, epochs], or [epochs] of what all trials share."""
    found: dict[str, np.ndarray] = {}
    for slot in record.structure.slots:
        numbers, path = record.numbers[slot.start : slot.stop], column_of(slot.path)
        if not per_trial(path):
            found[path] = numbers
            continue
        seeds = pack.seeds(*str(recipe_of(path)).split("/")).tolist() if pack.has(path) else []
        values = found.setdefault(path, np.full((len(seeds), len(numbers)), np.nan))
        if slot.seed in seeds:
            values[seeds.index(slot.seed)] = numbers
        else:  # a trial that the pack does not know
            found[path] = np.vstack([values, numbers])
    return found


def _same(pack: Pack, path: str, flat: int, wanted: np.ndarray | None) -> bool:
    held = pack.column(path)[flat] if pack.has(path) else np.nan
    return np.array_equal(held, np.nan * held if wanted is None else wanted[..., -1], equal_nan=True)


def _same_curve(pack: Pack, path: str, held: np.ndarray, wanted: np.ndarray | None) -> bool:
    wanted = np.full(held.shape, np.nan) if wanted is None else wanted
    precision = 0 if pack.curves[path].dtype == "<i8" else 2.0**-23
    return held.shape == wanted.shape and np.allclose(held, wanted, rtol=precision, atol=0, equal_nan=True)
