"""The default `nasreplay replay` as a user runs it: wall seconds and peak memory of the whole process tree.

    python benchmarks/replay.py [any options of `nasreplay replay`]

Memory is the largest sum of resident sizes seen over the command and its workers, looked at 20 times a second;
pages that they share count once for each, so that the sum is an upper bound. The embedded table is built before.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from nasreplay.data.embedded import embedded_pack
from nasreplay.runs.store import read_comparison

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS, MOST_GB = 60, 1.0


def main() -> None:
    embedded_pack()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nasreplay", "replay", *sys.argv[1:], "--out", f"{folder}/run"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        start, peak = time.perf_counter(), 0
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                peak = max(peak, resident(process.pid))
                time.sleep(0.05)
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode:
            sys.exit(process.returncode)
        comparison = read_comparison(f"{folder}/run")
    spent: dict[str, float] = defaultdict(float)
    for result in comparison.results:
        spent[result.searcher] += result.wall_s
    print(
        f"nasreplay replay: {len(comparison.results)} searches of {comparison.settings['replicas']} replicas"
    )
    for name, wall in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:20} {wall:7.2f} s in its worker, over the data sets")
    print(f"  {'CPU, all processes':20} {used.ru_utime + used.ru_stime:7.2f} s (no target)")
    print(f"  {'all searchers':20} {sum(spent.values()):7.2f} s")
    print(
        f"wall {seconds:.1f} s, target ≤ {MOST_SECONDS} s: {'reached' if seconds <= MOST_SECONDS else 'MISSED'}"
    )
    gigabytes = peak / 1e9
    print(
        f"peak {gigabytes:.2f} GB, target ≤ {MOST_GB} GB: {'reached' if gigabytes <= MOST_GB else 'MISSED'}"
    )


def resident(pid: int) -> int:
    """Bytes of a process and its descendants."""
    total = 0
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main()
