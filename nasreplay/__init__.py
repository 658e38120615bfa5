"""nasreplay: one architecture-search algorithm, two worlds.

The public page; each name is imported when it is first used. The commands as functions, with the commands' options as
keywords: `query`, `replay`, `search`, `fork`, `compare_runs`, `explain`, `retrain`, `tabulate`, `gap`. What they are
made of: `load_table`, `search.make`, `search.run`, `Space`, `Evaluator`, `Searcher`.

import nasreplay

found = nasreplay.search("rea", evaluations=200, seed=0, out=Path("run"))

table = nasreplay.load_table("cifar10")
result = nasreplay.search.run(nasreplay.search.make("rea"), table, nasreplay.search.Budget(evaluations=200), seed=0)
"""

import _signal  # pyright: ignore[reportMissingImports]
import os
import sys


def _leave(number: int, _frame: object) -> None:
    if os.environ.get("RANK", "0") == "0":
        os.write(2, b"nasreplay: interrupted\n")
    os._exit(128 + number)


# Until `nasreplay.signals` takes over, in a process of the command alone: Ctrl-C in the first import would be a
# traceback. So nothing is imported before this but what is built in. A signal that is ignored stays so.
if sys.orig_argv[1:3] == ["-m", "nasreplay"] or "".join(sys.orig_argv[1:2]).endswith("/nasreplay"):
    for _number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(_number) != _signal.SIG_IGN:
            _signal.signal(_number, _leave)

from nasreplay._version import __version__  # noqa: E402

TYPE_CHECKING = False  # as typing's, which takes long to import
if TYPE_CHECKING:
    from typing import Any

    from nasreplay import evaluate, models, replay, search
    from nasreplay.evaluate.protocol import Evaluator
    from nasreplay.evaluate.table.load import load_table
    from nasreplay.jobs.comparison import merge
    from nasreplay.jobs.explanation import explain
    from nasreplay.jobs.forks import fork
    from nasreplay.jobs.forks.compare_runs import compare_runs
    from nasreplay.jobs.queries import query
    from nasreplay.jobs.searches.gaps import gap
    from nasreplay.jobs.tabulation import tabulate
    from nasreplay.jobs.training import retrain
    from nasreplay.search.base import Searcher
    from nasreplay.spaces.base import Space
    from nasreplay.spaces.registry import register_space

_FROM = {  # on demand: `nasreplay query` must not pay for searchers
    "Evaluator": "evaluate.protocol",
    "Searcher": "search.base",
    "Space": "spaces.base",
    "compare_runs": "jobs.forks.compare_runs",
    "explain": "jobs.explanation",
    "fork": "jobs.forks",
    "gap": "jobs.searches.gaps",
    "load_table": "evaluate.table.load",
    "merge": "jobs.comparison",
    "query": "jobs.queries",
    "register_space": "spaces.registry",
    "retrain": "jobs.training",
    "tabulate": "jobs.tabulation",
}
_PACKAGES = ("evaluate", "models", "replay", "search")  # of which all but models can be called, too

__all__ = [
    "Evaluator",
    "Searcher",
    "Space",
    "__version__",
    "compare_runs",
    "evaluate",
    "explain",
    "fork",
    "gap",
    "load_table",
    "merge",
    "models",
    "query",
    "register_space",
    "replay",
    "retrain",
    "search",
    "tabulate",
]


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _FROM:
        from nasreplay._callable import in_python_words

        found = getattr(import_module(f"nasreplay.{_FROM[name]}"), name)
        globals()[name] = found if isinstance(found, type) else in_python_words(found)
        return globals()[name]
    if name in _PACKAGES:
        return import_module(f"nasreplay.{name}")
    raise AttributeError(f"module 'nasreplay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
