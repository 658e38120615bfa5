"""Readers of files that programs write, given spoiled ones: run folders, checkpoints, weights, packs, results."""

import json
import random
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from nasreplay import search
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.files.state import save_state
from nasreplay.jobs.training.training_target import read_target
from nasreplay.live.trained import shared_weights
from nasreplay.runs.checkpoints import latest_state
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import RunFolder, result_of
from nasreplay.runs.store import write_comparison
from nasreplay.train.checkpoint import Checkpoints, save_checkpoint
from nasreplay.train.foreign.seed_file import held_trainings
from nasreplay.train.foreign.weights_file import take_weights, weights_of
from tests.support import fabricate
from tests.support.crafted_packs import sign
from tests.support.sample_packs import random_columns, write
from tests.support.spoiled_texts import MAPPING, NOTATIONS
from tests.support.spoiling import TENSORS, VALUES, Parse, spoiled, warped


@cache
def table() -> TableEvaluator:
    return load_table("cifar10")


@cache
def run_folder() -> tuple[dict[str, Any], list[str], dict[str, Any], Path]:
    folder = Path(tempfile.mkdtemp())
    search.run("rea", table(), Budget(evaluations=12), seed=1, recorder=RunFolder(folder / "run", {}))
    header, log = (
        json.loads((folder / "run" / "run.json").read_text()),
        (folder / "run" / "events.jsonl").read_text(),
    )
    state = latest_state(folder / "run")
    assert state
    return header, log.splitlines(), state, folder


def run(chance: random.Random, folder: Path) -> object:
    header, events, *_ = run_folder()
    if chance.random() < 0.5:
        header = warped(header, chance)
    else:
        at = chance.randrange(len(events))
        changed = (
            json.dumps(warped(json.loads(events[at]), chance))
            if chance.random() < 0.7
            else spoiled(events[at], chance)
        )
        events = [*events[:at], changed, *events[at + 1 :]]
    (folder / "run.json").write_text(json.dumps(header))
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    read_header(folder)
    return result_of(folder)


def checkpoint(chance: random.Random, folder: Path) -> object:
    header, events, state, _ = run_folder()
    leaves = (*VALUES, *TENSORS)
    (folder / "run.json").write_text(json.dumps(header))
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    (folder / "checkpoint").mkdir(exist_ok=True)
    file = folder / "checkpoint" / "step-000000012.npz"
    if chance.random() < 0.5:  # of one's own search, which is continued
        arrays = (*VALUES, np.zeros(2), np.zeros((1, 3), np.int8), np.array(["x"]), np.zeros(0))
        save_state(file, warped(state, chance, arrays))
        record = RunFolder(folder, {}, resume=True)
        return search.run("rea", table(), Budget(evaluations=12), seed=1, recorder=record)
    file.unlink(missing_ok=True)
    logits = {"arch_normal_parameters": torch.zeros(14, 8), "arch_reduce_parameters": torch.zeros(14, 8)}
    theirs = {
        "epoch": 2,
        "args": {"dataset": "cifar10", "space": "nasnet", "searcher": "gdas", "data": "x"},
        "search_model": logits,
        "genotypes": {0: NOTATIONS[0], 1: MAPPING, "best": NOTATIONS[0]},
        "valid_accuracies": {"best": 1.0},
    }
    ours = {
        "searcher": {"state": {"logits": torch.zeros(1, 6, 5)}},
        "evaluator": {"net": logits},
        "step": 12,
        "log_bytes": 10,
    }
    value = warped(chance.choice((theirs, ours)), chance, leaves)
    path = folder / "checkpoint" / "x.pth"
    if chance.random() < 0.5:
        torch.save(value, path)
    else:
        try:
            save_checkpoint(path, value)
        except (TypeError, ValueError, AttributeError):  # nothing that can be written
            return None
    if chance.random() < 0.2:
        shared_weights(folder)
    return read_target(path, chance.choice(("last", "best")))


def training(chance: random.Random, folder: Path) -> object:
    state = {"trainer": {"network": {"w": torch.zeros(2)}, "trained": 1}, "epochs": []}
    (folder / "c").mkdir(exist_ok=True)
    save_checkpoint(
        folder / "c" / "step-000000001.pt",
        warped({"step": 1, "score": 1.0, "state": state}, chance, (*VALUES[:4], *TENSORS)),
    )
    found = Checkpoints(folder / "c")
    return found.latest(), found.best_score()


def weights(chance: random.Random, folder: Path) -> object:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    state = network.state_dict()
    forms = (
        state,
        {"state_dict": {f"module.{name}": values for name, values in state.items()}},
        {"base-model": state, "epoch": 3},
        {"info": "", "all_dataset_keys": ["digits"], "digits": {"net_state_dict": state}},
        {"state": {"trainer": {"network": state, "average": None}}, "step": 1},
    )
    path = folder / "w.pth"
    torch.save(warped(chance.choice(forms), chance, (*VALUES, *TENSORS)), path)
    if chance.random() < 0.3:
        content = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
    if chance.random() < 0.2:
        return held_trainings(path)
    return take_weights(network, weights_of(path, "digits"), path)


@cache
def sample(kind: str) -> bytes:
    folder = Path(tempfile.mkdtemp())
    if kind == "pack":
        return write(folder / "pack.h5", random_columns()).path.read_bytes()
    made = fabricate.comparison(replicas=3, points=20, datasets=("cifar10",))
    every = made.results[-3:]  # one that asks and the oracles
    write_comparison(folder / "results.h5", every, made.tables, {"seed": 1, "searchers": {}, "datasets": []})
    return (folder / "results.h5").read_bytes()


def hdf5(kind: str, finish: Callable[[Path], object], parse: Callable[[Path], object]) -> Parse:
    """A reader of HDF5 files, one attribute of which is spoiled."""

    def tried(chance: random.Random, folder: Path) -> object:
        path = folder / "results.h5"
        path.write_bytes(sample(kind))
        with h5py.File(path, "r+") as file:
            places: list[Any] = [file]
            file.visititems(lambda _, one: places.append(one))
            place = chance.choice([one for one in places if len(one.attrs)])
            at = chance.choice(list(place.attrs))
            value = place.attrs[at]
            text = value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None
            if text is None:
                new: Any = chance.choice((-1, 0, 2**40, 1.5, float("nan"), "x", np.zeros(3)))
            elif text[:1] in "{[" and chance.random() < 0.7:
                new = json.dumps(warped(json.loads(text), chance))
            else:
                new = spoiled(text, chance)[:60_000].replace("\0", "")
            place.attrs[at] = np.bytes_(new.encode()) if isinstance(value, bytes) else new
            if kind == "pack" and chance.random() < 0.8:
                try:
                    sign(file)
                except Exception:  # the sums of what no longer is a pack
                    return None
        finish(path)
        return parse(path)

    return tried
