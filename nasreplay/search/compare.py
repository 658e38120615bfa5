"""Replay: run searchers on a table's data sets, many replicas each, in worker processes, into one folder.

Every finished (data set, searcher) pair is a file of its own, written atomically, so that a run may be killed at
any moment and continued; at the end they become one results.h5.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from nasreplay import search
from nasreplay.errors import BadOutput, BadSetting, NasReplayError
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.load import load_table
from nasreplay.evaluate.protocol import MEAN
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.runs import store
from nasreplay.runs.folder import alone_in, open_folder, versions
from nasreplay.runs.result import Result
from nasreplay.runs.store import Comparison, TableFacts
from nasreplay.search.driver import StopSignals, check
from nasreplay.search.published import time_budget

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Plan:
    """What to replay. Everything here but `jobs` decides the numbers and is recorded.

    searchers: names; changes: searcher name → hyper-parameters; table: None is the embedded one; budget_s,
    evaluations: per replica, None for the published (or scaled) time budget.
    """

    searchers: tuple[str, ...]
    datasets: tuple[str, ...]
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    table: str | None = None
    recipe: str | None = None
    trial: int | str = "drawn"
    gradient: str = "exact"
    samples: int = 6
    replicas: int = 500
    budget_s: float | None = None
    evaluations: int | None = None
    seed: int = -1

    def evaluator(self, dataset: str) -> TableEvaluator:
        """The table of one data set."""
        return load_table(
            dataset,
            table=self.table,
            recipe=self.recipe,
            trial=self.trial,
            gradient=self.gradient,
            samples=self.samples,
        )

    def budget(self, table: TableEvaluator) -> Budget:
        """Per replica on one data set."""
        if self.budget_s is None and self.evaluations is None:
            return Budget(simulated_s=time_budget(table).seconds)
        return Budget(simulated_s=self.budget_s, evaluations=self.evaluations)

    def searcher(self, name: str) -> search.Searcher:
        """One searcher with its table defaults and the changes."""
        return search.make(name, self.changes.get(name))


def compare(
    plan: Plan, folder: Path, *, command: str = "", jobs: int = 1, tell: Callable[[str, int, int], None]
) -> Comparison:
    """Run what the folder does not hold yet, and write results.h5. `tell(what, done, total)` follows progress.

    A folder of the same plan is continued with its recorded seed; another plan is refused (BadOutput). On
    KeyboardInterrupt what is finished is kept, written and returned; its settings["interrupted"] is True.
    """
    if plan.replicas < 1:
        raise BadSetting(f"replicas is {plan.replicas}: it must be at least 1")
    tables = {dataset: plan.evaluator(dataset) for dataset in plan.datasets}
    pairs = [(dataset, name) for dataset in plan.datasets for name in plan.searchers]
    for dataset, name in pairs:
        check(plan.searcher(name), tables[dataset], plan.budget(tables[dataset]), range(plan.replicas))
    with alone_in(folder):
        settings = open_folder(folder, _settings(plan, tables), {"command": command, "versions": versions()})
        seed = settings["seed"]
        missing = [pair for pair in pairs if _part(folder, seed, pair) is None]
        tell("", len(pairs) - len(missing), len(pairs))
        interrupted = False
        try:
            for number, (dataset, name) in enumerate(_finish(plan, folder, seed, missing, jobs), 1):
                tell(f"{name} on {dataset}", len(pairs) - len(missing) + number, len(pairs))
        except KeyboardInterrupt:
            interrupted = True
        results = [result for pair in pairs if (result := _part(folder, seed, pair))]
        settings = {**settings, "notes": notes(plan, tables), "interrupted": interrupted}
        facts = {dataset: _facts(plan, table) for dataset, table in tables.items()}
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
        for pair in pairs:
            _run_pair(plan, folder, seed, pair)
            yield pair
        return
    pool = ProcessPoolExecutor(min(jobs, len(pairs)), get_context("spawn"), initializer=_worker)
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


def _worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for ever."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)


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
    table = plan.evaluator(dataset)
    result = search.run(plan.searcher(name), table, plan.budget(table), seed=seed, replicas=plan.replicas)
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


def _facts(plan: Plan, table: TableEvaluator) -> TableFacts:
    return TableFacts(
        final_mean=table.final.mean,
        test=table.test,
        space=table.space.name,
        budget_s=plan.budget(table).simulated_s,
        meaning=table.meaning,
    )


def notes(plan: Plan, tables: dict[str, TableEvaluator]) -> list[str]:
    """What a reader must know of the numbers: accuracies and clock of each data set, then the settings."""
    groups: dict[str, list[str]] = {}
    for dataset, table in tables.items():
        groups.setdefault(f"{_accuracy_note(plan, table)}\n{_clock_note(plan, table)}", []).append(dataset)
    alike = len(groups) == 1
    lines = [
        line if alike else f"{', '.join(datasets)}: {line}"
        for text, datasets in groups.items()
        for line in text.split("\n")
    ]
    return [*lines, _settings_note(plan)]


def _accuracy_note(plan: Plan, table: TableEvaluator) -> str:
    told = {"drawn": "one drawn trial", "mean": "the mean over trials"}.get(
        str(plan.trial), f"trial {plan.trial}"
    )
    if table.levels[-1].seeds.tolist() == [MEAN]:
        told = "the source's average"
    text = (
        f"Table: {table.source['table']}. A search is told {told} at {table.levels[-1].at}; "
        f"the score is the mean over trials at {table.final.at}."
    )
    return text if table.test is not None else f"{text} No test accuracy: the table holds none."


def _clock_note(plan: Plan, table: TableEvaluator) -> str:
    text = "Clock: none, for the table lacks training seconds."
    if "clock" in table.abilities:
        text = f"Clock: training seconds; evaluation seconds {table.source['evaluation_seconds']}."
    if plan.budget_s is None and plan.evaluations is None:
        text += f" Budgets: {time_budget(table).words}."
    if "bohb" in plan.searchers and len(table.levels) == 1:
        text += " bohb: one rung (model only), for the table has one fidelity."
    slopes = [name for name in plan.searchers if "slope" in plan.searcher(name).needs]
    if slopes and plan.gradient == "exact":
        text += (
            " oracle: its slope reads the whole table; it costs nothing, ends by its steps, is not ranked."
        )
    return text


def _settings_note(plan: Plan) -> str:
    """The settings that are not the published ones, searchers with equal ones together."""
    groups: dict[str, list[str]] = {}
    for name in plan.searchers:
        published = search.make(name, preset="published").settings()
        changed = {k: v for k, v in plan.searcher(name).settings().items() if v != published[k]}
        if changed:
            groups.setdefault(", ".join(f"{key} {value}" for key, value in changed.items()), []).append(name)
    texts = (f"{', '.join(names)}: {changed}" for changed, names in groups.items())
    return f"Table settings: {'; '.join(texts)}. All others: published." if groups else "Settings: published."
