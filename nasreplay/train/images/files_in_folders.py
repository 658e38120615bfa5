"""Files and folders in an image folder: without hidden names and byproducts of systems, links followed with care."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nasreplay.errors import BadData
from nasreplay.files.text import place

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
"""What torchvision reads, and GIF; in any case."""
_BYPRODUCTS = {"__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini"}


def is_image(name: str) -> bool:
    """Whether a file is called as an image is."""
    return name.lower().endswith(ENDINGS)


def files_below(folder: Path) -> Iterator[str]:
    """Paths of the files in a folder and below it, in order, each once.

    Links are followed, but for those to a folder around this one, or to what is found beside or in it anyway.
    """
    around = [os.path.realpath(folder), os.path.realpath(folder.parent)]
    seen: set[tuple[int, int]] = set()

    def is_found_anyway(entry: os.DirEntry[str]) -> bool:
        target = os.path.realpath(entry.path)
        if entry.is_dir() and any(os.path.commonpath([target, each]) == target for each in around):
            return True
        inside = [os.path.relpath(target, each) for each in around]
        there = (entry.is_dir() or is_image(target)) and os.path.exists(target)
        return there and any(not name.startswith(".") and f"{os.sep}." not in name for name in inside)

    def below(place: str) -> Iterator[str]:
        about = os.stat(place)
        if (about.st_dev, about.st_ino) in seen:
            return
        seen.add((about.st_dev, about.st_ino))
        for entry in entries(place):
            if entry.is_symlink() and is_found_anyway(entry):
                continue
            if entry.is_dir():
                yield from below(entry.path)
            elif entry.is_file() or entry.is_symlink():  # a link to nothing is told when it is opened
                yield entry.path

    if folder.is_dir():
        yield from below(str(folder))


def stamp(file: Path | str) -> str:
    """Path of a file, size in bytes, time of change. Raises BadData where there is none."""
    try:
        about = os.stat(file)
    except OSError as problem:
        raise BadData(f"{place(file)}: cannot be read: {problem.strerror}; replace or remove it") from None
    return f"{file} {about.st_size} {about.st_mtime_ns}"


def entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """What a folder holds, in order, without hidden names and what systems leave behind."""
    try:
        with os.scandir(folder) as every:
            seen = [e for e in every if not e.name.startswith(".") and e.name not in _BYPRODUCTS]
    except OSError as problem:
        raise BadData(f"{place(folder)}: cannot be read: {problem.strerror}") from None
    return sorted(seen, key=lambda entry: entry.name)


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in a folder, in order."""
    return [entry.name for entry in entries(folder) if entry.is_dir()]
