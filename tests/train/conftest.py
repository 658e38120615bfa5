from pathlib import Path

import pytest
import torch

from nasreplay.train.images.image_sources import load
from nasreplay.train.images.streamed import load_files
from tests.support.made_up import image_folder

READERS = (load, lambda path: load_files(path, None, 16, 0))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def home(cache, monkeypatch):
    """A cache folder of the tests' own."""
    monkeypatch.setenv("NASREPLAY_HOME", str(cache))
    return cache


@pytest.fixture(params=READERS, ids=["small", "streamed"])
def read(request):
    """Both readers of an image folder, by its path."""
    return lambda path: request.param(str(path))


@pytest.fixture
def plain(tmp_path) -> Path:
    return image_folder(tmp_path / "plain", {"train": 6, "val": 2})
