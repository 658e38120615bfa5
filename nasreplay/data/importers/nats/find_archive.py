"""Search for official archives: at a path that is named, or where the official API looks."""

from __future__ import annotations

import os
from pathlib import Path

from nasreplay.data.importers.nats.archive import ENDING, Archive, archived, open_archive
from nasreplay.data.importers.nats.onefile import open_one_file
from nasreplay.data.importers.nats.onefile.spool import OneFileArchive
from nasreplay.errors import BadInput
from nasreplay.spaces import Space


def find_archive(path: str | Path | None = None) -> Archive | OneFileArchive:
    """The archive in a folder or file; None looks where the official API does. Raises BadInput, UnsafePickle."""
    if path is not None:
        place = Path(path).expanduser()
        return open_one_file(place) if place.is_file() else open_archive(place)
    try:
        folder = default_folder()
    except BadInput as problem:
        try:
            file = default_file()
        except BadInput:
            raise problem from None
        return open_one_file(file)
    return open_archive(folder)


def default_folder(space: Space | None = None) -> Path:
    """The only archive folder (of a space) in `$TORCH_HOME`, else in `$HOME/.torch`; raises BadInput."""
    return _only([f"{each.archive}-simple" for each in archived() if space in (None, each)])


def default_file(space: Space | None = None) -> Path:
    """The one-file archive there; raises BadInput likewise."""
    return _only([f"{each.archive}{ENDING}" for each in archived() if space in (None, each)])


def torch_home() -> str | None:
    """`$TORCH_HOME`, else `$HOME/.torch`; None without either."""
    home = os.environ.get("HOME")
    return os.environ.get("TORCH_HOME") or (None if home is None else os.path.join(home, ".torch"))


def _only(names: list[str]) -> Path:
    root = torch_home()
    if root is None:
        raise BadInput("no archive named, and neither TORCH_HOME nor HOME says where to look: name its place")
    found = [Path(root) / name for name in names if (Path(root) / name).exists()]
    if len(found) != 1:
        what = "two archives" if found else "no archive"
        raise BadInput(f"{what} in {root} ({' and '.join(names)}): name the place of one")
    return found[0]
