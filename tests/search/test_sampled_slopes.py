"""DARTS and SNAS that pay for their slopes: every look is charged, and the estimate leads somewhere."""

import numpy as np
import pytest

from nasreplay.search import Budget, make, run
from nasreplay.testing import synthetic_table

NAMES = ("darts-sampled", "snas-sampled")


@pytest.mark.parametrize("name", NAMES)
def test_every_look_is_charged(name):
    result = run(make(name), synthetic_table(), Budget(evaluations=40), seed=1, replicas=3)
    assert not result.oracle
    assert result.evaluations.tolist() == [40] * 3
    assert result.queries[:, -1].tolist() == [40] * 3
    assert result.points.tolist() == [10] * 3  # steps of four looks, each with its answer
    assert (np.diff(result.clock, axis=1) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_more_looks_find_better_architectures(name):
    table = synthetic_table()

    def mean(evaluations: int) -> float:
        found = run(make(name), table, Budget(evaluations=evaluations), seed=1, replicas=60).found_flat
        return float(table.final.mean_flat[found].mean())

    assert np.nanmean(table.final.mean_flat) < mean(40) < mean(400)


def test_a_slope_needs_two_looks():
    with pytest.raises(ValueError, match="looks"):
        make("darts-sampled", {"looks": 1})
