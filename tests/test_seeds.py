"""The ground of every number: reference vectors, distributions, and independence of the random streams."""

import hashlib
import itertools

import numpy as np
import pytest
from scipy import stats

from nasreplay.seeds import Stream, rank_within, root_seed

MANY = 20_000
MASK = (1 << 64) - 1
FIRST = [[0.7069343600333531, 0.768004389267825], [0.4204443171146208, 0.005691393870388306]]
PERMUTED = [5, 3, 6, 2, 7, 0, 1, 4]


def splitmix64(state: int):
    """Steele, Lea and Flood's generator in plain integers, as its authors' reference program has it."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def reference(seed: int, name: str, replica: int, count: int) -> list[int]:
    key = hashlib.blake2b(f"{seed}/{name}/{replica}".encode(), digest_size=8).digest()
    return list(itertools.islice(splitmix64(int.from_bytes(key, "little")), count))


def draws(seed: int = 0, name: str = "test", replicas=(0,)):
    return Stream(seed, name, replicas).at()


def related(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether they correlate by more than four standard deviations of chance."""
    return abs(np.corrcoef(one, other)[0, 1]) * np.sqrt(len(one)) > 4


def test_the_reference_program_itself_gives_the_published_vectors():
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert list(itertools.islice(splitmix64(1234567), 4)) == published


@pytest.mark.parametrize(
    ("seed", "name", "replica"), [(0, "search", 0), (7, "trials", 499), (2**31 - 1, "é", 3)]
)
def test_numbers_are_those_of_splitmix64(seed, name, replica):
    found = draws(seed, name, [replica]).uniform(50)[0]
    expected = [(bits >> 11) * 2.0**-53 for bits in reference(seed, name, replica, 50)]
    assert found.tolist() == expected


def test_the_first_numbers_never_change():
    """Recorded when the project began: what runs of the past drew is drawn again."""
    assert draws(0, "search", [0, 1]).uniform(2).tolist() == FIRST
    assert draws(0, "search").permutation(8).tolist() == [PERMUTED]


@pytest.mark.parametrize(
    ("method", "distribution"),
    [("uniform", stats.uniform), ("normal", stats.norm), ("gumbel", stats.gumbel_r)],
)
def test_distributions(method, distribution):
    over_positions = getattr(draws(1), method)(MANY)[0]
    over_replicas = getattr(draws(1, replicas=range(MANY)), method)(1)[:, 0]
    over_seeds = np.array([getattr(draws(seed), method)(1)[0, 0] for seed in range(MANY // 10)])
    for sample in (over_positions, over_replicas, over_seeds):
        assert np.isfinite(sample).all()
        assert stats.kstest(sample, distribution.cdf).pvalue > 0.01


def test_uniform_numbers_stay_below_one():
    sample = draws(2).uniform(MANY)
    assert sample.min() >= 0
    assert sample.max() < 1


@pytest.mark.parametrize("high", [2, 5, 8])
def test_integers_are_equally_frequent(high):
    counts = np.bincount(draws(3).integers(high, MANY)[0], minlength=high)
    assert len(counts) == high
    assert stats.chisquare(counts).pvalue > 0.01


def test_permutations_are_equally_frequent():
    sample = draws(4, replicas=range(24_000)).permutation(4)
    assert (np.sort(sample, axis=1) == np.arange(4)).all()
    _, counts = np.unique(sample, axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 0.01


def test_options_come_as_often_as_their_probabilities_say():
    probabilities = np.array([0.5, 0.0, 0.2, 0.3])
    counts = np.bincount(
        draws(5, replicas=range(MANY)).categorical(np.tile(probabilities, (MANY, 1))), minlength=4
    )
    assert counts[1] == 0
    some = probabilities > 0
    assert stats.chisquare(counts[some], MANY * probabilities[some]).pvalue > 0.01


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0, "a", 0), (0, "b", 0)),
        ((0, "a", 0), (1, "a", 0)),
        ((0, "a", 0), (0, "a", 1)),
        ((1, "1", 1), (1, "11", 1)),
        ((0, "a/1", 0), (0, "a", 10)),
    ],
    ids=["names", "seeds", "replicas", "names that begin alike", "names with a slash"],
)
def test_streams_are_independent(one, other):
    first, second = (draws(seed, name, [replica]).uniform(MANY)[0] for seed, name, replica in (one, other))
    assert not np.isin(first, second).any()
    for shift in range(3):
        assert not related(first[shift:], second[: MANY - shift])
    cells, *_ = np.histogram2d(first, second, bins=8)
    assert stats.chisquare(cells.ravel()).pvalue > 0.001


def test_numbers_in_a_row_are_independent():
    sample = draws(6).uniform(MANY)[0]
    for gap in (1, 2, 5):
        assert not related(sample[:-gap], sample[gap:])
    assert not related(*draws(6, replicas=range(MANY)).normal(2).T)


@pytest.mark.parametrize("method", ["uniform", "normal", "gumbel", "permutation"])
def test_a_replica_draws_the_same_in_any_company(method):
    together = getattr(draws(8, replicas=range(20)), method)(6)
    for replica in (0, 7, 19):
        assert (getattr(draws(8, replicas=[replica]), method)(6)[0] == together[replica]).all()
    turned = getattr(draws(8, replicas=[19, 3, 7]), method)(6)
    assert (turned == together[[19, 3, 7]]).all()


def test_what_others_draw_in_between_changes_nothing():
    alone = draws(9, replicas=[2]).uniform(6)[0]
    stream = Stream(9, "test", range(4))
    parts = []
    for rows in ([0, 2], [1], [2, 3], [0], [2]):
        drawn = stream.at(np.array(rows)).uniform(2)
        parts += [row for asked, row in zip(rows, drawn, strict=True) if asked == 2]
    assert np.concatenate(parts).tolist() == alone.tolist()
    assert stream.position.tolist() == [4, 2, 6, 2]


def test_rows_that_ask_more_than_once_get_their_next_numbers():
    expected = draws(10, replicas=range(3)).uniform(3)
    asked = np.array([2, 0, 2, 2, 1])
    assert Stream(10, "test", range(3)).each(asked).tolist() == expected[asked, [0, 0, 1, 2, 0]].tolist()
    assert rank_within(asked).tolist() == [0, 0, 1, 2, 0]


def test_a_fresh_seed_is_drawn_only_when_asked_for():
    assert root_seed(5) == 5
    assert len({root_seed(-1) for _ in range(20)}) == 20
