"""Finding out what `create` was given, and the official helpers for times, places and files."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from nasreplay.compat.nats_bench.sources import FolderSource, MemorySource, PackSource, Source
from nasreplay.data.importers.nats.archive import (
    official_texts,
    open_archive,
)
from nasreplay.data.importers.nats.archive_to_pack import NO_FILE, convert
from nasreplay.data.importers.nats.find_archive import default_file, default_folder, torch_home
from nasreplay.data.importers.nats.onefile import open_one_file
from nasreplay.data.importers.nats.onefile.spool import OneFileArchive
from nasreplay.data.importers.nats.records import trials_of
from nasreplay.data.importers.nats.template import Record
from nasreplay.data.locate import EMBEDDED, cache_path, cached_tables, open_table
from nasreplay.data.pack import Pack
from nasreplay.errors import BadInput, BadSetting
from nasreplay.spaces import Space

PICKLE_EXT = "pickle.pbz2"
Opened = tuple[Source, str | None, str | None]  # source, filename, archive_dir


def open_source(given: Any, space: Space, fast_mode: bool) -> Opened:
    """The source of numbers, its name, and the folder of its files if it is an archive. Raises ValueErrors.

    `given`: an archive folder (in fast mode) or the official big file (without), a pack, its path or its name, a
    dictionary like the big file; None is what the official API takes, or a table of that name in our cache folder.
    """
    if isinstance(given, dict):
        return MemorySource(space, _records(given, space)), None, None
    if isinstance(given, Pack):
        return _pack(given, space, fast_mode)
    if given is None:
        return _default(space, fast_mode)
    if os.path.isfile(given):
        file = Path(given)
        return (
            _pack(Pack.open(file), space, fast_mode) if h5py.is_hdf5(file) else _file(file, space, fast_mode)
        )
    if str(given) in (EMBEDDED, *cached_tables()):
        return _pack(open_table(given), space, fast_mode)
    if not os.path.isdir(given):
        raise BadInput(
            f"{given}: neither a file nor a folder, nor the name of a table (`nasreplay data list`)"
        )
    return _folder(Path(given), space, fast_mode)


def _file(file: Path, space: Space, fast_mode: bool) -> Opened:
    if fast_mode:
        raise BadInput(f"{file}: fast_mode=True reads an archive folder or a pack, and this is neither")
    one = open_one_file(file)
    _check_space(one.space, space, file)
    return PackSource(_pack_of(one), fast_mode), file.name, None


def _pack_of(one: OneFileArchive) -> Pack:
    """The table that is made of a file, once, and kept in the cache folder under its size and time of change."""
    now = one.path.stat()
    kept = cache_path(f"{one.name}-{now.st_size:x}-{now.st_mtime_ns:x}")
    if kept.exists():
        return Pack.open(kept)
    _tell(
        f"reading {one.path} into {kept}, once; a pack that `nasreplay data convert` makes opens by its own name"
    )
    done = convert(one, kept, jobs=1, allow_missing=True)  # other processes would import the caller's script
    if damaged := {number: reason for number, reason in done.missing.items() if reason != NO_FILE}:
        number, reason = next(iter(damaged.items()))
        _tell(f"left out {len(damaged):,} architectures that cannot be read, first {number}: {reason}")
    return done.pack


def _tell(text: str) -> None:
    print(f"nasreplay: {text}", file=sys.stderr)


def _folder(folder: Path, space: Space, fast_mode: bool) -> Opened:
    if not fast_mode:
        raise BadInput(
            f"{folder}: fast_mode=False reads a single file, and this is a folder: add fast_mode=True"
        )
    archive = open_archive(folder)
    _check_space(archive.space, space, folder)
    return FolderSource(archive), folder.name, str(folder)


def _pack(pack: Pack, space: Space, fast_mode: bool) -> Opened:
    _check_space(pack.space, space, pack.path)
    return PackSource(pack, fast_mode), pack.archive or pack.path.name, None


def _check_space(found: Space, space: Space, what: Path) -> None:
    if found is not space:
        raise BadInput(f"{what}: of the {found.name} space, not of the {space.name} space")


def _default(space: Space, fast_mode: bool) -> Opened:
    try:
        place = default_folder(space) if fast_mode else default_file(space)
    except BadInput as problem:
        nowhere = problem
    else:
        if fast_mode:
            return FolderSource(open_archive(place)), None, str(place)
        source, _, folder = _file(place, space, fast_mode)
        return source, None, folder
    for name in cached_tables():
        if name.startswith(space.archive):
            return _pack(open_table(name), space, fast_mode)
    raise BadInput(f"{nowhere}; nor is there a table of {space.archive}: `nasreplay data convert` makes one")


def _records(given: dict[str, Any], space: Space) -> Iterator[Record]:
    """The architectures of a dictionary like the official big file."""
    for key in ("meta_archs", "arch2infos", "evaluated_indexes"):
        if key not in given:
            raise BadInput(f"Can not find key[{key}] in the dict")
    texts, infos = given["meta_archs"], given["arch2infos"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadInput("meta_archs of the dict: not a list of the texts of all architectures")
    repeated = [text for text, count in Counter(texts).items() if count > 1]
    if repeated:
        raise BadInput(f"meta_archs of the dict: {repeated[0]!r} is there twice")
    if len(texts) != space.size:
        raise BadInput(f"meta_archs of the dict: {len(texts)} texts, the {space.name} space has {space.size}")
    for index, (text, official) in enumerate(zip(texts, official_texts(space), strict=True)):
        if text != official:
            raise BadInput(f"meta_archs[{index}] of the dict is {text!r}, the official one is {official!r}")
    if not isinstance(infos, dict):
        raise BadInput("arch2infos of the dict: not a dictionary of index → recipe → results")
    for index, content in infos.items():
        record = Record(*trials_of(content))
        if record.number != index:
            raise BadInput(f"arch2infos[{index}] of the dict says that it is architecture {record.number}")
        yield record


# --- the official helpers --------------------------------------------------------------------------


def time_string() -> str:
    """The time in Greenwich as `[2021-09-03 12:00:00]`."""
    return time.strftime("[%Y-%m-%d %X]", time.gmtime())


def get_torch_home() -> str:
    """`$TORCH_HOME`, else `$HOME/.torch`. Raises ValueError without either."""
    home = torch_home()
    if home is None:
        raise BadSetting("neither TORCH_HOME nor HOME is set in the environment")
    return home


def nats_is_dir(file_path: str | Path) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(file_path)


def nats_is_file(file_path: str | Path) -> bool:
    """Whether it is a file."""
    return os.path.isfile(file_path)


def get_file_system() -> str:
    """The file system that is used: the default one."""
    return "default"


def reset_file_system(lib: str = "default") -> None:
    """Choose the file system. Raises ValueError for another than the default, as Google's."""
    if lib != "default":
        raise BadSetting(f"Unknown file system lib: {lib}; known: default")
