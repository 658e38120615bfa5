"""Image folders as people have them: which files are images of which class, in which part, and what is left out.

One listing serves data sets that are decoded into memory (`pixels.read_folder`) and data sets that are read while
training (`streamed`). Understood are `train/CLASS/…` with `val/` and or `test/` beside it, Tiny-ImageNet-200 and
Food-101 as downloaded, and classes without any part. Classes are counted in alphabetical order; images are listed
class by class, in alphabetical order, or as their list has them. Names that begin with a dot, and what systems leave
behind, are neither classes nor images.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasreplay.errors import BadData, listed, shortened
from nasreplay.files.text import place, read_text
from nasreplay.train.images.files_in_folders import ENDINGS, entries, files_below, folders_in, is_image, stamp
from nasreplay.train.images.splits import SEED, seeded_parts

LAYOUT = "expected train/CLASS/IMAGE and val/CLASS/IMAGE or test/CLASS/IMAGE"
TRAIN, VALID, TEST = ("train", "training"), ("valid", "val", "validation"), ("test", "testing")
HELD_OUT = 0.2
"""Part of each class that is the test set where no images are held out."""
_AFFIX = re.compile(r"[_ -]?(?:set|data|images?)$")
_ANNOTATIONS = "val_annotations.txt"
_LISTS = "meta"


class Part(NamedTuple):
    """The images of one part, in order."""

    files: list[str]
    """Paths of the images."""
    labels: np.ndarray
    """Classes of the images, int64 [N]."""


class ImageFolder:
    """The listing of an image folder. Raises BadData for what cannot be read as one.

    `names` are the classes; `train`, `valid` (None unless there are validation and test images) and `test` the parts;
    `remarks` says what is missing or was left out. One held-out part alone is the test part. Where there is none, a
    fifth of each class, drawn with a fixed seed, is the test part, and `note` says so.
    """

    def __init__(self, folder: Path):
        self.folder, self.note = folder, ""
        self._unread: list[str] = []
        self._without: list[str] = []
        self.valid: Part | None = None  # unless there are validation and test images
        self._read(folder)

    def _read(self, folder: Path) -> None:
        if _has_lists(folder):
            self._listed(folder)
            return
        tops = {name: folder / name for name in folders_in(folder)}
        train, held, test = (_inner(folder / name) if name else None for name in _parts_of(tops))
        if train is None:
            if held or test:
                raise BadData(
                    f"{place(folder)}: has {(held or test or folder).name}/ but no train/: {LAYOUT}"
                )
            _refuse_parts(folder, tops)
        self.names = self._classes(train or folder)
        if train:
            for extra in sorted(tops.values()):
                if not {extra, extra / extra.name} & {train, held, test}:
                    self._without.append(f"the folder {extra.name}/")
            self._unread += [entry.path for entry in entries(folder) if not entry.is_dir()]
        if test and not self._has_labels(test):
            self._without.append(f"{test.name}/ (its images have no labels)")
            test = None
        self.train = self._by_class(train or folder, learned=True)
        parts = [self._annotated(part) or self._by_class(part) for part in (held, test) if part]
        if not parts:
            self.train, parts = _divided(self.train), [_divided(self.train, held_out=True)]
            self.note = (
                f"no images are held out in {folder}, so a fifth of each class (seed {SEED}) is the test set"
            )
        self.test, self.valid = parts[-1], (parts[0] if len(parts) == 2 else None)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: part for name, part in named.items() if part}

    @property
    def remarks(self) -> list[str]:
        """What is missing and what was left out, in words."""
        told = [f"left out: {', '.join(self._without)}"] if self._without else []
        if self._unread:
            endings = sorted({os.path.splitext(file)[1].lower() or "no ending" for file in self._unread})
            shown = ", ".join(endings[:5]) + (", …" if len(endings) > 5 else "")
            count = f"{len(self._unread):,} files" if len(self._unread) > 1 else "1 file"
            told.append(f"left out: {count} ({shown}), such as {min(self._unread)}")
        return told

    def listing(self) -> str:
        """A line for each image: part, class, path, size in bytes, time of change; and what was left out."""
        lines = [str(self.folder.resolve()), *self.names, *self.remarks]
        for name, part in self.parts.items():
            for file, label in zip(part.files, part.labels, strict=True):
                lines.append(f"{name} {label} {stamp(file)}")
        return "\n".join(lines)

    def _classes(self, train: Path) -> tuple[str, ...]:
        names = tuple(folders_in(train))
        if not names:
            flat = sum(is_image(name) for name in os.listdir(train))
            why = f"its {flat:,} images lie in {train.name}/ itself" if flat else "has no folder per class"
            raise BadData(f"{place(train)}: {why}; {LAYOUT}")
        return names

    def _has_labels(self, test: Path) -> bool:
        """Whether a test folder has class folders; Tiny-ImageNet's and Kaggle's have none."""
        inside = folders_in(test)
        return bool(set(inside) & {*self.names}) or len(inside) > 1

    def _by_class(self, part: Path, learned: bool = False) -> Part:
        inside = folders_in(part)
        flat = [entry.path for entry in entries(part) if not entry.is_dir()]
        found: list[tuple[str, int]] = []
        strange = [name for name in inside if name not in self.names]
        empty = [name for name in strange if name == "images" and not any(self._images(part / name))]
        loose = sum(map(is_image, flat))
        if loose and not set(inside) & {*self.names}:
            raise BadData(
                f"{place(part)}: its {loose:,} images lie in {part.name}/ itself; {LAYOUT}, or {_ANNOTATIONS} as in "
                "Tiny-ImageNet"
            )
        if len(strange) > len(empty):
            first = next(name for name in strange if name not in empty)
            unnamed = (
                f"; or {_ANNOTATIONS} beside it, which names the class of each" if first == "images" else ""
            )
            raise BadData(
                f"{place(part / first)}: no such class in train/ ({len(self.names)} classes){unnamed}"
            )
        self._without += [f"the empty folder {part.name}/{name}/" for name in empty]
        self._unread += flat
        for label, name in enumerate(self.names):
            files = [*self._images(part / name, note=True)] if name in inside else []
            if learned and not files:
                raise BadData(
                    f"{place(part / name)}: a class without a training image ({', '.join(ENDINGS)})"
                )
            found += [(file, label) for file in files]
        if not found:
            raise BadData(f"{place(part)}: holds no images of the classes ({', '.join(ENDINGS)})")
        return self._complete(part, found)

    def _complete(self, part: Path, found: list[tuple[str, int]]) -> Part:
        """The images of a part. Raises BadData where a class has none."""
        there = {label for _, label in found}
        lacking = [name for label, name in enumerate(self.names) if label not in there]
        if lacking:
            raise BadData(
                f"{place(part)}: has no image of {listed(lacking)}; every part needs each class of train/"
            )
        return _part(found)

    def _images(self, folder: Path, note: bool = False) -> Iterator[str]:
        for file in files_below(folder):
            if is_image(file):
                yield file
            elif note:
                self._unread.append(file)

    def _listed(self, folder: Path) -> None:
        """Food-101: images/CLASS/NAME.jpg, and a line CLASS/NAME for each image of a part in meta/PART.txt."""
        self.names = self._classes(folder / "images")
        numbers = {name: label for label, name in enumerate(self.names)}
        parts = []
        for file in (folder / _LISTS / "train.txt", folder / _LISTS / "test.txt"):
            found: list[tuple[str, int]] = []
            for number, line in enumerate(filter(None, read_text(file, error=BadData).splitlines()), 1):
                name, _, image = line.strip().partition("/")
                if name not in numbers or not image or os.path.basename(image) != image:
                    raise BadData(
                        f"{place(file)}, line {number}: {shortened(line)} is no CLASS/NAME of images/"
                    )
                found.append((str(folder / "images" / name / f"{image}.jpg"), numbers[name]))
            if missing := next((file for file, _ in found if not os.path.isfile(file)), ""):
                raise BadData(f"{place(file)}: names {missing}, which is not there")
            if not found:
                raise BadData(f"{place(file)}: names no images")
            parts.append(self._complete(file.with_suffix(""), found))
        self.train, self.test = parts

    def _annotated(self, part: Path) -> Part | None:
        """Tiny-ImageNet's validation images: a line `file TAB class TAB …` each; None where they are sorted."""
        if not (part / _ANNOTATIONS).is_file() or not any(self._images(part / "images")):
            return None
        numbers, found = {name: label for label, name in enumerate(self.names)}, []
        lines = read_text(part / _ANNOTATIONS, error=BadData).splitlines()
        for number, line in enumerate(lines, 1):
            file, name, *_ = *line.split("\t"), ""
            if name not in numbers:
                raise BadData(
                    f"{part / _ANNOTATIONS}, line {number}: class {shortened(name)} is not in train/"
                )
            if os.path.basename(file) != file:
                raise BadData(f"{part / _ANNOTATIONS}, line {number}: {file!r} is no name of a file")
            found.append((str(part / "images" / file), numbers[name]))
        if not found:
            raise BadData(f"{place(part / _ANNOTATIONS)}: names no images")
        sorted_in = [name for name in self.names if any(self._images(part / name))]
        if sorted_in:
            raise BadData(
                f"{place(part)}: images lie in images/, with {_ANNOTATIONS}, and in {sorted_in[0]}/: sort all "
                "of them into class folders, or none"
            )
        unnamed = {*self._images(part / "images")} - {file for file, _ in found}
        if unnamed:
            count = f"{len(unnamed):,} of {len(unnamed) + len(found):,} images of {part.name}/images/"
            self._without.append(f"{count}, which {_ANNOTATIONS} does not name (such as {min(unnamed)})")
        return self._complete(part, found)


def is_image_folder(folder: Path, parts: bool = False) -> bool:
    """Whether it has train/, or else (not with `parts`) two folders or more that hold images."""
    if not folder.is_dir():
        return False
    if _has_lists(folder):
        return True
    inside = folders_in(folder)
    if any(_parts_of(inside)[: 1 if parts else 3]):
        return True
    return not parts and sum(any(map(is_image, files_below(folder / name))) for name in inside) > 1


def _has_lists(folder: Path) -> bool:
    """Whether this is Food-101 as downloaded; its usual script sorts the images into train/ and val/."""
    return (folder / _LISTS / "train.txt").is_file() and (folder / "images").is_dir()


def _parts_of(folders: Iterable[str]) -> tuple[str, str, str]:
    """The training, validation and test folder among these names, "" where there is none.

    A name may end in set, data or images, as in training_set, where one alone is called so.
    """
    names = {name.lower(): name for name in folders}

    def called(known: tuple[str, ...]) -> str:
        exact = [names[name] for name in known if name in names]
        other = [name for lower, name in names.items() if _AFFIX.sub("", lower) in known]
        return exact[0] if exact else other[0] if len(other) == 1 else ""

    return called(TRAIN), called(VALID), called(TEST)


def _inner(part: Path) -> Path:
    """The folder of a part, also where all of it lies in a second folder of the same name, as Kaggle packs some."""
    return part / part.name if folders_in(part) == [part.name] else part


def _refuse_parts(folder: Path, tops: dict[str, Path]) -> None:
    """Refuse folders that are parts by their contents or their names, and would be taken for classes."""
    inner = {
        name: [each for each in folders_in(top) if any(map(is_image, files_below(top / each)))]
        for name, top in tops.items()
        if not any(entry.is_file() and is_image(entry.name) for entry in entries(top))
    }
    common, count = (Counter(each for names in inner.values() for each in names).most_common(1) or [("", 0)])[
        0
    ]
    words = [set(re.split(r"[\W_]+", name.lower())) for name, within in inner.items() if within]
    parted = any(each & {*TRAIN} for each in words) and any(each & {*VALID, *TEST} for each in words)
    if parted or (count > 1 and max(map(len, inner.values())) > 1):
        what = f"each with {common}/" if count > 1 else "without images of their own"
        raise BadData(
            f"{place(folder)}: {listed(sorted(inner))} look like parts, not classes ({what}); call them train/ and "
            f"val/ or test/: {LAYOUT}"
        )


def _divided(whole: Part, held_out: bool = False) -> Part:
    """The training or the held-out part of each class."""
    found: list[tuple[str, int]] = []
    for label in np.unique(whole.labels):
        rows = np.flatnonzero(whole.labels == label)
        first, rest = seeded_parts(len(rows), 1 - HELD_OUT if len(rows) > 1 else 1.0)
        found += [(whole.files[row], int(label)) for row in rows[rest if held_out else first]]
    if not found:
        raise BadData(
            f"{place(whole.files[0])}: the only image of its class, and none are held out; {LAYOUT}"
        )
    return _part(found)


def _part(found: list[tuple[str, int]]) -> Part:
    return Part([file for file, _ in found], np.array([label for _, label in found], dtype=np.int64))
