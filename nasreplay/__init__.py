"""nasreplay: one architecture-search algorithm, two worlds.

from nasreplay import load_table, search

table = load_table("cifar10")
result = search.run(search.make("rea"), table, search.Budget(evaluations=200), replicas=500, seed=0)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nasreplay._version import __version__

if TYPE_CHECKING:
    from nasreplay import search
    from nasreplay.evaluate.table.load import load_table
    from nasreplay.jobs.queries import query

__all__ = ["__version__", "load_table", "query", "search"]


def __getattr__(name: str) -> Any:
    # on demand: `nasreplay query` must not pay for searchers
    if name == "load_table":
        return importlib.import_module("nasreplay.evaluate.table.load").load_table
    if name == "query":
        return importlib.import_module("nasreplay.jobs.queries").query
    if name == "search":
        return importlib.import_module("nasreplay.search")
    raise AttributeError(f"module 'nasreplay' has no attribute {name!r}")
