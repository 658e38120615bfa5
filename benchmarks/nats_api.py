"""The official NATS-Bench calls over a pack, beside the official package (nats_bench), in one run.

    python benchmarks/nats_api.py [--archive DIR] [--cells 64]

DIR is a topology archive folder (`…-simple`); without it a synthetic one of a few cells is made. The pack holds all
15,625 cells: cell i has the numbers of the archive's cell i mod n, and the official side is asked for that one, so
that both answer from the same table. All files are read before the clock starts: the official package at its best.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats_bench
import numpy as np
from make_archive import make

from nasreplay import load_table, search
from nasreplay.compat.nats_bench import create
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.data.importers.nats.archive import open_archive
from nasreplay.data.importers.nats.archive_to_pack import convert
from nasreplay.data.pack import Pack, index_columns, write_pack
from nasreplay.data.pack.layout import recipe_of
from nasreplay.replay.budgets import SECONDS
from nasreplay.spaces import TOPOLOGY

ROOT = Path(__file__).resolve().parents[1]
REPLICAS, LOOPED, ROUNDS = 500, 5, 5
QUESTIONS = 2_000_000
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The official calls over a pack beside the official package."
    )
    parser.add_argument("--archive", type=Path, help="an official topology archive folder")
    parser.add_argument(
        "--cells", type=int, default=64, help="of a synthetic archive, and of a large one at most"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = chosen.archive or make(TOPOLOGY, Path(folder), list(range(chosen.cells)))
        small = convert(
            open_archive(archive), Path(folder) / "few.h5", curves=False, jobs=1, allow_missing=True
        ).pack
        measured = np.flatnonzero(np.isfinite(small.column("cifar10/200/params")).any(axis=1))[: chosen.cells]
        pack = tiled(small, measured, Path(folder) / "all.h5")
        official: Any = nats_bench.create(str(archive), "tss", fast_mode=True, verbose=False)
        held = TOPOLOGY.flat_to_official[measured].tolist()
        for index in held:
            official.get_more_info(index, "cifar10")
        print(f"{'what':44} {'nasreplay':>14} {'nats_bench':>14} {'ratio':>9}  target")
        single_calls(pack, official, held)
        batched(pack)
        evolution(pack, official, held)
        opening(pack.path)
        memory(pack.path)


def tiled(small: Pack, measured: np.ndarray, path: Path) -> Pack:
    """A pack of all cells: the numbers of the measured ones over and over."""
    rows = measured[np.arange(TOPOLOGY.size) % len(measured)]
    index = index_columns(TOPOLOGY)
    columns = {name: small.column(name) for name in small.columns if name not in index}
    columns = {name: each if name.endswith("/seeds") else each[rows] for name, each in columns.items()}
    recipes = dict.fromkeys(filter(None, map(recipe_of, columns)))
    return write_pack(
        path,
        TOPOLOGY,
        columns,
        title="some cells over and over",
        source=small.source,
        licence=small.licence,
        epochs={each: small.recipes(each.split("/")[0])[each.split("/")[1]] for each in recipes},
        sets={each: [name for name in small.sets(*each.split("/")) if name != "train"] for each in recipes},
    )


def row(what: str, ours: str, other: str, ratio: float | None, target: str, reached: bool = True) -> None:
    shown = "" if ratio is None else f"{ratio:.1f}"
    print(f"{what:44} {ours:>14} {other:>14} {shown:>9}  {target}{'' if reached else '  MISSED'}", flush=True)


# --- one call --------------------------------------------------------------------------------------


def single_calls(pack: Pack, official: Any, held: list[int]) -> None:
    """Cached calls, in turns."""
    ours = create(pack, "tss", fast_mode=True, verbose=False)
    for hp, target in (("12", 20), ("200", 500)):
        for call, least in (("simulate_train_eval", target), ("get_more_info", 0), ("get_cost_info", 0)):
            times = []
            for _ in range(ROUNDS + 1):
                few = 500 if hp == "12" else 60
                times.append([_each(ours, call, hp, held, 20_000), _each(official, call, hp, held, few)])
            _compared(f"{call}, {hp} epochs, cached", times[1:], least)


def _each(api: Any, call: str, hp: str, held: list[int], count: int) -> float:
    """Seconds of one call, over so many."""
    ask, asked = getattr(api, call), [held[place % len(held)] for place in range(count)]
    return _seconds(lambda: [ask(index, "cifar10", hp=hp) for index in asked]) / count


def _compared(what: str, times: list[list[float]], least: float) -> None:
    ratio = statistics.median(other / mine for mine, other in times)
    mine, other = (statistics.median(column) for column in zip(*times, strict=True))
    target = f"≥ {least} × faster" if least else ""
    row(what, f"{mine * 1e6:.2f} µs", f"{other * 1e6:.0f} µs", ratio, target, ratio >= least)


def _seconds(call: Callable[[], Any]) -> float:
    gc.disable()
    start = time.perf_counter()
    call()
    spent = time.perf_counter() - start
    gc.enable()
    return spent


# --- many ------------------------------------------------------------------------------------------


def batched(pack: Pack) -> None:
    """Simulations of random cells in one call."""
    asked, draw = Measurements(pack), np.random.default_rng(0)
    flat, uniform = draw.integers(0, TOPOLOGY.size, QUESTIONS), draw.random(QUESTIONS)
    for what, trial in (("a drawn trial each", "drawn"), ("mean over trials", "mean")):
        asked.simulate("cifar100", flat[:10], "200", None, trial, uniform[:10])
        times = [
            _seconds(lambda trial=trial: asked.simulate("cifar100", flat, "200", None, trial, uniform))
            for _ in range(ROUNDS)
        ]
        speed = QUESTIONS / statistics.median(times) / 1e6
        row(f"batched simulate, {what}", f"{speed:.1f} M/s", "", None, "≥ 5 M/s", speed >= 5)


def evolution(pack: Pack, official: Any, held: list[int]) -> None:
    """Regularized evolution with the published budget: 500 replicas at once beside 5 runs of a loop, extrapolated."""
    seconds = SECONDS["topology", "cifar10"]
    table = load_table("cifar10", table=pack, recipe="12", trial="drawn")
    times, asked = [], []
    for seed in range(ROUNDS + 1):
        start = time.perf_counter()
        result = search.run(
            search.make("rea"), table, search.Budget(simulated_s=seconds), seed=seed, replicas=REPLICAS
        )
        ours, start = time.perf_counter() - start, time.perf_counter()
        looped = [_evolve(official, held, seconds) for _ in range(LOOPED)]
        times.append([ours, (time.perf_counter() - start) * REPLICAS / LOOPED])
        asked.append((result.evaluations.mean(), statistics.fmean(looped)))
    ratio = statistics.median(other / mine for mine, other in times[1:])
    mine, other = (statistics.median(column) for column in zip(*times[1:], strict=True))
    what = f"{REPLICAS} REA runs of {seconds:,.0f} s"
    row(what, f"{mine * 1e3:.0f} ms", f"{other:.1f} s", ratio, "≥ 500 × faster", ratio >= 500)
    first, second = (statistics.fmean(column) for column in zip(*asked, strict=True))
    row("  evaluations in a run", f"{first:.0f}", f"{second:.0f}", None, "the same work")


def _evolve(official: Any, held: list[int], seconds: float) -> int:
    """One run by calls of the official package; returns its evaluations."""
    official.reset_time()
    population: deque[tuple[float, tuple[int, ...]]] = deque()
    asked = 0
    while official.used_time < seconds:
        if len(population) < 10:
            cell = tuple(random.choices(range(5), k=6))
        else:
            _, parent = max(random.choices(population, k=3), key=lambda member: member[0])
            cell = _mutant(parent)
            population.popleft()
        flat = int("".join(map(str, cell)), 5)
        accuracy, *_ = official.simulate_train_eval(held[flat % len(held)], "cifar10", hp="12")
        population.append((accuracy, cell))
        asked += 1
    return asked


def _mutant(parent: tuple[int, ...]) -> tuple[int, ...]:
    node = random.randrange(3)
    edge = (0, 1, 3)[node] + random.randrange(node + 1)
    other = random.choice([code for code in range(5) if code != parent[edge]])
    return (*parent[:edge], other, *parent[edge + 1 :])


# --- whole processes -------------------------------------------------------------------------------


def opening(path: Path) -> None:
    """From a path to the first answer, imports done."""
    script = f"""
import time
from nasreplay.compat.nats_bench import create
start = time.perf_counter()
create({str(path)!r}, "tss", fast_mode=True, verbose=False).simulate_train_eval(5, "cifar10", hp="200")
print(time.perf_counter() - start)
"""
    times = [float(_run(script)) for _ in range(ROUNDS)]
    seconds = statistics.median(times)
    row("open the pack and answer once", f"{seconds * 1e3:.0f} ms", "", None, "≤ 50 ms", seconds <= 0.05)


def memory(path: Path) -> None:
    """Of a whole process that has asked for every cell, on every data set and at both recipes."""
    script = f"""
import psutil
from nasreplay.compat.nats_bench import create
api = create({str(path)!r}, "tss", fast_mode=True, verbose=False)
for index in range(len(api)):
    for hp in ("12", "200"):
        for dataset in {DATASETS!r}:
            api.simulate_train_eval(index, dataset, hp=hp)
            api.get_more_info(index, dataset, hp=hp, is_random=False)
print(psutil.Process().memory_info().rss / 1e6)
"""
    megabytes = float(_run(script))
    row(
        "memory after asking for every cell",
        f"{megabytes:.0f} MB",
        "about 30 GB",
        None,
        "≤ 150 MB",
        megabytes <= 150,
    )


def _run(script: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
