import pytest
import torch

from nasreplay.data.pack import Pack
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from tests.support.tabulating import write


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Pack:
    return write(tmp_path_factory.mktemp("source") / "source.h5")


@pytest.fixture
def pixels(source) -> TableEvaluator:
    return load_table("pixels", table=source, trial="mean")
