"""Parts of a conversion: the numbers of some hundred neighboring architectures, made by one process, kept in a file.

Shapes: N architectures of the shard, in flat order. What a shard holds depends on its files alone, so a conversion
that was interrupted takes up the shards that are there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.importers.nats.archive import Piece, content_of
from nasreplay.data.importers.nats.records import faults
from nasreplay.data.importers.nats.template import Reader, Record
from nasreplay.data.pack import curves
from nasreplay.data.pack.curves import Form, Packed
from nasreplay.data.pack.writer import Chunk
from nasreplay.errors import BadInput, BadOutput, UnsafePickle
from nasreplay.files.state import load_state, save_state

SIZE = 8 * curves.BLOCK  # architectures
METRICS = ("accuracy", "loss", "top5")
_VERSION = 2

Place = tuple[str, int]  # column path, seed
Source = tuple[int, str, Path | Piece | None]  # official index, text, file


class Job(NamedTuple):
    """What a shard is made of."""

    first: int
    """Flat index of its first architecture."""
    sources: tuple[Source, ...]
    """Sources of all its architectures."""
    with_curves: bool
    """Whether every epoch is kept."""
    exact: bool
    """Whether curves are float64."""

    @property
    def key(self) -> str:
        """Changes with everything that the shard depends on."""
        parts: list[Any] = [_VERSION, self.with_curves, self.exact]
        for number, _, file in self.sources:
            if isinstance(file, Path):
                facts = file.stat()
                parts.append((number, (facts.st_size, facts.st_mtime_ns)))
            else:
                parts.append((number, file and (file.size, file.check)))
        return hashlib.sha256(repr(parts).encode()).hexdigest()


class Shard(NamedTuple):
    """The numbers of some architectures."""

    last: dict[Place, np.ndarray]
    """Place → float64 [N], numbers at the last epoch."""
    chunks: list[Chunk]
    """Chunks of the curves, their trial named by its seed."""
    epochs: dict[str, int]
    """`<stored>/<recipe>` → epochs."""
    sets: dict[str, Counter[tuple[str, ...]]]
    """`<stored>/<recipe>` → how often its evaluation sets stand in which order."""
    unreadable: dict[int, str]
    """Official index → why it cannot be read."""


def make(job: Job, file: Path) -> dict[int, str]:
    """Make a shard, unless its file is there; returns index → why it cannot be read. Raises UnsafePickle."""
    kept = load(job.key, file)
    if kept is None or kept.unreadable:  # which may be mended by now
        kept = _read(job)
        _save(job.key, file, kept)
    return kept.unreadable


def load(key: str, file: Path) -> Shard | None:
    """The shard in a file; None if there is none with this key."""
    try:
        kept = load_state(file)
        if kept["key"] != key:
            return None
    except (BadOutput, KeyError):
        return None
    content, ends = kept["content"].tobytes(), np.cumsum([size for *_, size in kept["chunks"]])
    return Shard(
        {(path, seed): values for path, seed, values in kept["last"]},
        [
            (path, block, seed, Packed(content[end - size : end], bytes.fromhex(check)))
            for (path, block, seed, check, size), end in zip(kept["chunks"], ends.tolist(), strict=True)
        ],
        kept["epochs"],
        {recipe: Counter({tuple(order): n for order, n in found}) for recipe, found in kept["sets"].items()},
        kept["unreadable"],
    )


def _save(key: str, file: Path, shard: Shard) -> None:
    content = b"".join(chunk.content for *_, chunk in shard.chunks)
    state = shard._asdict() | {"key": key, "content": np.frombuffer(content, np.uint8)}
    state["last"] = [[*place, values] for place, values in shard.last.items()]
    state["chunks"] = [[*place, chunk.sum.hex(), len(chunk.content)] for *place, chunk in shard.chunks]
    state["sets"] = {recipe: list(found.items()) for recipe, found in shard.sets.items()}
    save_state(file, state)


# --- from files to numbers -------------------------------------------------------------------------

_reader = Reader()  # one per process: its shards share the templates


def _read(job: Job) -> Shard:
    shard = Shard({}, [], {}, {}, {})
    for start in range(0, len(job.sources), curves.BLOCK):
        values = _values(job.sources[start : start + curves.BLOCK], shard)
        for place in sorted(values):
            _add(place, values[place], start, job, shard)
    return shard


def _values(sources: Sequence[Source], shard: Shard) -> dict[Place, np.ndarray]:
    """Place → float64 [architectures, epochs]; what cannot be read is NaN, and noted in the shard."""
    alike: dict[int, list[tuple[int, Record]]] = {}
    for row, (number, text, file) in enumerate(sources):
        try:
            if file is not None:
                record = record_of(number, text, file, _reader)
                alike.setdefault(id(record.structure), []).append((row, record))
        except UnsafePickle:
            raise
        except BadInput as problem:
            shard.unreadable[number] = str(problem)
    values: dict[Place, np.ndarray] = {}
    for group in alike.values():
        structure = group[0][1].structure
        rows, numbers = np.array([row for row, _ in group]), np.stack([record.numbers for _, record in group])
        wrong = faults(structure, numbers)
        for row in np.flatnonzero(wrong):
            number, _, file = sources[rows[row]]
            shard.unreadable[number] = f"{file}: {wrong[row]}"
        good = np.array([not reason for reason in wrong])
        for slot in structure.slots:
            empty = np.full((len(sources), slot.stop - slot.start), np.nan)
            place = values.setdefault((slot.path, slot.seed), empty)
            place[rows[good]] = numbers[good, slot.start : slot.stop]
        shard.epochs.update(structure.epochs)
        for recipe, order in structure.sets.items():
            shard.sets.setdefault(recipe, Counter())[order] += int(good.sum())
    return values


def record_of(number: int, text: str, file: Path | Piece, reader: Reader) -> Record:
    """The record of an architecture; raises BadInput for a file that is damaged or about another one."""
    record = reader.read(content_of(file), str(file))
    if (record.number, record.text) != (number, text):
        raise BadInput(
            f"{file}: is about architecture {record.number}, {record.text!r}, not {number}, {text!r}"
        )
    return record


def _add(place: Place, values: np.ndarray, start: int, job: Job, shard: Shard) -> None:
    """Keep the last epoch, and the others as a chunk."""
    path, seed = place
    metric = path.rsplit("/", 1)[-1]
    if metric == "seconds":  # are those of every trial
        path, seed = column_of(path), -1
    last = shard.last.setdefault((path, seed), np.full(len(job.sources), np.nan))
    part = last[start : start + len(values)]
    np.copyto(part, values[:, -1], where=np.isnan(part))
    if job.with_curves and metric in METRICS and not np.isnan(values[:, :-1]).all():
        chunk = curves.packed(values, form_of(path, job.exact))
        if chunk:
            shard.chunks.append((path, (job.first + start) // curves.BLOCK, seed, chunk))


def column_of(path: str) -> str:
    """The column of a slot's path: seconds have one for training and one per evaluation set."""
    rest, metric = path.rsplit("/", 1)
    recipe, which = rest.rsplit("/", 1)
    if metric != "seconds":
        return path
    return f"{recipe}/seconds_per_epoch" if which == "train" else f"{rest}/eval_seconds"


@cache
def form_of(path: str, exact: bool) -> Form:
    """The form of the curve of a column of an official archive."""
    stored, _, which, metric = path.split("/")
    return curves.form_of(metric, semantics.stored_meaning(stored, which).images, exact)
