"""From a data set's name to its images: where they may lie, and in which layout.

A name is looked for under `--data DIR`, else under `$TORCH_HOME/cifar.python` (`~/.cache/torch` when TORCH_HOME is
not set; ImageNet beside it): published files first, then their archive, then an image folder of that name, then DIR
itself as the image folder. Any other word is the path of an image folder. A folder is what it contains: one that
holds published files is that data set, any other is a data set of its own, whatever it is called. A list that divides
an image folder (`split_list`) stands for the folder anywhere.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from nasreplay.data.cards import CARDS, DatasetCard
from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData, choices
from nasreplay.files.text import harmless, place
from nasreplay.train.images.cache import Kept, announce, kept
from nasreplay.train.images.fetch import download, unpack
from nasreplay.train.images.files_in_folders import stamp
from nasreplay.train.images.image_folder import LAYOUT, ImageFolder, is_image_folder
from nasreplay.train.images.pixels import read_folder
from nasreplay.train.images.published_files import PUBLISHED, Decoded, read_digits, read_published
from nasreplay.train.images.split_list import image_listing, is_split_list


class Place(NamedTuple):
    """The place of a data set."""

    name: str
    """Name of the built-in data set, or of one's own."""
    folder: Path | None
    """Folder of the files, absolute; None for a data set that a package carries."""
    files: ImageFiles | None = None
    """The published files that it holds; None for an image folder."""


class FoundImages(NamedTuple):
    """A decoded data set and where it came from."""

    kept: Kept
    """Images from the cache."""
    place: Place
    """Its place."""

    @property
    def official(self) -> bool:
        """Whether these are the published images; False for an image folder."""
        return self.place.folder is None or self.place.files is not None


def find(name: str, data: Path | None = None, fetch: bool = False) -> FoundImages:
    """Decode (or take from the cache) the data set of a name; raises BadData, UnsafePickle or BadOutput.

    data: the folder to look in; fetch: download published files that are not there. Of several processes rank 0
    looks, fetches and decodes.
    """
    from nasreplay.train.distributed import process_group

    group = process_group()
    place = group.broadcast(lambda: locate(name, data, fetch))
    found = _read(place) if group.is_rank_zero else None
    group.broadcast(lambda: None)  # the others find what rank 0 has kept
    return FoundImages(found or _read(place), place)


def locate(name: str, data: Path | None = None, fetch: bool = False) -> Place:
    """The place of a named data set. Raises BadData where there is none, or BadOutput."""
    card = card_named(name)
    if card is None:
        return _own(name, data)
    if card.package and data is None:
        return Place(card.name, None)
    root, about = data or data_home(card), PUBLISHED.get(card.name)
    if is_split_list(root):
        return Place(card.name, root.resolve())
    if about and (folder := _published(root, about) or unpack(about, root)):
        return Place(card.name, folder.resolve(), about)
    names = {name, card.name, card.folder or name}
    for folder in (*(root / each for each in sorted(names)), root):
        if is_image_folder(folder, parts=folder.name not in names):
            return Place(card.name, folder.resolve())
    if about and about.address and fetch:
        return Place(card.name, download(about, root).resolve(), about)
    raise BadData(_missing(card, root, data, about))


def card_named(name: str) -> DatasetCard | None:
    """The card of a built-in data set's name or alias."""
    return next((card for card in CARDS.values() if card.is_named(name)), None)


def data_home(card: DatasetCard | None = None) -> Path:
    """`$TORCH_HOME/cifar.python`, where the published scripts keep small images; ImageNet lies beside it."""
    torch_home = Path(os.environ.get("TORCH_HOME") or "~/.cache/torch").expanduser()
    return torch_home if card and card.streaming else torch_home / "cifar.python"


def _own(name: str, data: Path | None) -> Place:
    """The image folder of a path, or of a name under `data`; `data` itself may be it."""
    root = data or data_home()
    places = [root / name, Path(name).expanduser(), *([data] if data else [])]
    for folder in places:
        if is_split_list(folder):
            return Place(_own_name(folder.with_suffix("")), folder.resolve())
        for known, about in PUBLISHED.items():
            if folder != root and (held := _published(folder, about)):
                return Place(known, held.resolve(), about)
        if is_image_folder(folder, parts=folder == data and folder.name != name):
            folder = folder.resolve()
            return Place(_own_name(folder), folder)
    if there := next((folder for folder in places[:2] if folder.is_dir()), None):
        raise BadData(f"{place(there)}: holds no images that can be read: {LAYOUT}, or CLASS/IMAGE")
    raise BadData(
        f"data set {harmless(name, 4096)!r} is not under {root} and no folder here: expected the path of an image "
        f"folder with train/CLASS/IMAGE and val/CLASS/IMAGE, or a name{choices(name, CARDS)}"
        + (
            "; of images that were moved, --data FOLDER says where they are"
            if Path(name).is_absolute()
            else ""
        )
    )


def _own_name(folder: Path) -> str:
    """A name that tables and run folders can have, and that no built-in data set has."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._") or "images"
    return f"{name}-folder" if card_named(name) else name


def _published(root: Path, about: ImageFiles) -> Path | None:
    """The folder that holds all the published files, or some: then a missing one is told by name."""
    files = (*about.train, *about.test)
    for folder in (root / about.folder, root):
        there = [name for name in files if (folder / name).is_file()]
        if len(there) == len(files) or (there and folder.name == about.folder):
            return folder
    return None


def _read(place: Place) -> Kept:
    folder, about = place.folder, place.files
    if folder is None:
        package = CARDS[place.name].package
        return kept(place.name, f"{package} {version(package)}", read_digits)
    if about:
        listing = "\n".join(stamp(folder / file) for file in (*about.train, *about.test))
        return kept(place.name, listing, lambda: read_published(folder, about))
    listed = image_listing(folder)
    return kept(place.name, listed.listing(), lambda: _announced(place.name, listed))


def _announced(name: str, listed: ImageFolder) -> Decoded:
    announce(f"reading the images of {name} under {listed.folder} (once; then from the cache)")
    return read_folder(listed)


def _missing(card: DatasetCard, root: Path, data: Path | None, about: ImageFiles | None) -> str:
    other = "" if data else ", --data DIR names another folder"
    if about and about.address:
        command = f"nasreplay data fetch {card.name}" + (f" --data {data}" if data else "")
        return (
            f"data set {card.name!r} is not under {root}: `{command}` gets it ({about.archive_bytes / 1e6:.0f} MB), "
            f"--download does so here{other}"
        )
    wanted = f"an image folder {card.folder or card.name}/ with train/CLASS/IMAGE and val/ or test/"
    files = f"{about.folder}/ with its published files, or " if about else ""
    return f"data set {card.name!r} is not under {root}{other}: expected {files}{wanted}"
