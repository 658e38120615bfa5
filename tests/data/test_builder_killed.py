import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.pack import Pack
from nasreplay.data.pack.check import verify
from tests.support.sample_packs import random_columns, write

pytestmark = pytest.mark.slow

KILLS = 25


def large_columns(seed: int) -> dict[str, np.ndarray]:
    return random_columns(seed, trials=100)  # 13 MB, so that a write takes a while


def build_for_ever(path: Path) -> None:
    columns = [large_columns(1), large_columns(2)]
    while True:
        for each in columns:
            write(path, each)


def temporaries(folder: Path) -> list[Path]:
    return list(folder.glob(".*.tmp"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killing_the_builder_never_leaves_a_file_that_loads_wrongly(tmp_path):
    path = tmp_path / "pack.h5"
    known = {write(path, large_columns(seed)).fingerprint for seed in (1, 2)}
    path.unlink()
    draw, context, landed = random.Random(), multiprocessing.get_context("fork"), 0
    until = time.monotonic() + 60
    while landed < KILLS:
        assert time.monotonic() < until, f"only {landed} kills landed in a write"
        child = context.Process(target=build_for_ever, args=(path,))
        child.start()
        time.sleep(draw.uniform(0, 0.2))  # some writes end well
        while not temporaries(tmp_path):  # until the next one begins
            assert child.is_alive()
        time.sleep(draw.uniform(0, 0.005))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        landed += len(temporaries(tmp_path))  # only a kill inside a write leaves the temporary file
        if path.exists():
            pack = Pack.open(path)
            assert pack.fingerprint in known
            assert verify(pack) == []
            if draw.random() < 0.3:
                path.unlink()
    write(path, large_columns(1))
    assert list(tmp_path.iterdir()) == [path]
