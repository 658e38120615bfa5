"""Replay: run searchers on a table's data sets, many replicas each, in worker processes, into one folder.

Every finished search is a file of its own, written atomically, so that a run may be killed at any moment and
continued; at the end they become one results.h5. A finished folder grows in the same way.
"""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nasreplay import own
from nasreplay.errors import BadOutput, BadSetting
from nasreplay.files.lock import alone_in
from nasreplay.files.workers import HERE, Workers
from nasreplay.replay.growth import Held, Pair, check_agrees, completed, recorded, write_header
from nasreplay.replay.plan import Plan
from nasreplay.replay.pool import Work, finish
from nasreplay.replay.protocols import protocol_named
from nasreplay.replay.tables import Tables, caveats, departures, notes
from nasreplay.runs import store
from nasreplay.runs.folder import versions
from nasreplay.runs.result import Comparison, Result
from nasreplay.search.driver import validate
from nasreplay.seeds import root_seed
from nasreplay.signals import interrupt

TOLD = ("notes", "caveats", "interrupted", "score", "departures")
"""Settings in results.h5 that are not in run.json: what reports say."""


def compare(
    plan: Plan,
    folder: Path,
    *,
    command: str = "",
    workers: Workers = HERE,
    score: str | None = None,
    tell: Callable[[int, int, str], None],
) -> Comparison:
    """Run what the folder does not hold yet, and write results.h5. `tell(done, total, what)` follows progress.

    score: how reports score it, None as the protocol does.

    A folder that holds a comparison is continued, with its recorded seed, and grows by the plan's searchers, data
    sets and replicas; where other settings differ it is refused (BadOutput). On Ctrl-C or SIGTERM what is finished is
    kept, written and returned, marked as interrupted.
    """
    own.refuse_in_import("a comparison")
    header = recorded(folder)
    tables = Tables(completed(plan, header))
    settings = settings_of(tables)
    if header is not None:
        settings = check_agrees(folder, header, settings)
    pairs = [(dataset, name) for dataset in tables.searched for name in settings["searchers"]]
    _check(tables, pairs)
    with alone_in(folder):
        if recorded(folder) != header:
            raise BadOutput(f"{folder}: another process has written here: try again")
        if settings != header:
            facts = {"command": _commands(header, command), "versions": versions()}
            settings |= {"seed": root_seed(settings["seed"]), **facts}
            write_header(folder, settings)
        held = Held(folder, settings["seed"])
        found = {pair: held.of(pair) for pair in pairs}
        work = _missing(tables, found, folder)
        tell(len(pairs) - len(work), len(pairs), "")
        interrupted = False
        try:
            with _sigterm_interrupts():
                for number, done in enumerate(finish(tables, folder, settings["seed"], work, workers), 1):
                    tell(len(pairs) - len(work) + number, len(pairs), f"{done.searcher} on {done.dataset}")
                    pair = done.dataset, done.searcher
                    found[pair] = held.of(pair)  # now, while others are searched
        except KeyboardInterrupt:
            interrupted = True
            found = {pair: held.of(pair) for pair in pairs}  # also what came to its end meanwhile
        return _assembled(tables, settings, held, found, score, interrupted)


def _check(tables: Tables, pairs: list[Pair]) -> None:
    """Raise what makes one of the searches impossible."""
    plan = tables.plan
    for dataset, name in pairs:
        if name in plan.names:
            searcher = plan.searcher(name)
            table, budget = tables.seen_by(searcher, dataset), tables.budget(dataset)
            validate(searcher, table, budget, range(plan.every_replica))


def _missing(tables: Tables, found: Mapping[Pair, Result | None], folder: Path) -> list[Work]:
    """The searches, or their last replicas, that are not there. Raises BadSetting for one that nobody knows."""
    every = tables.plan.every_replica
    held = {pair: len(result.found_flat) if result else 0 for pair, result in found.items()}
    work = [Work(dataset, name, range(count, every)) for (dataset, name), count in held.items()]
    work = [one for one in work if one.replicas]
    for one in work:
        if one.searcher not in tables.plan.names:
            raise BadSetting(
                f"{one.searcher} on {one.dataset} is missing, and the class of {one.searcher} is not known here, or "
                f"has changed: name it, too, as in `nasreplay replay my.py:NAME --out {folder}`"
            )
    return work


def _assembled(
    tables: Tables,
    settings: dict[str, Any],
    held: Held,
    found: Mapping[Pair, Result | None],
    score: str | None,
    interrupted: bool,
) -> Comparison:
    """Write results.h5 out of what is there, unless it stands, and remove the parts that are in it."""
    rules, folder = tables.rules, held.folder
    results = [result for result in found.values() if result]
    if rules.searched:
        results = [replace(result, dataset=dataset) for dataset in tables.datasets for result in results]
    score = score or rules.score
    settings = told(tables, settings, score or rules.score) | {"interrupted": interrupted}
    facts = {dataset: tables.facts(dataset) for dataset in tables.datasets}
    if settings != held.settings or any(pair not in held.whole for pair in found):
        store.write_comparison(folder / "results.h5", results, facts, settings)
    shutil.rmtree(folder / "parts", ignore_errors=True)
    return _beside_published(Comparison(results, facts, settings))


def told(tables: Tables, settings: dict[str, Any], score: str) -> dict[str, Any]:
    """The settings with what reports say of them, as JSON values."""
    words = {
        "notes": notes(tables),
        "caveats": caveats(tables),
        "interrupted": False,
        "score": score,
        "departures": departures(tables, score),
    }
    return json.loads(json.dumps(settings | words))


def read(place: Path) -> Comparison:
    """The comparison that a folder or its results.h5 holds, with the published rows of its protocol.

    Raises BadOutput, or BadSetting for the results of one search.
    """
    found = store.read_comparison(place)
    if not (found.tables and {"seed", "searchers"} <= found.settings.keys()):
        raise BadSetting(f"{place} holds one search, not a comparison; --redraw takes the folder of a replay")
    return _beside_published(found)


def _beside_published(found: Comparison) -> Comparison:
    rules = protocol_named(found.settings.get("protocol") or "plain")
    space = next(iter(found.tables.values())).space
    rows = rules.published(space, [*found.tables], [*found.settings["searchers"]])
    return replace(found, published=rows, checks=rules.checks)


def write(comparison: Comparison, folder: Path) -> None:
    """Write a comparison as a folder that `compare` continues. Raises BadOutput."""
    store.write_comparison(folder / "results.h5", comparison.results, comparison.tables, comparison.settings)
    header = {name: value for name, value in comparison.settings.items() if name not in TOLD}
    write_header(folder, header)


def is_of(plan: Plan, header: dict[str, Any]) -> bool:
    """Whether a folder with this header is of just this plan, neither more nor less."""
    settings = settings_of(Tables(completed(plan, None)))
    return all(header.get(name) == value for name, value in settings.items())


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """A context in which SIGTERM is a KeyboardInterrupt as Ctrl-C is: what is finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _commands(header: dict[str, Any] | None, command: str) -> str:
    """The command lines that made a folder, each as it was typed, joined as a shell runs them."""
    before = header.get("command", "") if header else ""
    return " && ".join(filter(None, (before, command)))


def settings_of(tables: Tables) -> dict[str, Any]:
    """Settings that a continued replay must have in common, as JSON values."""
    files = {one.name: own.file_of(type(one)) for one in tables.plan.searchers}
    kinds = {one.name: type(one).__qualname__ for one in tables.plan.searchers}
    mine = {
        name: {"file": file.path, "class": kinds[name], "sha256": file.sha256}
        for name, file in files.items()
        if file
    }
    settings = {
        **tables.plan.plain(),
        "datasets": tables.datasets,
        "budgets": {dataset: tables.budget(dataset).settings() for dataset in tables.searched},
        "table": tables.origin[0],
        "fingerprint": tables.origin[1],
        **({"own": mine} if mine else {}),
    }
    return json.loads(json.dumps(settings))
