import pytest
import torch

from nasreplay.train.checkpoint import load_checkpoint
from tests.support import team, team_jobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    status = team.finish(team.start(folder, team_jobs.all_jobs, folder), 300)
    assert status == [0, 0], (folder / "0.err").read_text() + (folder / "1.err").read_text()
    return [load_checkpoint(folder / f"{rank}.pt") for rank in range(2)]


def differences(one, other, where=""):
    """Largest difference of two nested states, and where it is."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        pairs = [(one[key], other[key], f"{where}/{key}") for key in one]
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        pairs = [(a, b, f"{where}/{place}") for place, (a, b) in enumerate(zip(one, other, strict=True))]
    elif one is None or isinstance(one, str):
        assert one == other, where
        return 0.0, where
    else:
        one, other = (torch.as_tensor(values).double() for values in (one, other))
        finite = one.isfinite()
        torch.testing.assert_close(one[~finite], other[~finite], equal_nan=True)
        gap = (one - other)[finite].abs()
        return float(gap.max()) if gap.numel() else 0.0, where
    return max((differences(*pair) for pair in pairs), default=(0.0, where))


@pytest.mark.parametrize("name", team_jobs.JOBS)
def test_two_processes_equal_one_that_accumulates_two_micro_batches(together, name):
    alone = team_jobs.JOBS[name]()
    for found in together:
        gap, where = differences(found[name], alone)
        assert gap < 1e-9, where
