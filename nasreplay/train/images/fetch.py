"""The archives of CIFAR-10 and CIFAR-100: fetched when somebody asks for it, and unpacked where they lie."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData, BadOutput
from nasreplay.train.images.cache import announce
from nasreplay.train.images.cifar_pickles import LIMIT


def download(about: ImageFiles, root: Path) -> Path:
    """Fetch and unpack the archive of a published data set; its folder. Raises BadData or BadOutput, one line.

    Nothing is left, and no folder made, unless all went well.
    """
    import pooch

    announce(f"downloading {about.address} ({about.archive_bytes / 1e6:.0f} MB) into {root}")
    pooch.get_logger().setLevel("WARNING")  # it would say so, too
    there = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there) as scratch:
            archive = pooch.retrieve(about.address, f"md5:{about.archive_md5}", "archive", scratch)
            return _unpacked(about, Path(archive), Path(scratch), root)
    except ValueError:
        raise BadData(
            f"{about.address}: its md5 is not the published {about.archive_md5}; try again"
        ) from None
    except OSError as problem:
        if isinstance(problem, PermissionError) or not there.is_dir():
            raise BadOutput(f"{root}: cannot be written: {problem.strerror}; choose another --data") from None
        raise BadData(
            f"{about.folder} is not under {root} and {about.address} cannot be downloaded ({_reason(problem)}): "
            "unpack it there, or name its folder with --data"
        ) from None


def _reason(problem: OSError) -> str:
    """The cause at the bottom of an error of the network."""
    cause = getattr(problem.args[0], "reason", problem) if problem.args else problem
    return str(cause).split(": ", 1)[-1]


def unpack(about: ImageFiles, root: Path) -> Path | None:
    """The folder of an archive that lies under root, unpacked beside it; None where none lies there."""
    archive = root / os.path.basename(about.address)
    if not about.address or not archive.is_file():
        return None
    announce(f"unpacking {archive}")
    try:
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if digest != about.archive_md5:
            raise BadData(
                f"{archive}: md5 is {digest}, published is {about.archive_md5}: remove it, or get it again"
            )
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            return _unpacked(about, archive, Path(scratch), root)
    except OSError as problem:
        raise BadOutput(f"{root}: {archive.name} cannot be unpacked there: {problem.strerror}") from None


def _unpacked(about: ImageFiles, archive: Path, scratch: Path, root: Path) -> Path:
    """Move the published files of an archive, and nothing else of it, to root/FOLDER."""
    made = scratch / about.folder
    made.mkdir()
    try:
        with tarfile.open(archive) as content:
            for name in (*about.train, *about.test):
                member = content.getmember(f"{about.folder}/{name}")
                stream = content.extractfile(member) if member.isreg() and member.size <= LIMIT else None
                if stream is None:
                    raise BadData(f"{archive.name}: {member.name} is no file of at most {LIMIT:,} bytes")
                (made / name).write_bytes(stream.read())
    except (tarfile.TarError, EOFError, KeyError) as problem:
        raise BadData(f"{archive.name}: cannot be unpacked ({problem}); get it again") from None
    root.mkdir(parents=True, exist_ok=True)
    os.replace(made, root / about.folder)
    return root / about.folder
