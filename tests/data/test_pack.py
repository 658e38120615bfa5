import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.check import verify
from nasreplay.data.trials import AVERAGED
from nasreplay.errors import BadInput, BadOutput, BadPack, NotMeasured
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.crafted_packs import change
from tests.support.random_packs import in_a_worker
from tests.support.sample_packs import random_columns, write


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["x-valid", "ori-test", "train"]), min_size=1, unique=True),
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path, seed, sets, seeds, with_loss):
    draw = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {"cifar10-valid/12/seeds": np.array(seeds, np.int32)}
    for name in sets:
        values = draw.uniform(0, 100, (TOPOLOGY.size, len(seeds)))
        values[draw.random(values.shape) < 0.1] = np.nan
        columns[f"cifar10-valid/12/{name}/accuracy"] = values
        if with_loss:
            columns[f"cifar10-valid/12/{name}/loss"] = values / 10
    pack = write(tmp_path / "pack.h5", columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(Pack.open(pack.path).column(name), values)
    assert set(pack.sets("cifar10-valid", "12")) == set(sets)
    assert verify(pack) == []


def test_what_there_is(sample):
    assert sample.space is TOPOLOGY
    assert sample.datasets == ("cifar10-valid",)
    assert sample.recipes("cifar10-valid") == {"12": 12}
    assert sample.recipes("cifar100") == {}
    assert sample.seeds("cifar10-valid", "12").tolist() == [777, 888]
    assert sample.sets("cifar10-valid", "12") == ("x-valid",)
    assert sample.has("cifar10-valid/latency")
    assert not sample.has("cifar10-valid/12/x-valid/loss")
    assert (sample.title, sample.source, sample.licence) == ("test", "a test", "MIT")
    np.testing.assert_array_equal(sample.column("official_index"), TOPOLOGY.flat_to_official)
    np.testing.assert_array_equal(sample.column("unique_class"), TOPOLOGY.unique_class)


def test_columns_are_lazy_kept_and_read_only(sample):
    pack = Pack.open(sample.path)
    assert pack._read == {}
    values = pack.column("cifar10-valid/latency")
    assert pack.column("cifar10-valid/latency") is values
    assert set(pack._read) == {"cifar10-valid/latency"}
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


def test_accuracy_says_what_it_is(sample):
    values, meaning, recipe = sample.accuracy("CIFAR10")
    assert (meaning.stored, meaning.set, recipe) == ("cifar10-valid", "x-valid", "12")
    np.testing.assert_array_equal(values, random_columns()["cifar10-valid/12/x-valid/accuracy"])


def test_the_longest_recipe_is_the_default(tmp_path):
    columns = random_columns() | {
        "cifar10-valid/200/seeds": np.array([AVERAGED]),
        "cifar10-valid/200/x-valid/accuracy": np.full((TOPOLOGY.size, 1), 91.0),
        "cifar10-valid/300/seconds_per_epoch": np.ones(TOPOLOGY.size),
    }
    pack = write(tmp_path / "pack.h5", columns)
    assert pack.accuracy("cifar10")[2] == "200"
    assert pack.accuracy("cifar10", recipe="12")[2] == "12"
    assert pack.recipes("cifar10-valid") == {"12": 12, "200": 200, "300": 300}


def test_what_was_not_measured_lists_what_was(sample):
    for request in [("cifar10", "test"), ("cifar100", "valid"), ("cifar10", "valid", "200")]:
        with pytest.raises(NotMeasured, match="it holds valid of cifar10 at recipe 12"):
            sample.accuracy(*request)
    with pytest.raises(NotMeasured, match="cifar10-valid/12/x-valid/accuracy"):
        sample.column("cifar10-valid/12/x-valid/loss")


def test_readable_with_h5py_alone(sample):
    with h5py.File(sample.path) as file:
        assert file.attrs["format"] == b"nasreplay-pack/1"
        assert file["cifar10-valid/12"].attrs["epochs"] == 12
        node = file["cifar10-valid/12/x-valid/accuracy"]
        assert isinstance(node, h5py.Dataset)
        assert node.fletcher32
        np.testing.assert_array_equal(node[:], sample.column("cifar10-valid/12/x-valid/accuracy"))


def test_same_contents_same_bytes(sample, tmp_path):
    again = write(tmp_path / "other name.h5", dict(reversed(random_columns().items())))
    assert again.path.read_bytes() == sample.path.read_bytes()


def test_fingerprint_depends_on_contents_alone(sample, tmp_path):
    assert write(tmp_path / "a.h5", random_columns(), title="another title").fingerprint == sample.fingerprint
    changed = random_columns()
    changed["cifar10-valid/latency"][0] += 1e-9
    assert write(tmp_path / "b.h5", changed).fingerprint != sample.fingerprint
    fewer = random_columns()
    del fewer["cifar10-valid/latency"]
    assert write(tmp_path / "c.h5", fewer).fingerprint != sample.fingerprint


def test_pickled_packs_travel_without_their_numbers(sample):
    sample.column("cifar10-valid/latency")
    content = pickle.dumps(sample)
    assert len(content) < 5_000
    code = (
        "import pickle, sys; p = pickle.load(sys.stdin.buffer); print(p.column('cifar10-valid/latency')[7])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert float(done.stdout) == sample.column("cifar10-valid/latency")[7]


def test_a_file_replaced_under_a_reader_is_noticed(tmp_path):
    pack = write(tmp_path / "pack.h5", random_columns(1))
    travelled, latency = in_a_worker(pack), random_columns(1)["cifar10-valid/latency"]
    write(tmp_path / "pack.h5", random_columns(2))
    np.testing.assert_array_equal(pack.column("cifar10-valid/latency"), latency)  # small: read when opened
    with pytest.raises(BadPack, match="was replaced"):
        travelled.column("cifar10-valid/latency")
    assert "replaced since it was opened" in verify(pack)[0]


def test_size_space(tmp_path):
    columns = {
        "cifar100/90/seeds": [777],
        "cifar100/90/x-test/accuracy": np.full((SIZE.size, 1), 5.0),
        "cifar100/90/x-test/eval_seconds": np.full(SIZE.size, 0.5),
    }
    pack = write_pack(
        tmp_path / "size.h5", SIZE, columns, title="s", source="", licence="", epochs={"cifar100/90": 90}
    )
    assert pack.space is SIZE
    assert not pack.has("unique_class")
    assert pack.accuracy("cifar100", "test")[0].shape == (SIZE.size, 1)
    assert verify(pack) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cifar10-valid/latency", np.ones(3), r"shape \[3\], must be \[15625\]"),
        ("cifar10-valid/12/x-valid/accuracy", np.ones((TOPOLOGY.size, 3)), r"must be \[15625, 2\]"),
        ("cifar10-valid/12/x-valid/accurcy", np.ones((TOPOLOGY.size, 2)), "unknown column"),
        ("../x", np.ones(TOPOLOGY.size), "unknown column"),
        ("cifar10-valid/90/seconds_per_epoch", np.ones(TOPOLOGY.size), "no number of epochs"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, path, value, message):
    with pytest.raises(BadInput, match=message):
        write_pack(
            tmp_path / "pack.h5",
            TOPOLOGY,
            random_columns() | {path: value},
            title="",
            source="",
            licence="",
            epochs={"cifar10-valid/12": 12},
        )
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "file").touch()
    for place in (tmp_path / "folder.h5", tmp_path / "absent" / "x.h5", tmp_path / "file" / "x.h5"):
        with pytest.raises(BadOutput, match="cannot be written"):
            write(place, random_columns())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.h5"]


def test_a_full_disk_keeps_the_old_file(sample, tmp_path, monkeypatch):
    path = tmp_path / "pack.h5"
    old = write(path, random_columns(1))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadOutput, match="No space left on device"):
        write(path, random_columns(2))
    monkeypatch.undo()
    assert Pack.open(path).fingerprint == old.fingerprint
    assert list(tmp_path.iterdir()) == [path]


ACCURACY, SECONDS = "cifar10-valid/12/x-valid/accuracy", "cifar10-valid/12/seconds_per_epoch"
TRIALS = "cifar10-valid/12/seeds"
WRONG = [
    (ACCURACY, [100.5, 3], "1 numbers outside 0 to 100 percent"),
    (ACCURACY, [3, -5], "1 numbers outside 0 to 100 percent"),
    (ACCURACY, [np.inf, 1e308], "2 numbers outside 0 to 100 percent"),
    *((SECONDS, value, "1 numbers not 1e-9 to 1e12 seconds") for value in (0, -1, np.inf, 1e-300)),
    *(("cifar10-valid/latency", value, "1 numbers negative or over 1e15") for value in (-1, np.inf)),
    (TRIALS, 777, "2 numbers below -1 or not all different"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_numbers_outside_their_limits_are_never_answered(tmp_path, name, value, message):
    pack = write(tmp_path / "pack.h5", random_columns())
    changed = change(pack.path, name, 5 if name != TRIALS else slice(None), value)
    pack = Pack.open(pack.path)
    with pytest.raises(BadPack, match=message):
        pack.column(name)
    assert message in verify(pack)[0]
    with pytest.raises(BadInput, match=f"cannot be written: column {name}: {message}"):
        write(tmp_path / "again.h5", random_columns() | {name: changed})


def test_verify_finds_trials_that_do_not_fit(tmp_path):
    columns = random_columns()
    columns["cifar10-valid/12/x-valid/loss"] = np.ones((TOPOLOGY.size, 2))
    assert "a loss but no accuracy" in verify(write(tmp_path / "a.h5", columns))[0]
    columns = random_columns()
    columns["cifar10-valid/12/seeds"] = np.array([AVERAGED, 777])
    assert "beside single trials" in verify(write(tmp_path / "b.h5", columns))[0]
