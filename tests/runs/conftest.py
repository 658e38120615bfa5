import pytest

from nasreplay.testing import synthetic_table


@pytest.fixture(scope="module")
def table():
    return synthetic_table()
