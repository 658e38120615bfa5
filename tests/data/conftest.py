from pathlib import Path

import pytest

from nasreplay.data.pack import Pack
from tests.support.sample_packs import random_columns, write


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> Pack:
    return write(tmp_path_factory.mktemp("pack") / "sample.h5", random_columns())


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def embedded(tmp_path_factory) -> Pack:
    from nasreplay.data.embedded import embedded_pack

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(tmp_path_factory.mktemp("home")))
        return embedded_pack()
