"""What converting an official archive costs, and what comes of it, beside only decompressing its files.

    python benchmarks/convert.py [ARCHIVE] [--jobs 2] [--files 512] [--cache DIR] [--one-file]

ARCHIVE is a folder NATS-…-simple; without it a synthetic one of the topology space is made (make_archive.py), once
if --cache names a folder to keep it in: --files 15625 needs 1.2 GB there. An archive with a part of the files is
scaled up to all; what a conversion costs whatever their number is measured with 32 files and not scaled.
Decompression is measured again before every row. Ratios are of CPU and of wall seconds of all processes; the limit
is for CPU seconds where others use this machine too. Memory is the most that all processes had together, pages that
they share counted in each. With --one-file the same as a single file, too (2 MB of memory per file to make).
"""

from __future__ import annotations

import argparse
import bz2
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import psutil
from make_archive import make, make_one_file

from nasreplay.data.importers.nats.archive import ENDING, Archive, open_archive
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
    command = [sys.executable, "-m", "nasreplay", "data", "convert", str(archive), "--out", str(out)]
    command += ["--jobs", str(jobs), "--allow-missing", *options]
    most = 0

    def run() -> None:
        nonlocal most
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                most = max(most, memory_of(process.pid))
                time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")

    return timed(run), most // 10**6


def memory_of(pid: int) -> int:
    """Bytes that a process and its children have now."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


def part_of(archive: Archive, folder: Path) -> Path:
    """An archive with a few of the files, as links."""
    part = folder / archive.name
    part.mkdir(parents=True)
    flat = [number for number in archive.space.flat_to_official.tolist() if number in archive.files]
    few = (Path(str(archive.files[number])) for number in flat[:FEW])
    for file in (archive.path / f"meta{ENDING}", *few):
        (part / file.name).symlink_to(file.resolve())
    return part


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--files", type=int, default=512, help="of the synthetic archive")
    parser.add_argument("--cache", type=Path, help="where the synthetic archive is kept")
    parser.add_argument("--one-file", action="store_true", help="measure the single file, too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.archive or kept(chosen.cache or Path(folder), chosen.files, chosen.jobs)
        archive = open_archive(path)
        measure(archive, Path(folder), chosen.jobs)
        if chosen.one_file:
            measure_one_file(make_one_file(archive.space, Path(folder), sorted(archive.files)), chosen.jobs)


def kept(cache: Path, count: int, jobs: int) -> Path:
    """The synthetic archive with so many files, made if it is not there whole."""
    numbers, folder = TOPOLOGY.flat_to_official[:count].tolist(), cache / f"topology-{count}"
    archive = folder / "NATS-tss-synthetic-simple"
    if len(list(archive.glob(f"*{ENDING}"))) != count + 1:
        shutil.rmtree(archive, ignore_errors=True)
        making = folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        make(TOPOLOGY, making, numbers, jobs=jobs).rename(archive)
        making.rmdir()
    return archive


def measure_one_file(file: Path, jobs: int) -> None:
    """Unscaled; one process can decompress a single file."""
    base = timed(lambda: run_alone(f"import bz2; s = bz2.open({str(file)!r})\nwhile s.read(2**20): pass"))
    cost, memory = converted(file, file.with_name("one.h5"), jobs, [])
    print(
        f"one file of {file.stat().st_size / 1e6:.0f} MB, not scaled: bz2 alone {base.cpu_s:.1f} s CPU",
        end="",
    )
    print(f", converted in {cost.cpu_s:.1f} s CPU, {cost.wall_s:.1f} s wall, memory {memory} MB")


def run_alone(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def scaled(few: Cost, whole: Cost, further: float) -> Cost:
    return Cost(*(a + (b - a) * further for a, b in zip(few, whole, strict=True)))


def measure(archive: Archive, folder: Path, jobs: int) -> None:
    files, size = [file for file in archive.files.values() if isinstance(file, Path)], archive.space.size
    part = part_of(archive, folder / "part")
    further = (size - FEW) / (len(files) - FEW)  # what is there already times this is still to come
    print(f"{archive.name}: {len(files):,} of {size:,} files, {jobs} processes; scaled to all")
    print(f"{'what':<12}{'CPU s':>8}{'wall s':>8}{'ratio':>7}{'wall':>7}{'MB':>8}{'memory MB':>11}  target")
    for name, options in OPTIONS.items():
        few, whole = (
            timed(lambda files=files: only_decompress(files, jobs)) for files in (files[:FEW], files)
        )
        base = scaled(few, whole, further)
        print(f"{'bz2 alone':<12}{base.cpu_s:>8.0f}{base.wall_s:>8.0f}{1:>7.2f}{1:>7.2f}")
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
            f"{name:<12}{cost.cpu_s:>8.0f}{cost.wall_s:>8.0f}{ratio:>7.2f}"
            f"{cost.wall_s / base.wall_s:>7.2f}{megabytes:>8.0f}{memory:>11}  {goal}"
        )


if __name__ == "__main__":
    main()
