import pytest
import torch


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
