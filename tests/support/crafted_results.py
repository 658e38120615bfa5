"""Results changed by somebody who knows the format: the seal fits, and only the reader's care protects."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from nasreplay.runs.store import FORMAT, SEAL, write_comparison
from tests.support import fabricate


def crafted(folder: Path, edit: Callable[[Any], object]) -> Path:
    """The results of a comparison with one thing changed, sealed again."""
    path = folder / "results.h5"
    made = fabricate.comparison(replicas=3, points=20, datasets=("cifar10",))
    write_comparison(path, made.results, made.tables, {"seed": 1, "searchers": {}, "datasets": []})
    with h5py.File(path, "r+") as file:
        edit(file)
    seal(path)
    return path


def seal(path: Path) -> None:
    """Make the seal that of what the file holds."""
    content = path.read_bytes()[SEAL:]
    first = f"{FORMAT} sha256 {hashlib.sha256(content).hexdigest()}\n".encode()
    path.write_bytes(first.ljust(SEAL, b"\0") + content)


def as_release_0_1(path: Path) -> Path:
    """The results as nasreplay 0.1.0 stored them: texts of variable length in a file without checksums."""
    old = path.with_name("old.h5")
    with (
        h5py.File(path, "r") as file,
        h5py.File(old, "w", userblock_size=SEAL, libver=("earliest", "v110")) as made,
    ):

        def copy(name: str, source: Any) -> None:
            if isinstance(source, h5py.Dataset):
                packing = {
                    key: getattr(source, key)
                    for key in ("chunks", "compression", "compression_opts", "shuffle")
                }
                target: Any = made.create_dataset(name, data=source[()], **packing)
            else:
                target = made.require_group(name)
            for key, value in source.attrs.items():
                target.attrs[key] = value.decode() if isinstance(value, bytes) else value

        copy("/", file)
        file.visititems(copy)
    seal(old)
    return old


def structure(path: Path) -> list[int]:
    """The places of all bytes behind the seal that are no packed numbers."""
    places = set(range(SEAL, path.stat().st_size))
    with h5py.File(path, "r") as file:

        def leave_out(_: str, data: Any) -> None:
            for number in range(
                data.id.get_num_chunks() if isinstance(data, h5py.Dataset) and data.chunks else 0
            ):
                chunk = data.id.get_chunk_info(number)
                places.difference_update(range(chunk.byte_offset, chunk.byte_offset + chunk.size))

        file.visititems(leave_out)
    return sorted(places)
