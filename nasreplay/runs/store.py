"""Results on disk: one part file per finished search, and the comparison that `results.h5` holds.

Both are HDF5 files that h5py opens as they are. Their first 512 bytes (HDF5's user block) carry the SHA-256
of the rest; it is checked before HDF5 sees a byte, so a file loads as it was written or not at all.

| path                            | what                                                                  |
| ------------------------------- | --------------------------------------------------------------------- |
| attribute `settings`            | JSON: seed, replicas, data sets, searchers, budgets, versions, …      |
| `results/<dataset>/<searcher>/` | arrays of `Result` in their smallest types, with `listed` where there |
|                                 | are no flat indices; the rest is in attributes                        |
| `tables/<dataset>/`             | `TableFacts`, so that a report can be made again without the table    |

A part file is the same with a single result. Slashes and percent signs in names are percent-encoded.
Shapes: A architectures of the space, R replicas, S recorded points.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h5py
import numpy as np

from nasreplay.errors import BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.hdf5 import Hdf5, Kind, put_text, reading
from nasreplay.files.hdf5_array import Array
from nasreplay.files.text import MB, check_regular, harmless, place
from nasreplay.runs.outside import check_result, check_table, checked_settings
from nasreplay.runs.result import ARRAYS, Comparison, Result, TableFacts
from nasreplay.settings import Json

FORMAT = "nasreplay-results/2"
READ = ("nasreplay-results/1", FORMAT)  # 1 called its flat arrays found, incumbent and evaluated
SEAL = 512  # bytes of the user block: "<format> sha256 <hex>" and a line end, then zeros
NOISY = ("clock", "evaluated_flat")  # nearly random bytes: compressing them costs most and gains least
_ARRAYS = (*ARRAYS, *(name.removesuffix("_flat") for name in ARRAYS), "listed")
_WRITTEN = re.compile(rf"results/[^/]+/[^/]+/({'|'.join(_ARRAYS)})|tables/[^/]+/(final_mean|test)")
WAY_OUT = "delete it and replay again"
_KIND = Kind("results file", BadOutput, WAY_OUT, missing="")
_TYPES = ("int8", "int16", "int32", "int64", "float32", "float64")
LARGEST = 2_000  # MB of a file; a seal over more takes too long to be checked
LIMIT = 128  # MB of numbers in memory
GROWTH = 5  # bytes in memory for a stored one, where that is more; a comparison of all searchers has 4
BLOCK = 2**22  # bytes of numbers that are packed at a time


def part_path(folder: str | Path, dataset: str, searcher: str, first: int = 0) -> Path:
    """Path of the part file of one search in a comparison's folder, of its replicas from number `first` on."""
    behind = f"--{first}" if first else ""
    return Path(folder) / "parts" / f"{_name(dataset)}--{_name(searcher)}{behind}.h5"


def save_result(path: str | Path, result: Result, *, packed: bool = True) -> None:
    """Write one result atomically. The same content gives the same bytes. Raises BadOutput."""
    write_comparison(path, [result], {}, {}, packed=packed)


def load_result(path: str | Path) -> Result:
    """Read what `save_result` wrote. Raises BadOutput for any other or changed file."""
    results = _read(Path(path)).results
    if len(results) != 1:
        raise BadOutput(f"{path}: holds {len(results)} results, a part file has one; {WAY_OUT}")
    return results[0]


def write_comparison(
    path: str | Path,
    results: Iterable[Result],
    tables: Mapping[str, TableFacts],
    settings: Mapping[str, Any],
    *,
    packed: bool = True,
) -> None:
    """Write a whole comparison atomically. The same content gives the same bytes. Raises BadOutput."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(
            f"{path.parent}: cannot be made: {problem.strerror}; choose another folder"
        ) from problem
    write_whole(path, _sealed(_image(list(results), tables, settings, packed)))


def read_comparison(path: str | Path) -> Comparison:
    """Read `results.h5` (or the one in a folder). Raises BadOutput for any other or changed file."""
    path = Path(path)
    return _read(path / "results.h5" if path.is_dir() else path)


# --- writing ---------------------------------------------------------------------------------------


def _image(
    results: list[Result], tables: Mapping[str, TableFacts], settings: Mapping[str, Any], packed: bool
) -> bytes:
    """The HDF5 file without its user block."""
    in_memory = {"driver": "core", "backing_store": False, "block_size": 2**22}
    # as in packs: this version of the file format checksums its own structures
    with h5py.File("results", "w", userblock_size=SEAL, libver=("v110", "v110"), **in_memory) as file:
        put_text(file, "settings", _json(settings))
        for position, result in enumerate(results):
            _put_result(file, result, packed).attrs["position"] = position
        for position, (dataset, facts) in enumerate(tables.items()):
            _put_table(file, dataset, facts).attrs["position"] = position
        file.flush()
        return file.id.get_file_image()


def _put_result(file: Any, result: Result, packed: bool) -> Any:
    group = file.create_group(f"results/{_name(result.dataset)}/{_name(result.searcher)}")
    for name in ("oracle", "finished", "wall_s"):
        group.attrs[name] = getattr(result, name)
    for name, text in {
        "searcher": result.searcher,
        "dataset": result.dataset,
        "settings": _json(result.settings),
    }.items():
        put_text(group, name, text)
    for name in ARRAYS:
        array = np.asarray(getattr(result, name))
        noisy = name in NOISY and bool(array.any())
        put_text(_put(group, name, array, packed and not noisy), "dtype", str(array.dtype))
    if result.listed is not None:
        _put(group, "listed", result.listed)
    return group


def _put_table(file: Any, dataset: str, facts: TableFacts) -> Any:
    group = file.create_group(f"tables/{_name(dataset)}")
    for name, text in {"dataset": dataset, "space": facts.space, "meaning": _json(facts.meaning)}.items():
        put_text(group, name, text)
    for name in ("optimum", "budget_s", "measured"):
        if (value := getattr(facts, name)) is not None:
            group.attrs[name] = value
    _put(group, "final_mean", facts.final_mean)
    if facts.test is not None:
        _put(group, "test", facts.test)
    return group


def _put(group: Any, name: str, array: np.ndarray, packed: bool = True) -> Any:
    array = _smallest(array)
    if not array.size:
        return group.create_dataset(name, data=array)
    chunks = (min(len(array), max(BLOCK // array[0].nbytes, 1)), *array.shape[1:])
    # not lzf: its output depends on what the memory held before
    filters: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    return group.create_dataset(name, data=array, chunks=chunks, **(filters if packed else {}))


def _smallest(array: np.ndarray) -> np.ndarray:
    """Integers in the smallest signed type that holds them all; anything else as it is."""
    if array.dtype.kind != "i" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    kinds = (np.int8, np.int16, np.int32, np.int64)
    return array.astype(next(k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max))


def _json(value: Mapping[str, Any]) -> str:
    def plain(item: Any) -> Any:
        return item.tolist() if isinstance(item, np.generic | np.ndarray) else str(item)

    return json.dumps(dict(value), default=plain, ensure_ascii=True)


def _name(text: str) -> str:
    # HDF5 and file systems both separate by slashes; "." alone means "here"
    return quote(text, safe=" ,;=+()[]@!") if text.strip(".") else text.replace(".", "%2E")


# --- the seal --------------------------------------------------------------------------------------


def _sealed(image: bytes) -> bytes:
    seal = f"{FORMAT} sha256 {hashlib.sha256(image).hexdigest()}\n"
    return seal.encode().ljust(SEAL, b"\0") + image


def _check_seal(path: Path, file_kind: Kind) -> None:
    try:
        check_regular(path, BadOutput)
        if path.stat().st_size > LARGEST * MB:
            raise BadOutput(f"{place(path)}: larger than {LARGEST:,} MB")
        with path.open("rb") as stream:
            words = stream.read(SEAL).rstrip(b"\0").split(b" ")
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise BadOutput(f"{place(path)}: no such file; {file_kind.missing}") from None
    except OSError as problem:
        raise BadOutput(f"{place(path)}: cannot be read: {problem.strerror}; check its permissions") from None
    kind, _, version = FORMAT.partition("/")
    if len(words) != 3 or not words[0].startswith(kind.encode() + b"/"):
        raise BadOutput(f"{path}: not a results file of nasreplay; name the folder of a replay (--out)")
    if words[0].decode("ascii", "replace") not in READ:
        raise BadOutput(f"{path}: of another format than {version}, which this version reads; {WAY_OUT}")
    if words[1:] != [b"sha256", f"{digest}\n".encode()]:
        raise BadOutput(f"{path}: truncated, damaged or changed (its checksum differs); {WAY_OUT}")


# --- reading ---------------------------------------------------------------------------------------


def _read(path: Path) -> Comparison:
    folder = path.parent if path.name == "results.h5" else path  # what is not there was meant as a folder
    kind = _KIND._replace(missing=f"`nasreplay replay --out {folder}` makes it")
    _check_seal(path, kind)
    with reading(path, kind) as file:
        _check_size(file, path.stat().st_size)
        datasets = [f"results/{name}" for name in file.names("results")]
        places = [f"{dataset}/{name}" for dataset in datasets for name in file.names(dataset)]
        tables = _in_order(file, [f"tables/{name}" for name in file.names("tables")])
        return Comparison(
            [_get_result(file, at) for at in _in_order(file, places)],
            dict(_get_table(file, at) for at in tables),
            checked_settings(file.json("", "settings", Json), "its settings"),
        )


def _check_size(file: Hdf5, file_bytes: int) -> None:
    """Raise ValueError for arrays that are not written here, and for more numbers than what is stored justifies."""
    memory = stored = block = 0
    for array in file.arrays():
        if not _WRITTEN.fullmatch(array.path):
            raise ValueError(f"{harmless(array.path)} is nothing that nasreplay writes")
        dtype = _dtype(file, array) if file.holds(array.path, "dtype") else array.dtype
        memory += math.prod(array.shape) * dtype.itemsize
        stored += array.data.get_storage_size()
        block = max(block, array.block_bytes)
    limit = max(LIMIT, GROWTH * min(stored, file_bytes) // MB)
    file.allow(memory, limit)
    if block > BLOCK:  # of a single replica, or crafted: it is there packed, unpacked and in order
        file.allow(memory + 3 * block, limit)


def _dtype(file: Hdf5, array: Array) -> np.dtype[Any]:
    """The type of an array before it was stored in the smallest one."""
    name = file.text(array.path, "dtype")
    if name not in _TYPES:
        raise ValueError(f"{array.path} says that it was of type {harmless(name)!r}")
    if array.dtype.kind != np.dtype(name).kind:
        raise ValueError(f"{array.path} holds other numbers than {name}")
    return np.dtype(name)


def _in_order(file: Hdf5, places: Iterable[str]) -> list[str]:
    return sorted(places, key=lambda at: file.whole(at, "position"))


def _get_result(file: Hdf5, at: str) -> Result:
    arrays = {}
    for name in ARRAYS:
        array = file.array(f"{at}/{name if file.has(f'{at}/{name}') else name.removesuffix('_flat')}")
        arrays[name] = array.read(_dtype(file, array))
    result = Result(
        searcher=harmless(file.text(at, "searcher")),
        dataset=harmless(file.text(at, "dataset")),
        oracle=bool(file.whole(at, "oracle")),
        finished=bool(file.whole(at, "finished")),
        wall_s=file.number(at, "wall_s"),
        settings=checked_settings(file.json(at, "settings", Json), f"the settings of {at}"),
        listed=file.read(f"{at}/listed") if file.has(f"{at}/listed") else None,
        **arrays,
    )
    check_result(result)
    return result


def _get_table(file: Hdf5, at: str) -> tuple[str, TableFacts]:
    facts = TableFacts(
        final_mean=file.read(f"{at}/final_mean"),
        test=file.read(f"{at}/test") if file.has(f"{at}/test") else None,
        space=harmless(file.text(at, "space")),
        budget_s=file.number(at, "budget_s") if file.holds(at, "budget_s") else None,
        measured=file.whole(at, "measured") if file.holds(at, "measured") else None,
        meaning=file.json(at, "meaning", dict[str, str]),
    )
    check_table(facts)
    return harmless(file.text(at, "dataset")), facts
