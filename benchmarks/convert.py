"""What converting an official archive costs, and what comes of it, beside only decompressing its files.

    python benchmarks/convert.py [ARCHIVE] [--jobs 2] [--count 512]

ARCHIVE is a folder NATS-…-simple; without it a synthetic one of the topology space is made (make_archive.py).
The ratio is of CPU seconds of all processes, for others may use this machine too. An archive with a part of the files
is scaled up to all; what a conversion costs whatever their number (columns of the whole space) is measured with 32
files and not scaled. Decompression is measured again before every row.
"""

from __future__ import annotations

import argparse
import bz2
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from make_archive import make

from nasreplay.data.official import Archive, open_archive
from nasreplay.spaces import TOPOLOGY

FEW = 32
TARGETS = {"curves": 800, "float32": 400, "no curves": 30}  # MB, of the topology space
OPTIONS = {"curves": [], "float32": ["--float32-curves"], "no curves": ["--no-curves"]}


class Cost(NamedTuple):
    cpu_s: float
    wall_s: float


def timed(call: Callable[[], object]) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.perf_counter() - start)


def decompress(files: list[Path]) -> int:
    return sum(len(bz2.decompress(file.read_bytes())) for file in files)


def only_decompress(files: list[Path], jobs: int) -> None:
    parts = [files[start : start + 256] for start in range(0, len(files), 256)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        list(pool.map(decompress, parts))


def converted(archive: Path, out: Path, jobs: int, options: list[str]) -> tuple[Cost, int]:
    """The cost of `nasreplay data convert`, and the most memory that its processes have together, MB."""
    command = [sys.executable, "-c", _CONVERT.format(jobs=jobs), "data", "convert", str(archive)]
    command += ["--out", str(out), "--jobs", str(jobs), "--allow-missing", *options]
    told = ""

    def run() -> None:
        nonlocal told
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return timed(run), int(told.split()[-1]) * 1024 // 10**6


# the parent, and as many children as there are jobs
_CONVERT = """
import resource, sys
from nasreplay.cli.main import main
try:
    main()
except SystemExit as end:
    status = end.code
parent, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(parent + {jobs} * child)
sys.exit(status)
"""


def part_of(archive: Archive, folder: Path) -> Path:
    """An archive with a few of the files, as links."""
    part = folder / archive.name
    part.mkdir(parents=True)
    flat = [number for number in archive.space.flat_to_official.tolist() if number in archive.files]
    for file in [archive.path / "meta.pickle.pbz2", *(archive.files[number] for number in flat[:FEW])]:
        (part / file.name).symlink_to(file.resolve())
    return part


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--count", type=int, default=512, help="files of the synthetic archive")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = TOPOLOGY.flat_to_official[: chosen.count].tolist()
        path = chosen.archive or make(TOPOLOGY, Path(folder), numbers, jobs=chosen.jobs)
        measure(open_archive(path), Path(folder), chosen.jobs)


def scaled(few: Cost, whole: Cost, further: float) -> Cost:
    return Cost(*(a + (b - a) * further for a, b in zip(few, whole, strict=True)))


def measure(archive: Archive, folder: Path, jobs: int) -> None:
    files, size = list(archive.files.values()), archive.space.size
    part = part_of(archive, folder / "part")
    further = (size - FEW) / (len(files) - FEW)  # what is there already times this is still to come
    print(f"{archive.name}: {len(files):,} of {size:,} files, {jobs} processes; scaled to all")
    print(f"{'what':<12}{'CPU s':>8}{'wall s':>8}{'ratio':>7}{'MB':>8}{'memory MB':>11}  target")
    for name, options in OPTIONS.items():
        few, whole = (
            timed(lambda files=files: only_decompress(files, jobs)) for files in (files[:FEW], files)
        )
        base = scaled(few, whole, further)
        print(f"{'bz2 alone':<12}{base.cpu_s:>8.0f}{base.wall_s:>8.0f}{1:>7.2f}")
        few, memory = converted(part, folder / "few.h5", jobs, options)
        few_bytes = (folder / "few.h5").stat().st_size
        whole, memory = converted(archive.path, folder / "whole.h5", jobs, options)
        whole_bytes = (folder / "whole.h5").stat().st_size
        cost = scaled(few, whole, further)
        megabytes = (few_bytes + (whole_bytes - few_bytes) * further) / 1e6
        ratio = cost.cpu_s / base.cpu_s
        reached = ratio <= 1.3 and memory <= 1000 and (size > 20_000 or megabytes <= TARGETS[name])
        goal = f"≤ 1.3 × bz2, ≤ {TARGETS[name]} MB, memory ≤ 1000 MB{'' if reached else '  MISSED'}"
        print(
            f"{name:<12}{cost.cpu_s:>8.0f}{cost.wall_s:>8.0f}{ratio:>7.2f}{megabytes:>8.0f}{memory:>11}  {goal}"
        )


if __name__ == "__main__":
    main()
