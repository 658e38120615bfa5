"""The calls of the official NATS-Bench package (version 1.8) over our packs, archive folders and dictionaries.

    from nasreplay.compat.nats_bench import create      # instead of: from nats_bench import create

See docs/coming-from-nats-bench.md for every call, and for the few deliberate differences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, overload

from nasreplay.compat.nats_bench.api_size import NATSsize
from nasreplay.compat.nats_bench.api_topology import NATStopology
from nasreplay.compat.nats_bench.results import ArchResults, ResultsCount
from nasreplay.data.pack import Pack
from nasreplay.errors import UnknownName
from nasreplay.spaces.size import WIDTHS
from nasreplay.spaces.topology import OPERATIONS

__all__ = [
    "ArchResults",
    "NATSsize",
    "NATStopology",
    "ResultsCount",
    "create",
    "search_space_info",
    "version",
]

NATS_BENCH_API_VERSIONs = [f"v1.{minor}" for minor in range(9)]
NATS_BENCH_TSS_NAMEs = ("tss", "topology")
NATS_BENCH_SSS_NAMEs = ("sss", "size")


def version() -> str:
    """The version of the official package whose answers these are."""
    return NATS_BENCH_API_VERSIONs[-1]


Given = str | Path | Pack | dict[str, Any] | None


@overload
def create(
    file_path_or_dict: Given,
    search_space: Literal["tss", "topology"],
    fast_mode: bool = ...,
    verbose: bool = ...,
) -> NATStopology: ...
@overload
def create(
    file_path_or_dict: Given, search_space: Literal["sss", "size"], fast_mode: bool = ..., verbose: bool = ...
) -> NATSsize: ...
@overload
def create(
    file_path_or_dict: Given, search_space: str, fast_mode: bool = ..., verbose: bool = ...
) -> NATStopology | NATSsize: ...
def create(
    file_path_or_dict: Given,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
) -> NATStopology | NATSsize:
    """Open a table: an archive folder or its one-file form, a pack (path or name), a dictionary like it, or None.

    `search_space`: `tss` or `topology`, `sss` or `size`. `fast_mode`: archive folders need it, and the one-file form
    must not have it; with a pack it only says whether architectures count as loaded from the start. The one-file form
    is converted once to a pack in the cache folder. None is the archive in `$TORCH_HOME`, else `$HOME/.torch`, or a
    pack made of it. Raises ValueErrors.
    """
    if search_space in NATS_BENCH_TSS_NAMEs:
        return NATStopology(file_path_or_dict, fast_mode, verbose)
    if search_space in NATS_BENCH_SSS_NAMEs:
        return NATSsize(file_path_or_dict, fast_mode, verbose)
    known = ", ".join((*NATS_BENCH_TSS_NAMEs, *NATS_BENCH_SSS_NAMEs))
    raise UnknownName(f"invalid search space : {search_space}; known: {known}")


def search_space_info(main_tag: str, aux_tag: str | None) -> dict[str, Any]:
    """`op_names` and `num_nodes`, or `candidates` and `num_layers` of a space. ValueError for other tags."""
    topology = {"op_names": list(OPERATIONS), "num_nodes": 4}
    if main_tag == "nas-bench-201":
        if aux_tag is not None:
            raise UnknownName("For NAS-Bench-201, the auxiliary tag should be None.")
        return topology
    if main_tag != "nats-bench":
        raise UnknownName(f"Unknown main tag: {main_tag}; known: nats-bench, nas-bench-201")
    if aux_tag in NATS_BENCH_TSS_NAMEs:
        return topology
    if aux_tag in NATS_BENCH_SSS_NAMEs:
        return {"candidates": list(WIDTHS), "num_layers": 5}
    raise UnknownName(f"Unknown auxiliary tag: {aux_tag}; known: tss, topology, sss, size")
