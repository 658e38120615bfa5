"""The searches of a comparison, in worker processes or here, each into a part file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from nasreplay import own, search
from nasreplay.errors import NasReplayError
from nasreplay.files.workers import known_to_workers, start_worker, without_main
from nasreplay.replay.plan import Plan
from nasreplay.replay.tables import Tables
from nasreplay.runs import store
from nasreplay.search import driver
from nasreplay.signals import StopSignals, held_back

INHERITED = {  # workers share the cores; memory that the C library keeps is not faulted in anew at every step
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": "32000000",
    "MALLOC_TRIM_THRESHOLD_": "128000000",
}


class Work(NamedTuple):
    """Replicas of one search."""

    dataset: str
    searcher: str
    replicas: range


def finish(tables: Tables, folder: Path, seed: int, work: list[Work], jobs: int) -> Iterator[Work]:
    """Do the work, oracles last, and yield each when its file is there.

    Workers do not run the main script, so they cannot know a class of its own: that is searched with here.
    """
    plan = tables.plan
    work = sorted(work, key=lambda one: plan.is_oracle(plan.searcher(one.searcher)))
    if not known_to_workers(type(tables.space)):
        jobs = 1
    kinds = {one.name: type(one) for one in plan.searchers}
    theirs = [one for one in work if known_to_workers(kinds[one.searcher])]
    if jobs == 1 or len(theirs) < 2:
        yield from _here(plan, folder, seed, work)
        return
    packed = _packed(tables, [kinds[name] for name in dict.fromkeys(one.searcher for one in theirs)])
    pool = ProcessPoolExecutor(min(jobs, len(theirs)), get_context("spawn"), initializer=start_worker)
    try:
        with _inherited_by_workers():
            running: list[Future[Work]] = [
                pool.submit(_search_in_worker, own.every_file(), packed, folder, seed, one) for one in theirs
            ]
        yield from _here(plan, folder, seed, [one for one in work if one not in theirs])
        yield from (done.result() for done in as_completed(running))
    except BaseException as problem:
        for process in list((pool._processes or {}).values()):  # files are atomic: killing is safe
            process.kill()
        if isinstance(problem, BrokenExecutor):
            raise NasReplayError(
                "a worker process died (out of memory?); what is finished is kept: run the same command "
                f"with --out {folder} --jobs 1 to continue"
            ) from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)


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
) -> Work:
    own.import_again(files)  # before anything of them is unpickled
    _, kinds, plan = pickle.loads(packed)  # of our own parent process, over its pipe
    for kind in kinds:
        search.register_searcher(kind)
    return _search(plan, folder, seed, work)


def _search(plan: Plan, folder: Path, seed: int, work: Work) -> Work:
    tables, searcher = Tables(plan), plan.searcher(work.searcher)
    table, budget = tables.seen_by(searcher, work.dataset), tables.budget(work.dataset)
    with own.blamed(type(searcher)):
        result = driver.run(searcher, table, budget, seed=seed, replicas=work.replicas)
    if not result.finished:
        raise KeyboardInterrupt
    path = store.part_path(folder, work.dataset, work.searcher, work.replicas.start)
    store.save_result(path, result)
    return work


@contextmanager
def _inherited_by_workers() -> Iterator[None]:
    """A context whose workers start with one thread for matrix products and keep their memory."""
    before = {name: os.environ.get(name) for name in INHERITED}
    os.environ.update(INHERITED)
    try:
        with held_back(), without_main():  # an interrupt would leave a worker half started
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
