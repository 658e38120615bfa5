"""Lists that divide an image folder into training and held-out images without copying any.

Two lines of head, then one line an image, of part (train or val), class and path, between tabs. Paths are those in
the folder that the second line names, seen from the list's own folder:

# nasreplay-split/1
# images: photos
train	ant	ant/000.jpg
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from posixpath import normpath
from typing import NamedTuple

from nasreplay.errors import BadData, BadInput, BadOutput, BadSetting, shortened
from nasreplay.files.atomic import write_whole
from nasreplay.files.text import check_regular, place, read_text
from nasreplay.seeds import Stream
from nasreplay.train.images.files_in_folders import is_image
from nasreplay.train.images.image_folder import ImageFolder, Part

HEAD = "# nasreplay-split/1"
_IMAGES = "# images: "
PARTS = ("train", "val")


class Row(NamedTuple):
    """One image of a list."""

    part: str
    """train or val."""
    name: str
    """Its class."""
    path: str
    """Its path in the folder of the images, with slashes."""


def image_listing(folder: Path) -> ImageFolder:
    """The listing of an image folder, or of a list that divides one. Raises BadData."""
    return SplitList(folder) if folder.is_file() else ImageFolder(folder)


class SplitList(ImageFolder):
    """The listing of a list's images; `folder` is the list. Raises BadData with its line."""

    def __init__(self, file: Path):
        super().__init__(file)

    def _read(self, folder: Path) -> None:
        file = folder
        check_regular(file, BadData)
        head, *lines = read_text(file, error=BadData).splitlines() or [""]
        if head != HEAD or not lines or not lines[0].startswith(_IMAGES):
            raise BadData(f"{place(file)}: no list of `nasreplay data split`, and no image folder")
        root = file.parent / lines[0].removeprefix(_IMAGES)
        if not root.is_dir():
            raise BadData(f"{place(file)}, line 2: its images are not in {place(root)}; correct the line")
        rows = [*_rows(file, lines[1:])]
        if not rows:
            raise BadData(f"{place(file)}: names no image")
        self.names = tuple(sorted({row.name for row in rows if row.part == "train"}))
        self.train, self.test = (self._part(file, root, rows, part) for part in PARTS)
        self.valid = None

    def _part(self, file: Path, root: Path, rows: list[Row], part: str) -> Part:
        inside, numbers, found = Inside(root), {name: label for label, name in enumerate(self.names)}, []
        for row in rows:
            if row.part == part:
                if row.name not in numbers:
                    raise BadData(
                        f"{place(file)}: {part} has the class {shortened(row.name)}, which train has not"
                    )
                found.append((inside.checked(row.path), numbers[row.name]))
        return self._complete(file.with_name(part), found)


def _rows(file: Path, lines: Iterable[str]) -> Iterator[Row]:
    seen: set[str] = set()
    for number, line in enumerate(lines, 3):
        row = Row(*cells) if len(cells := line.split("\t")) == 3 else Row("", "", "")
        if row.part not in PARTS or not row.name or not is_image(row.path) or row.path != normpath(row.path):
            raise BadData(f"{place(file)}, line {number:,}: {shortened(line)} is no part, class and image")
        if row.path in seen:
            raise BadData(f"{place(file)}, line {number:,}: {shortened(row.path)} stands there twice")
        seen.add(row.path)
        yield row


class Inside:
    """What lies in a folder and is no way out of it."""

    def __init__(self, folder: Path):
        self.folder, self.real, self.known = folder, os.path.realpath(folder), {""}

    def checked(self, path: str) -> str:
        """The file of a path in the folder. Raises BadData for one that is not there, or leads out."""
        file = self.folder / path
        around = os.path.dirname(path)
        if (
            os.path.isabs(path)
            or ".." in path.split("/")
            or not (around in self.known or self._holds(file.parent))
        ):
            raise BadData(
                f"{place(file)}: lies outside {place(self.folder)}; name the folder that it lies in"
            )
        self.known.add(around)
        if file.is_symlink() and not self._holds(file):
            raise BadData(
                f"{place(file)}: leads out of {place(self.folder)}, to {place(os.path.realpath(file))}"
            )
        return str(file)

    def _holds(self, file: Path) -> bool:
        return os.path.commonpath([os.path.realpath(file), self.real]) == self.real


def divided(folder: Path, ratio: float, seed: int) -> list[Row]:
    """All images of a folder, a `ratio` of each class for training, at least one image each way.

    Classes are drawn from independently, so that one does not change another. Raises BadSetting and BadData.
    """
    if not 0 < ratio < 1:
        raise BadSetting(
            f"--ratio is {ratio:g}: the part of each class that is trained on lies between 0 and 1"
        )
    given, inside = ImageFolder(folder), Inside(folder)
    if not given.note:
        raise BadData(f"{place(folder)}: has held-out images already; name the folder of those to divide")
    rows = []
    for label, name in enumerate(given.names):
        files = sorted(
            file
            for part in given.parts.values()
            for file, own in zip(part.files, part.labels.tolist(), strict=True)
            if own == label
        )
        if len(files) < 2:
            raise BadData(f"{place(files[0])}: the only image of its class, and both parts need one")
        count = min(max(round(ratio * len(files)), 1), len(files) - 1)
        first = set(Stream(seed, f"data split/{name}").at().permutation(len(files))[0][:count].tolist())
        for number, file in enumerate(files):
            path = Path(file).relative_to(folder).as_posix()
            inside.checked(path)
            if not (name + path).isprintable():
                raise BadData(f"{place(file)}: a name that no line of a list can hold; rename it")
            rows.append(Row(PARTS[number not in first], name, path))
    return sorted(rows, key=lambda row: PARTS.index(row.part))


def write_list(rows: list[Row], folder: Path, file: Path) -> None:
    """Write a list of a folder's images, whole or not at all. Raises BadOutput, also where another file is there."""
    where = Path(os.path.relpath(os.path.realpath(folder), os.path.realpath(file.parent))).as_posix()
    if file.exists() and not is_split_list(file):
        raise BadOutput(f"{file}: exists and is no list of images; choose another --out")
    lines = [HEAD, f"{_IMAGES}{where}", *("\t".join(row) for row in rows)]
    write_whole(file, ("\n".join(lines) + "\n").encode())


def is_split_list(file: Path) -> bool:
    """Whether a regular file begins as a list does."""
    try:
        check_regular(file)
        with file.open("rb") as stream:
            return stream.read(len(HEAD)) == HEAD.encode()
    except (OSError, BadInput):
        return False
