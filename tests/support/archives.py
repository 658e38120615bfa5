"""Archives for tests: the official sample, and synthetic ones."""

import bz2
import importlib.util
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from nasreplay.data.importers.nats.archive import official_texts
from nasreplay.spaces import Space

FOLDERS = {"topology": "NATS-tss-v1_0-3ffb9-simple", "size": "NATS-sss-v1_0-50262-simple"}
SAMPLED = (0, 11, 284)  # official indices of the sample files


def _loaded(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = sys.modules.setdefault(file.stem, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


_maker = _loaded(Path(__file__).resolve().parents[2] / "benchmarks" / "make_archive.py")


def synthetic(space: Space, folder: Path, numbers: list[int], seed: int = 0) -> Path:
    """A synthetic archive of some official indices, in a new folder in `folder`."""
    return _maker.make(space, folder, numbers, seed)


def one_file(
    space: Space, file: Path, contents: dict[int, Any], protocol: int = 4, texts: list[str] | None = None
) -> Path:
    """A one-file archive of what architecture files hold, by the ordinary pickle."""
    whole = _maker.whole(texts or official_texts(space), contents)
    file.write_bytes(bz2.compress(pickle.dumps(whole, protocol), 1))
    return file


def drawn(space: Space, number: int) -> dict[str, Any]:
    """What the synthetic archive has in a file, made anew: its objects belong to no other."""
    return _maker.file_of(space, number, official_texts(space)[number], 0)


def path_of(archive: Path, number: int) -> Path:
    return archive / f"{number:06d}.pickle.pbz2"


def content_of(archive: Path, number: int) -> dict[str, Any]:
    """One of our own files, by the ordinary pickle."""
    return pickle.loads(bz2.decompress(path_of(archive, number).read_bytes()))


def put(archive: Path, number: int, content: Any) -> None:
    path_of(archive, number).write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))


def numbers_of(trial: dict[str, Any]) -> dict[str, list[float]]:
    """Set/metric → every epoch of a trial, NaN where there is none; the costs as one number."""
    nan, epochs = float("nan"), range(trial["epochs"])
    found = {
        "params": [float(trial["params"])],
        "flops": [float(trial["flop"])],
        "latency": [float(trial["latency"][0])],
    }
    names = {"accuracy": "acc1es", "loss": "losses", "seconds": "times"}
    for metric, name in names.items():
        found[f"train/{metric}"] = [trial[f"train_{name}"].get(epoch, nan) for epoch in epochs]
        for each in trial["eval_names"]:
            values = trial[f"eval_{name}"]
            found[f"{each}/{metric}"] = [values.get(f"{each}@{epoch}", nan) for epoch in epochs]
    if trial["train_acc5es"] is not None:
        found["train/top5"] = [trial["train_acc5es"].get(epoch, nan) for epoch in epochs]
    return found
