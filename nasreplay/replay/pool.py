"""The searches of a comparison, in worker processes or here, each into a part file."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nasreplay import own, search
from nasreplay.files.workers import Workers, known_to_workers
from nasreplay.replay.plan import Plan
from nasreplay.replay.tables import Tables
from nasreplay.runs import store
from nasreplay.search import driver
from nasreplay.signals import StopSignals


class Work(NamedTuple):
    """Replicas of one search."""

    dataset: str
    searcher: str
    replicas: range


def finish(tables: Tables, folder: Path, seed: int, work: list[Work], workers: Workers) -> Iterator[Work]:
    """Do the work, oracles last, and yield each when its file is there.

    Workers do not run the main script, so they cannot know a class of its own: that is searched with here.
    """
    plan = tables.plan
    work = sorted(work, key=lambda one: plan.is_oracle(plan.searcher(one.searcher)))
    kinds = {one.name: type(one) for one in plan.searchers}
    theirs = [one for one in work if known_to_workers(kinds[one.searcher])]
    if workers.jobs == 1 or len(theirs) < 2 or not known_to_workers(type(tables.space)):
        yield from _here(plan, folder, seed, work)
        return
    packed = _packed(tables, [kinds[name] for name in dict.fromkeys(one.searcher for one in theirs)])
    try:
        begun = workers.each(partial(_search_in_worker, own.every_file(), packed, folder, seed), theirs)
        yield from _here(plan, folder, seed, [one for one in work if one not in theirs])
        yield from (one for (one,), _ in begun)
    except BaseException:
        workers.kill()
        raise


def _here(plan: Plan, folder: Path, seed: int, work: Sequence[Work]) -> Iterator[Work]:
    if not work:
        return
    with StopSignals() as stop:  # also between two searches, where an interrupt may get lost
        for one in work:
            _search(plan, folder, seed, one)
            yield one
            if stop.asked:
                raise KeyboardInterrupt


def _packed(tables: Tables, kinds: list[type[search.Searcher]]) -> bytes:
    """What a worker must know: a space by being unpickled, these searchers, and the plan of them."""
    mine = tuple(one for one in tables.plan.searchers if type(one) in kinds)
    return pickle.dumps((tables.space, kinds, replace(tables.plan, searchers=mine)))


def _search_in_worker(
    files: Sequence[own.OwnFile], packed: bytes, folder: Path, seed: int, work: Work
) -> None:
    own.import_again(files)  # before anything of them is unpickled
    _, kinds, plan = pickle.loads(packed)  # of our own parent process, over its pipe
    for kind in kinds:
        search.register_searcher(kind)
    _search(plan, folder, seed, work)


def _search(plan: Plan, folder: Path, seed: int, work: Work) -> None:
    tables, searcher = Tables(plan), plan.searcher(work.searcher)
    table, budget = tables.seen_by(searcher, work.dataset), tables.budget(work.dataset)
    with own.blamed(type(searcher)):
        result = driver.run(searcher, table, budget, seed=seed, replicas=work.replicas)
    if not result.finished:
        raise KeyboardInterrupt
    path = store.part_path(folder, work.dataset, work.searcher, work.replicas.start)
    store.save_result(path, result, packed=False)  # soon it is in results.h5
