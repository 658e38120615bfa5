from pathlib import Path

import numpy as np

from nasreplay.data.pack import Pack, write_pack
from nasreplay.spaces import TOPOLOGY


def random_columns(seed: int = 0, trials: int = 2) -> dict[str, np.ndarray]:
    """Some trials of one recipe of cifar10-valid, with gaps in the second."""
    draw = np.random.default_rng(seed)
    accuracy = draw.uniform(0, 100, (TOPOLOGY.size, trials))
    accuracy[draw.random(TOPOLOGY.size) < 0.3, 1] = np.nan
    return {
        "cifar10-valid/latency": draw.uniform(0.01, 0.02, TOPOLOGY.size),
        "cifar10-valid/12/seeds": np.arange(777, 777 + 111 * trials, 111, dtype=np.int32),
        "cifar10-valid/12/seconds_per_epoch": draw.uniform(1, 9, TOPOLOGY.size),
        "cifar10-valid/12/x-valid/accuracy": accuracy,
    }


def write(path: Path, columns: dict[str, np.ndarray], title: str = "test") -> Pack:
    recipes = {"/".join(name.split("/")[:2]) for name in columns if name.count("/") >= 2}
    epochs = {recipe: int(recipe.split("/")[1]) for recipe in recipes}
    return write_pack(path, TOPOLOGY, columns, title=title, source="a test", licence="MIT", epochs=epochs)
