"""An integer means one thing: what is found, asked, listed and stored names the same architecture everywhere."""

import numpy as np
import pytest

import nasreplay
from nasreplay import load_table, search
from nasreplay.errors import BadArchitecture
from nasreplay.runs.frames import to_frame, trajectory_frame
from nasreplay.runs.result import TableFacts
from nasreplay.runs.store import load_result, save_result
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.testing import synthetic_table

KITCHEN = Space("kitchen of this test", (("a", "b", "c"), ("1", "2"), ("x", "y", "z", "w")))
SPACES = pytest.mark.parametrize("space", [TOPOLOGY, SIZE, KITCHEN], ids=lambda space: space.name)


@pytest.fixture(scope="module")
def result():
    return search.run(
        search.make("rea"), load_table("cifar10"), search.Budget(evaluations=60), replicas=3, seed=0
    )


@SPACES
def test_codes_at_query_and_accuracies_agree_on_every_index(space):
    table = synthetic_table(space, trials=1, trial="mean")
    indices = range(0, space.size, max(space.size // 50, 1))
    every = [space.at(index) for index in indices]
    assert [each.index for each in every] == list(indices)
    assert np.array_equal(space.codes(indices), [each.codes for each in every])
    wanted = [table.query(index).accuracy for index in indices]
    assert [table.query(each).accuracy for each in every] == wanted
    assert table.accuracies(space.codes(np.array(indices))).tolist() == wanted
    assert table.accuracies(list(indices)).tolist() == table.accuracies(every).tolist() == wanted
    assert table.report(space.codes(every)).valid.tolist() == wanted
    assert [table.query(each.text).official_index for each in every] == list(indices)


def test_what_a_search_found_is_what_the_table_is_asked_for(result):
    table = load_table("cifar10")
    for found, flat in zip(result.found, result.found_flat, strict=True):
        assert table.query(found).accuracy == table.final.mean_flat[flat] == table.query(found.index).accuracy
        assert (
            table.query(str(found)).accuracy == table.query(found.key).accuracy == table.final.mean_flat[flat]
        )
        (asked,) = nasreplay.query(found, datasets=("cifar10",)).datasets["cifar10"].accuracies
        assert asked.accuracy == table.final.mean_flat[flat]
    assert result.found[0] == table.space.at(int(result.incumbent[0, -1]))
    asked = table.accuracies(table.space.codes(result.evaluated[0]))
    assert np.abs(asked - result.observed[0]).max() < 5  # drawn trials of the same cells


def test_files_and_frames_name_the_same_cells(result, tmp_path):
    save_result(tmp_path / "part.h5", result)
    assert load_result(tmp_path / "part.h5").found == result.found
    table = load_table("cifar10")
    facts = {"cifar10": TableFacts(table.final.mean_flat)}
    frame = to_frame([result], facts)
    assert [
        table.query(index).accuracy for index in frame.official_index.tolist()
    ] == frame.validation_accuracy.tolist()
    assert frame.architecture.tolist() == [str(found) for found in result.found]
    steps = trajectory_frame(result, facts["cifar10"])
    assert table.accuracies(steps.incumbent.tolist()).tolist() == steps.incumbent_accuracy.tolist()


@SPACES
@pytest.mark.parametrize(
    "wrong",
    [-1, 10**5000, 3.0, float("nan"), None, True, np.float64(2), b"1", "nothing", object()],
    ids=lambda wrong: type(wrong).__name__,
)
def test_what_names_no_architecture_is_refused_by_name(space, wrong):
    table = synthetic_table(space, trials=1, trial="mean")
    calls = (space.at, table.query, lambda each: space.codes([each]), lambda each: table.accuracies([each]))
    for call in calls:
        with pytest.raises(BadArchitecture):
            call(wrong)


def test_an_architecture_of_another_space_is_refused():
    for call in (TOPOLOGY.at, load_table("cifar10").query, lambda each: TOPOLOGY.codes([each])):
        with pytest.raises(BadArchitecture, match=r"topology.*size|size.*topology"):
            call(SIZE.at(7))


def test_a_flat_number_is_never_taken_for_an_index():
    table = load_table("cifar10")
    result = search.run("random", table, search.Budget(evaluations=5), seed=0, replicas=2)
    (best, _), every = result.found, result.found_flat
    assert best is not None
    for number in (best.flat, every[0], result.evaluated_flat[0, 1], result.incumbent_flat[0][2]):
        for call in (
            table.query,
            TOPOLOGY.at,
            lambda one: TOPOLOGY.codes([one]),
            lambda one: table.accuracies([one]),
        ):
            with pytest.raises(BadArchitecture, match="flat index"):
                call(number)
    for call in (TOPOLOGY.codes, table.accuracies):
        with pytest.raises(BadArchitecture, match="flat index"):
            call(every)
    assert TOPOLOGY.at_flat(every[0]) == best
    assert (
        table.final.mean_flat[every].tolist()
        == table.accuracies([one for one in result.found if one]).tolist()
    )
    assert type(every + 0) is type(every >= 0) is np.ndarray


def test_the_codes_of_one_architecture_are_not_six_indices():
    best = TOPOLOGY.at(7)
    for call in (TOPOLOGY.codes, load_table("cifar10").accuracies):
        for codes in (best.codes, np.array(best.codes, dtype=np.int8)):
            with pytest.raises(BadArchitecture, match="codes of one architecture"):
                call(codes)
    assert len(TOPOLOGY.codes([1, 2, 3, 4, 0, 1])) == 6
