"""Packs of random numbers, with holes, as the official archives have them."""

import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from nasreplay.data.pack import Pack, curves, write_pack
from nasreplay.data.pack.writer import Chunk, Curves
from nasreplay.spaces import TOPOLOGY

EPOCHS = 3
SEEDS = [111, 777, 888]
MEASURED = 40  # architectures; all the others are missing
SETS = {
    "cifar10": ["ori-test"],
    "cifar10-valid": ["x-valid", "ori-test"],
    "cifar100": ["ori-test", "x-valid", "x-test"],
}
NOT_EARLY = {"cifar100/200/x-valid", "cifar100/200/x-test"}  # measured at the last epoch only


@cache
def random_pack(
    seed: int,
    cells: int = MEASURED,
    trials: int = len(SEEDS),
    last: int = EPOCHS,
    held: tuple[str, ...] = tuple(SETS),
    holes: float = 0.0,
) -> tuple[Pack, dict[str, np.ndarray]]:
    """A pack, and for each path of accuracies and losses the numbers [A, T, E] in it.

    cells: how many architectures are measured; held: the data sets; holes: share of missing losses, and of missing
    accuracies in training and on x-test.
    """
    draw = np.random.default_rng(seed)
    present = np.zeros((TOPOLOGY.size, trials), bool)
    rows = draw.choice(TOPOLOGY.size, cells, replace=False)
    present[rows] = draw.random((cells, trials)) < 0.7
    present[rows, draw.integers(trials, size=cells)] = True
    columns, numbers = {}, {}
    for stored in held:
        sets, place = SETS[stored], f"{stored}/200"
        columns[f"{place}/seeds"] = np.array(SEEDS[:trials], np.int32)
        columns[f"{place}/seconds_per_epoch"] = draw.uniform(1, 9, TOPOLOGY.size)
        for name in ("params", "flops", "latency"):
            cost = draw.uniform(0.1, 0.2, (TOPOLOGY.size, 1)).repeat(trials, 1)
            cost[rows[:5]] = draw.uniform(0.1, 0.2, (len(rows[:5]), trials))  # trials that differ
            columns[f"{place}/{name}"] = np.where(present, cost, np.nan)
        columns[f"{place}/latency"][rows[5:6]] *= 0
        for which in ("train", *sets):
            if which != "train":
                columns[f"{place}/{which}/eval_seconds"] = draw.uniform(0.1, 0.5, TOPOLOGY.size)
            for metric, most in (("accuracy", 100), ("loss", 4)):
                values = draw.uniform(0, most, (*present.shape, last))
                values[~present] = np.nan
                if f"{place}/{which}" in NOT_EARLY:
                    values[..., :-1] = np.nan
                if which == "train":
                    values[rows[:8], 0, 0] = np.nan  # epochs that one trial lacks and others have
                if metric == "loss" or which in ("train", "x-test"):
                    values[draw.random(values.shape) < holes] = np.nan
                columns[f"{place}/{which}/{metric}"] = values[..., -1]
                numbers[f"{place}/{which}/{metric}"] = values
    forms = {path: curves.form_of(path.rsplit("/", 1)[1], None) for path in numbers}
    pack = write_pack(
        Path(mkdtemp()) / "random.h5",
        TOPOLOGY,
        columns,
        title="random",
        source="a test",
        licence="MIT",
        epochs={f"{stored}/200": last for stored in held},
        sets={f"{stored}/200": SETS[stored] for stored in held},
        curves=Curves(forms, chunks(numbers, forms)),
    )
    return pack, numbers


def chunks(numbers: dict[str, np.ndarray], forms: dict[str, curves.Form]) -> Iterator[Chunk]:
    for path, values in numbers.items():
        for block in range(0, len(values), curves.BLOCK):
            for trial in range(values.shape[1]):
                chunk = curves.packed(values[block : block + curves.BLOCK, trial], forms[path])
                if chunk:
                    yield path, block // curves.BLOCK, trial, chunk


def equal(one, other) -> bool:
    return bool(np.allclose(one, other, rtol=1e-13, atol=0, equal_nan=True))


def in_a_worker(pack: Pack) -> Pack:
    """The pack as another process gets it: pickled here, and without its numbers, which it reads itself."""
    return pickle.loads(pickle.dumps(pack))  # made here, read here: how a pool hands a pack to a worker
