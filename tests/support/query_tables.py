"""Small tables to ask, and the reading of what was answered."""

import csv
import io
from pathlib import Path

import numpy as np

from nasreplay.data.pack import write_pack
from nasreplay.spaces import SIZE, TOPOLOGY


def rows(text: str) -> list[dict[str, str]]:
    """The rows of CSV text."""
    return list(csv.DictReader(io.StringIO(text)))


def write_many_recipes(path: Path) -> Path:
    """Two recipes of cifar10 validation (one cell not measured), test of cifar100 averaged by its source."""
    accuracy = np.random.default_rng(0).uniform(10, 90, (TOPOLOGY.size, 2))
    accuracy[5] = np.nan
    columns = {
        "cifar10-valid/12/seeds": np.array([777, 888]),
        "cifar10-valid/12/x-valid/accuracy": accuracy,
        "cifar10-valid/200/seeds": np.array([777]),
        "cifar10-valid/200/x-valid/accuracy": accuracy[:, :1] + 5,
        "cifar100/200/seeds": np.array([-1]),
        "cifar100/200/x-test/accuracy": accuracy[:, :1] / 2,
    }
    epochs = {"cifar10-valid/12": 12, "cifar10-valid/200": 200, "cifar100/200": 200}
    write_pack(path, TOPOLOGY, columns, title="many", source="a test", licence="MIT", epochs=epochs)
    return path


def write_widths(path: Path) -> Path:
    """A size table: accuracy falls with the index, so 8:8:8:8:8 is best."""
    columns = {
        "cifar10-valid/90/seeds": np.array([777]),
        "cifar10-valid/90/x-valid/accuracy": np.linspace(90, 10, SIZE.size)[:, None],
    }
    epochs = {"cifar10-valid/90": 90}
    write_pack(path, SIZE, columns, title="widths", source="a test", licence="MIT", epochs=epochs)
    return path
