"""Search checkpoints of AutoDL-Projects (`seed-S-basic.pth`), read as plain values: nothing in a file is executed.

torch's safe loader makes tensors and plain containers only. What else these files name (argument namespaces, paths,
NumPy scalars, cells) comes out as the inert stand-ins below; any other global is refused by name, its module is not
imported. A file of `checkpoint.save_checkpoint` with the same contents (`epoch`, `genotypes`, `args`) is read, too.
"""

from __future__ import annotations

import mmap
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nasreplay.errors import BadArchitecture, BadInput, UnsafePickle, shortened
from nasreplay.files.text import harmless
from nasreplay.spaces import TOPOLOGY, Architecture, Genotype
from nasreplay.spaces.genotypes.genotype import INPUTS
from nasreplay.spaces.genotypes.notation import from_mapping
from nasreplay.spaces.read import read
from nasreplay.train.checkpoint import DAMAGE, HOLLOW, check_parts, load_checkpoint
from nasreplay.train.images.cifar_pickles import NUMPY

LIMIT = 2**30  # bytes; a NASNet search writes about 20 MB
LACKS_ALL_EDGES = (
    "no all-edge genotype was recorded, as gradient searches of the NASNet spaces do after every epoch; "
    "`nasreplay convert GENOTYPE --to all-edge` writes one of two edges a node with all of them"
)
NUMBERS = {
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
}  # kinds that every operation knows, and that become weights without a loss of parts
WEIGHTS = ("search_model", "shared_cnn", "controller")  # state dicts of a search


class Recorded:
    """Stands for an object of a class of theirs: holds the attributes that it would have got."""

    fields: Mapping[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.fields = state if isinstance(state, dict) else {}


def _path(*parts: Any) -> str:
    return "/".join(map(str, parts)).replace("//", "/")


STAND_INS: dict[tuple[str, str], Any] = {
    ("argparse", "Namespace"): Recorded,
    ("xautodl.models.cell_searchs.genotypes", "Structure"): Recorded,
    ("models.cell_searchs.genotypes", "Structure"): Recorded,  # before May 2021
    **{
        (module, name): _path
        for module in ("pathlib", "pathlib._local")
        for name in ("Path", "PosixPath", "WindowsPath")
    },
    **NUMPY,
}


class FoundCell(NamedTuple):
    """What a search found."""

    cell: Genotype | Architecture
    """The genotype, or the architecture of a benchmark's space."""
    dataset: str
    """The data set that it was searched on; "" if unknown."""
    where: str
    """Point of the search at which it was found, in words."""
    space: str = ""
    """The space that was searched, as searches of our own name it; else ""."""
    searcher: str = ""
    """The searcher, as searches of our own name it; else ""."""
    data: str = ""
    """Folder of the images, as searches of our own record it; else ""."""


def found_in(content: Any, path: Path, which: str = "last", all_edges: bool = False) -> FoundCell:
    """The cell of what `load_foreign` read: of the last finished epoch, or of the `best`. Raises BadInput.

    all_edges: the genotype that keeps every edge, where the cell is a genotype.
    """
    if not isinstance(content, dict) or "genotypes" not in content:
        weights = (
            isinstance(content, dict)
            and content
            and all(isinstance(each, Tensor) for each in content.values())
        )
        held = f"{len(content):,} tensors of weights" if weights else _listed(content)
        raise BadInput(
            f"{path}: no search checkpoint, it has no genotypes but {held}; the genotype stands in the search's log "
            "(give the file, its last one is read), in its genotypes.py (FILE:NAME), or in its search checkpoint"
        )
    try:
        at = "best" if which == "best" else content["epoch"] - 1
        if at not in content["genotypes"]:
            raise BadInput(f"{path}: has no genotype {shortened(at)}, but {_listed(content['genotypes'])}")
        cell = _cell(content["genotypes"][at])
        if all_edges and isinstance(cell, Genotype):
            if at not in (kept := dict(content.get("genotypes_all_edges") or {})):
                raise BadInput(LACKS_ALL_EDGES)
            cell = _cell(kept[at])
        _check_weights(content, cell)
    except BadInput as problem:
        raise type(problem)(f"{path}: {str(problem).removeprefix(f'{path}: ')}") from None
    except (*DAMAGE, RecursionError) as problem:
        raise BadInput(f"{path}: damaged: {_brief(problem)}") from None
    dataset, *about = _named(content.get("args"), "dataset", "space", "searcher", "data")
    about = about if about[1] else []  # another program's words mean other folders
    return FoundCell(cell, dataset, "the best epoch" if at == "best" else f"epoch {at + 1}", *about)


def load_foreign(path: Path) -> Any:
    """The contents of a torch file, tensors on the CPU; raises UnsafePickle or BadInput. At most LIMIT bytes."""
    try:
        check_size(path)
        named: list[Any] = [(stand_in, ".".join(place)) for place, stand_in in STAND_INS.items()]
        with torch.serialization.safe_globals(named), warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a malformed file can raise almost anything
        if refused := re.search(r"GLOBAL ([\w.]+)", str(problem)):
            raise UnsafePickle(
                f"{path}: asks for {refused[1]}, which no checkpoint holds; nothing was executed"
            ) from None
        known = isinstance(problem, pickle.UnpicklingError)  # whose text advises to load the file unsafely
        told = "it is no file of PyTorch" if known else _brief(problem)
        raise BadInput(f"{path}: not a checkpoint, or damaged ({told})") from None
    ours = isinstance(content, dict) and content.keys() == {"json", "tensors"}
    return load_checkpoint(path) if ours else content


def check_size(path: Path) -> None:
    """Raise ValueError for files too large to read; a zip file must also be whole and must not unpack to more."""
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
            if size <= LIMIT:
                check_parts(parts)
    elif 0 < size <= LIMIT:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(HOLLOW) >= 0:
                raise ValueError("it asks for a bytearray, which no checkpoint holds")
    if size > LIMIT:
        raise ValueError(f"{size:,} bytes, more than {LIMIT:,}")


def _cell(value: Any) -> Genotype | Architecture:
    if isinstance(value, Recorded):
        nodes = value.fields.get("nodes")
        return Architecture(TOPOLOGY, TOPOLOGY.from_lists(nodes if isinstance(nodes, list) else []))
    if isinstance(value, str):
        return read(value)
    return from_mapping(value)


def _check_weights(content: Mapping[str, Any], cell: Genotype | Architecture) -> None:
    """Raise BadInput for weights that are no numbers, and for logits of another cell than the found one."""
    edges = len(TOPOLOGY.options)
    if isinstance(cell, Genotype):
        edges = sum(range(INPUTS, INPUTS + len(cell.normal.nodes)))
    for name, values in _tensors(content):
        check_tensor(name, values, "search")
        if name.startswith("search_model.arch_") and (values.ndim != 2 or len(values) != edges):
            raise BadArchitecture(
                f"{name} has the shape {list(values.shape)}; the found cell's has {edges} rows"
            )


def check_tensor(name: str, values: Tensor, what: str) -> None:
    """Raise BadInput for a tensor that is not plainly stored or no number; `what` should have written it."""
    strange = values.layout != torch.strided or values.device.type != "cpu" or values.is_nested
    if strange or values.dtype not in NUMBERS:
        raise BadInput(f"{name} is no plain array of numbers")
    if values.numel() * values.element_size() > values.untyped_storage().nbytes():
        raise BadInput(f"{name} claims the shape {list(values.shape)}, which is more than the file holds")
    if values.is_floating_point() and not values.isfinite().all():
        raise BadInput(f"{name} holds NaN or infinity: this {what} has failed")


def _tensors(content: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for part in WEIGHTS:
        for name, values in dict(content.get(part) or {}).items():
            if isinstance(values, Tensor):
                yield f"{part}.{name}", values


def _named(arguments: Any, *names: str) -> list[str]:
    """The arguments of these names, "" for those that are missing."""
    fields = arguments.fields if isinstance(arguments, Recorded) else arguments
    told = [fields.get(name) if isinstance(fields, Mapping) else "" for name in names]
    return [one if isinstance(one, str) else "" for one in told]


def _listed(content: Any) -> str:
    if not isinstance(content, Mapping):
        return type(content).__name__
    return (
        ", ".join(
            shortened(key) if not isinstance(key, str) else harmless(key, 40) for key in list(content)[:12]
        )
        or "nothing"
    )


def _brief(problem: BaseException) -> str:
    return harmless(" ".join(str(problem).split()), 100) or type(problem).__name__
