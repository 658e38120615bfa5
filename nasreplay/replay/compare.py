"""Replay: run searchers on a table's data sets, many replicas each, in worker processes, into one folder.

Every finished (data set, searcher) pair is a file of its own, written atomically, so that a run may be killed at
any moment and continued; at the end they become one results.h5.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nasreplay import search
from nasreplay.errors import BadOutput, BadSetting, NasReplayError
from nasreplay.files.lock import alone_in
from nasreplay.files.workers import start_worker
from nasreplay.replay.plan import Plan
from nasreplay.replay.protocols import protocol_named
from nasreplay.replay.tables import Tables, departures, notes
from nasreplay.runs import store
from nasreplay.runs.folder import open_folder, versions
from nasreplay.runs.result import Comparison, Result
from nasreplay.search.driver import StopSignals, validate
from nasreplay.spaces import Space

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def compare(
    plan: Plan,
    folder: Path,
    *,
    command: str = "",
    jobs: int = 1,
    score: str | None = None,
    tell: Callable[[int, int, str], None],
) -> Comparison:
    """Run what the folder does not hold yet, and write results.h5. `tell(done, total, what)` follows progress.

    score: how reports score it, None as the protocol does.

    A folder of the same plan is continued with its recorded seed; another plan is refused (BadOutput). On
    Ctrl-C or SIGTERM what is finished is kept, written and returned, marked as interrupted.
    """
    tables, rules = Tables(plan), plan.rules
    pairs = [(dataset, name) for dataset in tables.searched for name in plan.names]
    for dataset, name in pairs:
        searcher = plan.searcher(name)
        validate(searcher, tables.seen_by(searcher, dataset), tables.budget(dataset), range(plan.replicas))
    with alone_in(folder):
        settings = open_folder(folder, _settings(tables), {"command": command, "versions": versions()})
        seed = settings["seed"]
        missing = [pair for pair in pairs if _part(folder, seed, pair) is None]
        tell(len(pairs) - len(missing), len(pairs), "")
        interrupted = False
        try:
            with _sigterm_interrupts():
                for number, (dataset, name) in enumerate(_finish(tables, folder, seed, missing, jobs), 1):
                    tell(len(pairs) - len(missing) + number, len(pairs), f"{name} on {dataset}")
        except KeyboardInterrupt:
            interrupted = True
        results = [result for pair in pairs if (result := _part(folder, seed, pair))]
        if rules.searched:
            results = [replace(result, dataset=dataset) for dataset in tables.datasets for result in results]
        score = score or rules.score
        settings |= {"notes": notes(tables), "interrupted": interrupted, "score": score}
        settings |= {"departures": departures(tables, score)}
        facts = {dataset: tables.facts(dataset) for dataset in tables.datasets}
        store.write_comparison(folder / "results.h5", results, facts, settings)
        return read(folder)


def read(place: Path) -> Comparison:
    """The comparison that a folder or its results.h5 holds, with the published rows of its protocol.

    Raises BadOutput, or BadSetting for the results of one search.
    """
    found = store.read_comparison(place)
    if not found.tables or "seed" not in found.settings:
        raise BadSetting(f"{place} holds one search, not a comparison; --redraw takes the folder of a replay")
    rules = protocol_named(found.settings.get("protocol", "plain"))
    space = next(iter(found.tables.values())).space
    rows = rules.published(space, [*found.tables], [*found.settings["searchers"]])
    return replace(found, published=rows, checks=rules.checks)


def _part(folder: Path, seed: int, pair: tuple[str, str]) -> Result | None:
    """A finished pair's result; None if it is not there, damaged, or of another run."""
    path = store.part_path(folder, *pair)
    if not path.exists():
        return None
    with suppress(BadOutput):
        result = store.load_result(path)
        if result.settings.get("seed") == seed:
            return result
    return None


# --- the work --------------------------------------------------------------------------------------


def _finish(
    tables: Tables, folder: Path, seed: int, pairs: list[tuple[str, str]], jobs: int
) -> Iterator[tuple[str, str]]:
    """Run the pairs, oracles last, and yield each when its file is there."""
    plan = tables.plan
    pairs = sorted(pairs, key=lambda pair: plan.is_oracle(plan.searcher(pair[1])))
    if jobs == 1 or len(pairs) < 2:
        with StopSignals() as stop:  # also between two searches, where an interrupt may get lost
            for pair in pairs:
                _run_pair(plan, folder, seed, pair)
                yield pair
                if stop.asked:
                    raise KeyboardInterrupt
        return
    known = tables.pack.space, [search.SEARCHERS[name] for name in plan.names]
    pool = ProcessPoolExecutor(
        min(jobs, len(pairs)), get_context("spawn"), initializer=_start_worker, initargs=known
    )
    try:
        with _inherited_by_workers():
            running = [pool.submit(_run_pair, plan, folder, seed, pair) for pair in pairs]
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


def _start_worker(space: Space, searchers: list[type[search.Searcher]]) -> None:
    """Know what this process has registered: a space by being unpickled, searchers here."""
    start_worker()
    for searcher in searchers:
        search.register_searcher(searcher)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """A context in which SIGTERM is a KeyboardInterrupt as Ctrl-C is: what is finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _inherited_by_workers() -> Iterator[None]:
    """A context whose workers start with one thread for matrix products (they share the cores), Ctrl-C held back."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    mask = getattr(signal, "pthread_sigmask", None)  # not on Windows
    with StopSignals() as stop:  # an interrupt would leave a worker half started
        blocked = mask(signal.SIG_BLOCK, {signal.SIGINT}) if mask else None
        try:
            yield
        finally:
            if mask:
                mask(signal.SIG_SETMASK, blocked)
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    if stop.asked:
        raise KeyboardInterrupt


def _run_pair(plan: Plan, folder: Path, seed: int, pair: tuple[str, str]) -> tuple[str, str]:
    dataset, name = pair
    tables, searcher = Tables(plan), plan.searcher(name)
    table, budget = tables.seen_by(searcher, dataset), tables.budget(dataset)
    result = search.run(searcher, table, budget, seed=seed, replicas=plan.replicas)
    if not result.finished:
        raise KeyboardInterrupt
    store.save_result(store.part_path(folder, dataset, name), result)
    return pair


def _settings(tables: Tables) -> dict[str, Any]:
    """Settings that a continued replay must have in common."""
    return {
        **tables.plan.plain(),
        "datasets": tables.datasets,
        "budgets": {dataset: tables.budget(dataset).settings() for dataset in tables.searched},
        "table": tables.plan.table or "embedded",
        "fingerprint": tables.pack.fingerprint,
    }
