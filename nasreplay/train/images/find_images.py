"""From a data set's name to its decoded arrays: where it may lie, in which layout, and how to get it.

A name is looked for under `--data DIR`, else under `$TORCH_HOME/cifar.python` (`~/.cache/torch` when TORCH_HOME is
not set): published files first, then an image folder of that name, then DIR itself as the image folder. CIFAR-10
and CIFAR-100 that are not there are downloaded into it from the University of Toronto; nothing else is.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData, BadOutput
from nasreplay.train.images.cache import Kept, announce, kept, listing
from nasreplay.train.images.image_folder import is_image_folder, read_folder
from nasreplay.train.images.published_files import PUBLISHED, read_digits, read_published

TINY = "tiny-imagenet-200"


class FoundImages(NamedTuple):
    """A decoded data set and where it came from."""

    kept: Kept
    """Its images, from the cache."""
    folder: Path | None
    """Folder of the files; None for a data set that a package carries."""
    official: bool
    """Whether these are the published files; False for an image folder."""


def find(name: str, data: Path | None = None) -> FoundImages:
    """Decode (or take from the cache) the data set of a name; raises BadData, UnsafePickle or BadOutput."""
    if name == "digits" and data is None:
        from importlib.metadata import version

        return FoundImages(kept("digits", f"scikit-learn {version('scikit-learn')}", read_digits), None, True)
    root = data or data_home()
    about = PUBLISHED.get(name)
    if about:
        folder = _published_folder(root, about)
        if folder:
            return _read(name, folder, about)
    folder = _image_folder(root, name)
    if folder:
        return FoundImages(kept(name, listing(folder), lambda: _announced(name, folder)), folder, False)
    if about and about.address and not (data and not data.is_dir()):
        return _read(name, download(about, root), about)
    raise BadData(_missing(name, root, data))


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


def _image_folder(root: Path, name: str) -> Path | None:
    names = (name, TINY) if name in ("tiny-imagenet", TINY) else (name,)
    for folder in (*(root / name for name in names), Path(name).expanduser(), root):
        # a folder given with --data is the data set itself, whatever its name
        if is_image_folder(folder):
            return folder
    return None


def _announced(name: str, folder: Path):
    announce(f"reading the images of {name} under {folder} (once; then from the cache)")
    return read_folder(folder)


def _missing(name: str, root: Path, data: Path | None) -> str:
    where = f"under {root}" if data is not None else f"under {root} (--data DIR names another folder)"
    if name in PUBLISHED:
        wanted = (
            f"{PUBLISHED[name].folder}/ with its published files, or an image folder {name}/train, {name}/val"
        )
    else:
        wanted = f"an image folder: {name}/train/CLASS/IMAGE and {name}/val or {name}/test"
    hint = "; digits needs no files" if name not in PUBLISHED else ""
    return f"data set {name!r} is not {where}: expected {wanted}{hint}"


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
