"""From a data set's name to its decoded arrays: where it may lie, in which layout, and how to get it.

A name is looked for under `--data DIR`, else under `$TORCH_HOME/cifar.python` (`~/.cache/torch` when TORCH_HOME is
not set): published files first, then an image folder of that name, then DIR itself as the image folder. CIFAR-10
and CIFAR-100 that are not there are downloaded into it from the University of Toronto; nothing else is.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from nasreplay.data.cards import CARDS
from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData, BadOutput
from nasreplay.train.images.cache import Kept, announce, kept, listing
from nasreplay.train.images.image_folder import is_image_folder, read_folder
from nasreplay.train.images.published_files import PUBLISHED, read_digits, read_published


class FoundImages(NamedTuple):
    """A decoded data set and where it came from."""

    kept: Kept
    """Images from the cache."""
    folder: Path | None
    """Folder of the files; None for a data set that a package carries."""
    official: bool
    """Whether these are the published files; False for an image folder."""


def find(name: str, data: Path | None = None) -> FoundImages:
    """Decode (or take from the cache) the data set of a name; raises BadData, UnsafePickle or BadOutput."""
    card = next((card for card in CARDS.values() if name in (card.name, *card.aliases)), None)
    if card and card.package and data is None:
        return FoundImages(kept(name, f"{card.package} {version(card.package)}", read_digits), None, True)
    root, about = data or data_home(), PUBLISHED.get(name)
    if about and (folder := _published_folder(root, about)):
        return _read(name, folder, about)
    if folder := _image_folder(root, dict.fromkeys((name, card.name if card else name))):
        return FoundImages(kept(name, listing(folder), lambda: _announced(name, folder)), folder, False)
    if about and about.address and not (data and not data.is_dir()):
        return _read(name, download(about, root), about)
    raise BadData(_missing(name, root, data, about))


def data_home() -> Path:
    """`$TORCH_HOME/cifar.python`, where the published scripts keep their data."""
    torch_home = os.environ.get("TORCH_HOME") or "~/.cache/torch"
    return Path(torch_home).expanduser() / "cifar.python"


def _published_folder(root: Path, about: ImageFiles) -> Path | None:
    """The folder that holds all the published files, or some: then a missing one is told by name."""
    files = (*about.train, *about.test)
    for folder in (root / about.folder, root):
        there = [name for name in files if (folder / name).is_file()]
        if len(there) == len(files) or (there and folder.name == about.folder):
            return folder
    return None


def _read(name: str, folder: Path, about: ImageFiles) -> FoundImages:
    return FoundImages(kept(name, listing(folder), lambda: read_published(folder, about)), folder, True)


def _image_folder(root: Path, names: Iterable[str]) -> Path | None:
    """The folder of the first name that is one."""
    first, *_ = named = [*names]
    for folder in (*(root / name for name in named), Path(first).expanduser(), root):
        # a folder given with --data is the data set itself, whatever its name
        if is_image_folder(folder):
            return folder
    return None


def _announced(name: str, folder: Path):
    announce(f"reading the images of {name} under {folder} (once; then from the cache)")
    return read_folder(folder)


def _missing(name: str, root: Path, data: Path | None, about: ImageFiles | None) -> str:
    where = f"under {root}" if data is not None else f"under {root} (--data DIR names another folder)"
    if about:
        wanted = f"{about.folder}/ with its published files, or an image folder {name}/train, {name}/val"
    else:
        carried = ", ".join(card.name for card in CARDS.values() if card.package)
        wanted = f"an image folder: {name}/train/CLASS/IMAGE and {name}/val or {name}/test; {carried} needs no files"
    return f"data set {name!r} is not {where}: expected {wanted}"


def download(about: ImageFiles, root: Path) -> Path:
    """Fetch and unpack the archive of a published data set; raises BadData in one line if that cannot be."""
    import pooch

    announce(f"downloading {about.address} into {root}")
    pooch.get_logger().setLevel("WARNING")  # it would say so, too
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            archive = pooch.retrieve(about.address, f"md5:{about.archive_md5}", "archive", scratch)
            with tarfile.open(archive) as content:  # pooch unpacks without this filter before Python 3.12
                content.extractall(scratch, filter="data")
            os.replace(Path(scratch) / about.folder, root / about.folder)
    except tarfile.TarError as problem:
        raise BadData(f"{about.address}: the archive cannot be unpacked ({problem})") from None
    except ValueError:
        raise BadData(
            f"{about.address}: its md5 is not the published {about.archive_md5}; try again"
        ) from None
    except OSError as problem:
        if isinstance(problem, PermissionError) or not root.is_dir():
            raise BadOutput(f"{root}: cannot be written: {problem.strerror}; choose another --data") from None
        raise BadData(
            f"{about.folder} is not under {root} and {about.address} cannot be downloaded ({problem}): "
            "unpack it there, or name its folder with --data"
        ) from None
    return root / about.folder
