import dataclasses
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nasreplay.errors import BadInput, BadOutput
from nasreplay.runs.frames import to_frame, trajectory_frame
from nasreplay.runs.result import Result
from nasreplay.runs.store import (
    TableFacts,
    load_result,
    part_path,
    read_comparison,
    save_result,
    write_comparison,
)
from nasreplay.spaces import space_named
from tests.support import fabricate
from tests.support.fabricate import same_result

names = st.text(min_size=1, max_size=12).filter(str.isprintable)
words = st.text(
    st.characters(exclude_characters="\0"), max_size=8
)  # a text with a zero byte is refused as damage
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def made_results(draw):
    replicas, points, asked = draw(st.integers(1, 5)), draw(st.integers(0, 6)), draw(st.booleans())
    indices = arrays.arrays(
        np.int32, (replicas, points), elements=st.integers(-1, draw(st.sampled_from([9, 15_624])))
    )
    clock = arrays.arrays(np.float64, (replicas, points), elements=st.floats(0, allow_infinity=False))
    floats = arrays.arrays(np.float64, (replicas, points), elements=st.floats(allow_infinity=False))
    nothing = np.zeros((replicas, 0))
    return Result(
        searcher=draw(names),
        dataset=draw(names),
        oracle=draw(st.booleans()),
        found_flat=draw(arrays.arrays(np.int32, replicas, elements=st.integers(-1, 15_624))),
        incumbent_flat=draw(indices),
        clock=draw(clock),
        queries=draw(indices),
        evaluated_flat=draw(indices) if asked else nothing.astype(np.int32),
        observed=draw(floats) if asked else nothing,
        trial=draw(indices) if asked else nothing.astype(np.int32),
        wall_s=draw(st.floats(0, 1e9)),
        finished=draw(st.booleans()),
        settings=draw(st.dictionaries(words, json_values, max_size=4)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def comparison():
    return fabricate.comparison(replicas=12, points=20)


@pytest.mark.slow
@given(result=made_results())
@settings(max_examples=30, deadline=None)
def test_any_result_round_trips(tmp_path_factory, result):
    path = part_path(tmp_path_factory.getbasetemp() / "any", result.dataset, result.searcher)
    save_result(path, result)
    assert same_result(load_result(path), result)
    path.unlink()


def test_comparison_round_trips(tmp_path, comparison):
    path = tmp_path / "new" / "results.h5"
    write_comparison(path, comparison.results, comparison.tables, comparison.settings)
    read = read_comparison(tmp_path / "new")
    pairs = zip(read.results, comparison.results, strict=True)
    assert all(same_result(one, other) for one, other in pairs)
    assert read.settings == comparison.settings
    assert list(read.tables) == list(comparison.tables) == read.datasets
    for dataset, facts in comparison.tables.items():
        one, other = dataclasses.asdict(read.tables[dataset]), dataclasses.asdict(facts)
        assert all(np.array_equal(one[key], other[key]) for key in other)
        assert read.tables[dataset].optimum == facts.final_mean.max()


def test_same_content_gives_same_bytes(tmp_path, comparison):
    for name in ("a.h5", "b.h5", "b.h5"):
        write_comparison(tmp_path / name, comparison.results, comparison.tables, comparison.settings)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_h5py_reads_the_file_as_it_is(tmp_path, comparison):
    write_comparison(tmp_path / "results.h5", comparison.results, comparison.tables, {})
    with h5py.File(tmp_path / "results.h5") as opened:
        file: Any = opened
        group = file["results/cifar10/rea"]
        stored = group["incumbent_flat"]
        assert stored.dtype == np.int16
        assert np.array_equal(stored[()], comparison.of("cifar10")[1].incumbent_flat)
        assert file["tables/cifar10"].attrs["optimum"] == comparison.tables["cifar10"].optimum


def test_numpy_values_and_paths_in_settings_become_plain(tmp_path):
    truth = fabricate.table()
    result = fabricate.sampled(
        truth, settings={"n": np.int64(3), "seeds": np.arange(2), "at": Path("x"), "pair": (1, 2)}
    )
    save_result(tmp_path / "r.h5", result)
    assert load_result(tmp_path / "r.h5").settings == {"n": 3, "seeds": [0, 1], "at": "x", "pair": [1, 2]}


def test_damage_is_always_noticed(tmp_path):
    path = tmp_path / "r.h5"
    save_result(path, fabricate.sampled(fabricate.table(), replicas=5, points=8))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [*rng.integers(len(whole), size=150), *range(100)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(BadOutput, match=r"r\.h5: [^\n]+$"):
            load_result(path)
    for length in [0, 1, 100, 511, 512, 513, *rng.integers(len(whole), size=40), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(BadOutput):
            load_result(path)
    path.write_bytes(whole)
    assert load_result(path).searcher == "random"


def test_other_files_are_refused_with_a_way_out(tmp_path, comparison):
    with pytest.raises(BadOutput, match=r"no such file; .* makes it"):
        read_comparison(tmp_path)
    foreign = tmp_path / "foreign.h5"
    h5py.File(foreign, "w").close()
    with pytest.raises(BadOutput, match="not a results file of nasreplay"):
        read_comparison(foreign)
    write_comparison(tmp_path / "many.h5", comparison.results, comparison.tables, {})
    with pytest.raises(BadOutput, match="holds 12 results, a part file has one"):
        load_result(tmp_path / "many.h5")
    newer = (tmp_path / "many.h5").read_bytes().replace(b"nasreplay-results/2", b"nasreplay-results/3", 1)
    (tmp_path / "newer.h5").write_bytes(newer)
    with pytest.raises(BadInput, match="another format"):
        read_comparison(tmp_path / "newer.h5")
    with pytest.raises(BadOutput, match="cannot be read"):
        load_result(tmp_path / "newer.h5" / "below")


def test_unwritable_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOutput, match="cannot be made"):
        save_result(tmp_path / "file" / "parts" / "r.h5", fabricate.sampled(fabricate.table(), replicas=2))


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path, result = tmp_path / "r.h5", fabricate.sampled(fabricate.table(), replicas=3)
    save_result(path, result)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(BadOutput, match="No space left"):
        save_result(path, dataclasses.replace(result, wall_s=9.0))
    assert load_result(path).wall_s == result.wall_s
    assert os.listdir(tmp_path) == ["r.h5"]


def test_long_form_frame(comparison):
    frame = to_frame(comparison.results, comparison.tables)
    assert len(frame) == 12 * len(comparison.results)
    row = frame[(frame.dataset == "cifar100") & (frame.searcher == "rea") & (frame.replica == 3)].iloc[0]
    result = next(r for r in comparison.of("cifar100") if r.searcher == "rea")
    truth, space = comparison.tables["cifar100"], space_named("topology")
    found = result.found[3]
    assert found == space.architecture(row.architecture) == space.at(row.official_index)
    assert row.validation_accuracy == truth.final_mean[found.flat]
    assert row.regret == truth.optimum - row.validation_accuracy
    assert row.evaluations == result.evaluations[3]
    assert row.simulated_s == result.clock[3].max()
    assert frame.groupby("searcher").oracle.all()[["darts-v1", "gdas"]].all()
    assert to_frame([], {}).empty


def test_frame_says_where_nothing_was_found():
    facts, result = fabricate.table(test=False), fabricate.hand([[5], [7]], [[1.0], [1.0]])
    frame = to_frame([dataclasses.replace(result, found_flat=np.array([5, -1], np.int32))], {"hand": facts})
    assert frame.architecture.isna().tolist() == [False, True]
    assert frame.official_index.tolist()[1] == -1
    assert np.isnan(frame.regret[1])
    assert "test_accuracy" not in frame


def test_trajectory_frame():
    truth = TableFacts(np.array([50.0, 60.0, 70.0]))
    frame = trajectory_frame(fabricate.hand([[0, 2], [1, -1]], [[10.0, 20.0], [15.0, 15.0]]), truth)
    assert frame.replica.tolist() == [0, 0, 1]
    assert frame.clock.tolist() == [10.0, 20.0, 15.0]
    assert frame.regret.tolist() == [20.0, 0.0, 10.0]
    steps = fabricate.hand([[0, 2]], [[0.0, 0.0]], evaluated=np.zeros((1, 0)), oracle=True)
    assert "evaluated" not in trajectory_frame(steps, truth)
    assert isinstance(frame, pd.DataFrame)
