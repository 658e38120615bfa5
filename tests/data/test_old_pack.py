"""A pack that nasreplay 0.1.0 wrote still opens, holds the same numbers, and would be written the same."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from nasreplay.compat.nats_bench import create
from nasreplay.data.pack import Pack, curves, write_pack
from nasreplay.data.pack.check import verify
from nasreplay.data.pack.writer import Curves
from nasreplay.data.semantics import CustomDataset, CustomSplit, Facts
from nasreplay.evaluate.table.load import load_table
from nasreplay.spaces import SIZE

STORED = Path(__file__).parents[1] / "golden/pack_of_0.1.0.h5.xz"
MEASURED, TRIALS, EPOCHS = 40, 2, 3
SETS = ("cifar10-valid/90/x-valid", "pixels/12/x-valid")  # the first with every epoch


def numbers(metric: str) -> np.ndarray:
    """float64 [A, T, E]: what was put into both sets."""
    flat, trial, epoch = np.ogrid[: SIZE.size, :TRIALS, :EPOCHS]
    if metric == "accuracy":
        values = (flat * 7 + trial * 3 + epoch * 5) % 100 + flat / 64
    else:
        values = 5.0 / (1 + epoch) + flat / 128 + trial
    values = np.where(flat < MEASURED, values, np.nan) * np.ones((SIZE.size, TRIALS, EPOCHS))
    values[3, -1] = np.nan  # one architecture lacks the last trial
    return values


NUMBERS = {f"{where}/{metric}": numbers(metric) for where in SETS for metric in ("accuracy", "loss")}


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Pack:
    file = tmp_path_factory.mktemp("old") / "old.h5"
    file.write_bytes(lzma.decompress(STORED.read_bytes()))
    return Pack.open(file)


def test_it_is_sound_and_says_what_it_said(old):
    assert verify(old) == []
    assert (old.title, old.licence, old.space) == ("a pack of version 0.1.0", "MIT", SIZE)
    assert old.fingerprint == "e94ffe816ce506d64c248fa5df75dbad3d69f6eaa7b7d868c808f5a1534b69a2"
    sets = {"x-valid": CustomSplit(180, "accuracy on pixels")}
    assert old.custom == {"pixels": CustomDataset(Facts(10, 8, 1_437), sets)}


def test_every_number_is_the_same(old):
    every = np.arange(SIZE.size)
    for path, values in NUMBERS.items():
        np.testing.assert_array_equal(old.column(path), values[..., -1])
        known = values if path in old.curves else np.where(np.arange(EPOCHS) == EPOCHS - 1, values, np.nan)
        np.testing.assert_array_equal(old.curve(path, every), known)
    assert sorted(old.curves) == [path for path in sorted(NUMBERS) if path.startswith("cifar10")]
    accuracy = NUMBERS["cifar10-valid/90/x-valid/accuracy"]
    table = load_table("cifar10", table=old, trial=777)
    assert table.query(SIZE.at_flat(5), trial=888).accuracy == accuracy[5, 1, -1]
    told = create(old, "sss", verbose=False).get_more_info(5, "cifar10-valid", 0, "90", is_random=777)
    assert told["valid-accuracy"] == accuracy[5, 0, 0]
    assert told["train-per-time"] == 1 + 5 / 8


def test_the_same_contents_are_written_the_same(old, tmp_path):
    forms = {path: curves.form_of(path.rsplit("/", 1)[1], None) for path in old.curves}
    chunks = (
        (path, block // curves.BLOCK, trial, chunk)
        for path in forms
        for block in range(0, SIZE.size, curves.BLOCK)
        for trial in range(TRIALS)
        if (chunk := curves.packed(NUMBERS[path][block : block + curves.BLOCK, trial], forms[path]))
    )
    seconds = np.where(np.arange(SIZE.size) < MEASURED, 1 + np.arange(SIZE.size) / 8, np.nan)
    new = write_pack(
        tmp_path / "new.h5",
        SIZE,
        {
            "cifar10-valid/90/seconds_per_epoch": seconds,
            **{f"{where.rpartition('/')[0]}/seeds": np.array([777, 888]) for where in SETS},
            **{path: values[..., -1] for path, values in NUMBERS.items()},
        },
        title=old.title,
        source=old.source,
        licence=old.licence,
        epochs={"cifar10-valid/90": EPOCHS, "pixels/12": EPOCHS},
        custom_datasets=old.custom,
        curves=Curves(forms, chunks),
        sets={"cifar10-valid/90": ["x-valid"]},
    )
    assert new.fingerprint == old.fingerprint
