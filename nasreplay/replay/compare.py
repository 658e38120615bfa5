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
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nasreplay import search
from nasreplay.errors import BadOutput, BadSetting, NasReplayError
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.files.lock import alone_in
from nasreplay.files.workers import start_worker
from nasreplay.replay.plan import Plan, departures, notes
from nasreplay.runs import store
from nasreplay.runs.folder import open_folder, versions
from nasreplay.runs.result import Result
from nasreplay.runs.store import Comparison, TableFacts
from nasreplay.search.driver import StopSignals, check

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
    Ctrl-C or SIGTERM what is finished is kept, written and returned; its settings["interrupted"] is True.
    """
    if plan.replicas < 1:
        raise BadSetting(f"replicas is {plan.replicas}: it must be at least 1")
    tables = {dataset: plan.evaluator(dataset) for dataset in plan.searched}
    pairs = [(dataset, name) for dataset in plan.searched for name in plan.searchers]
    for dataset, name in pairs:
        check(
            plan.searcher(name),
            plan.evaluator(dataset, name),
            plan.budget(tables[dataset]),
            range(plan.replicas),
        )
    with alone_in(folder):
        settings = open_folder(folder, _settings(plan, tables), {"command": command, "versions": versions()})
        seed = settings["seed"]
        missing = [pair for pair in pairs if _part(folder, seed, pair) is None]
        tell(len(pairs) - len(missing), len(pairs), "")
        interrupted = False
        try:
            with _sigterm_interrupts():
                for number, (dataset, name) in enumerate(_finish(plan, folder, seed, missing, jobs), 1):
                    tell(len(pairs) - len(missing) + number, len(pairs), f"{name} on {dataset}")
        except KeyboardInterrupt:
            interrupted = True
        results = [result for pair in pairs if (result := _part(folder, seed, pair))]
        settings |= {"notes": notes(plan, tables), "interrupted": interrupted}
        settings |= {"score": score or plan.rules.score, "printed": _printed(plan)}
        settings |= {"departures": departures(plan, tables, score)}
        facts = {dataset: _facts(plan, dataset, tables) for dataset in plan.datasets}
        if plan.rules.searched:
            results = [replace(result, dataset=dataset) for dataset in plan.datasets for result in results]
        store.write_comparison(folder / "results.h5", results, facts, settings)
        return store.read_comparison(folder)


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
    plan: Plan, folder: Path, seed: int, pairs: list[tuple[str, str]], jobs: int
) -> Iterator[tuple[str, str]]:
    """Run the pairs, longest kind first, and yield each when its file is there."""
    pairs = sorted(pairs, key=lambda pair: "slope" not in plan.searcher(pair[1]).needs)
    if jobs == 1 or len(pairs) < 2:
        with StopSignals() as stop:  # also between two searches, where an interrupt may get lost
            for pair in pairs:
                _run_pair(plan, folder, seed, pair)
                yield pair
                if stop.asked:
                    raise KeyboardInterrupt
        return
    pool = ProcessPoolExecutor(min(jobs, len(pairs)), get_context("spawn"), initializer=start_worker)
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


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """While it lasts, SIGTERM is a KeyboardInterrupt as Ctrl-C is: what is finished is kept."""
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
    """What they start with: one thread for matrix products (they share the cores), Ctrl-C held back."""
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
    table, budget = plan.evaluator(dataset, name), plan.budget(plan.evaluator(dataset))
    result = search.run(plan.searcher(name), table, budget, seed=seed, replicas=plan.replicas)
    if not result.finished:
        raise KeyboardInterrupt
    store.save_result(store.part_path(folder, dataset, name), result)
    return pair


# --- what is recorded and said ---------------------------------------------------------------------


def _settings(plan: Plan, tables: dict[str, TableEvaluator]) -> dict[str, Any]:
    chosen = {name: value for name, value in asdict(plan).items() if name != "changes"}
    return {
        **chosen,
        "searchers": {name: plan.searcher(name).settings() for name in plan.searchers},
        "budgets": {dataset: plan.budget(table).settings() for dataset, table in tables.items()},
        "table": plan.table or "embedded",
        "fingerprint": next(iter(tables.values())).source["fingerprint"],
    }


def _facts(plan: Plan, dataset: str, tables: dict[str, TableEvaluator]) -> TableFacts:
    table = tables.get(dataset) or plan.evaluator(dataset)
    return TableFacts(
        final_mean=table.final.mean,
        test=table.test,
        space=table.space.name,
        budget_s=plan.budget(tables[plan.rules.searched or dataset]).simulated_s,
        meaning=table.meaning,
    )


def _printed(plan: Plan) -> list[dict[str, Any]]:
    """The published rows of what was run, in the order of the report."""
    rows, space = plan.rules.rows, plan.evaluator(plan.searched[0]).space.name
    return [
        {"dataset": dataset, "searcher": name, **rows[space, name, dataset]._asdict()}
        for dataset in plan.datasets
        for name in plan.searchers
        if (space, name, dataset) in rows
    ]
