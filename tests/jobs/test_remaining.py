import pytest

from nasreplay.jobs.remaining import remaining


@pytest.mark.parametrize(
    ("seconds", "epochs", "told"),
    [
        (410, 299, "about 34 hours for the 299 epochs that are left"),
        (2.4, 1, "about 2 seconds for the epoch that is left"),
        (30, 59, "about 30 minutes for the 59 epochs that are left"),
        (86_400, 1_000, "about 1,000 days for the 1,000 epochs that are left"),
    ],
)
def test_an_estimate_in_a_unit_that_can_be_read(seconds, epochs, told):
    assert remaining(seconds, epochs) == told
