import bz2
import os
import pickle
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.importers.nats import conversion_parts
from nasreplay.data.importers.nats.archive import Archive, official_texts, open_archive
from nasreplay.data.importers.nats.archive_to_pack import convert
from nasreplay.data.importers.nats.conversion_parts import column_of
from nasreplay.data.importers.nats.verify_archive import compare
from nasreplay.data.pack import Pack
from nasreplay.data.pack.check import verify
from nasreplay.errors import BadInput, BadOutput, UnsafePickle
from nasreplay.files.lock import alone_in
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.archives import FOLDERS, SAMPLED, content_of, numbers_of, path_of, put, synthetic
from tests.support.command import end, start, wait_for

pytestmark = pytest.mark.slow

NUMBERS = TOPOLOGY.flat_to_official[[0, 1, 33, 255, 256, 5_000, 9_000, 15_624]].tolist()  # of several shards


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return synthetic(TOPOLOGY, tmp_path_factory.mktemp("archive"), NUMBERS)


@pytest.fixture(scope="module")
def pack(archive, tmp_path_factory) -> Pack:
    out = tmp_path_factory.mktemp("pack") / "whole.h5"
    return convert(open_archive(archive), out, jobs=1, allow_missing=True).pack


def linked(archive: Path, folder: Path) -> Path:
    """A copy of an archive whose files may be replaced one by one."""
    folder.mkdir()
    for file in archive.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def assert_holds(pack: Pack, content: dict, precision: float = 0) -> None:
    """A pack has every number of a file, and of its architecture no other."""
    flat = int(pack.space.official_to_flat[content[next(iter(content))]["arch_index"]])
    expected: dict[str, np.ndarray] = {}
    for recipe, state in content.items():
        for (stored, seed), trial in state["all_results"].items():
            seeds = pack.seeds(stored, recipe).tolist()
            for name, values in numbers_of(trial).items():
                path = column_of(f"{stored}/{recipe}/{name}")
                if name.endswith("seconds"):
                    expected[path] = np.array(values)
                else:
                    nothing = np.full((len(seeds), len(values)), np.nan)
                    expected.setdefault(path, nothing)[seeds.index(seed)] = values
    for path in pack.columns:
        if path.endswith(("/seeds", "official_index", "unique_class")) or path.count("/") == 1:
            continue
        values = expected.pop(path)
        np.testing.assert_array_equal(pack.column(path)[flat], values[..., -1])
        if values.ndim == 2 and values.shape[1] > 1:
            np.testing.assert_allclose(pack.curve(path, [flat])[0], values, rtol=precision)
    assert expected == {}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_samples_become_packs_number_by_number(shared, tmp_path, name):
    folder = shared / "data" / "nats-sample" / FOLDERS[name]
    done = convert(open_archive(folder), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    pack = done.pack
    for number in SAMPLED:
        assert_holds(pack, content_of(folder, number))
    assert len(done.missing) == pack.space.size - len(SAMPLED)
    assert set(done.missing.values()) == {"no file"}
    assert (pack.space.name, pack.archive) == (name, FOLDERS[name])
    assert verify(pack) == []
    assert compare(pack, open_archive(folder)) == (len(SAMPLED), [])
    recipes = {"topology": {"12": 12, "200": 200}, "size": {"01": 1, "12": 12, "90": 90}}[name]
    assert pack.recipes("cifar100") == recipes
    first = "x-valid" if name == "size" else "ori-test"  # as the first trial's eval_names
    assert pack.sets("cifar100", max(recipes, key=lambda recipe: recipes[recipe]))[0] == first
    known = [path for path in pack.curves if "/200/" in path]
    assert known == [path for path in known if "/x-test/" not in path]  # these have their last epoch alone
    measured = np.flatnonzero(np.isfinite(pack.column("cifar100/latency")))
    assert sorted(pack.space.flat_to_official[measured].tolist()) == list(SAMPLED)
    assert [path.name for path in tmp_path.iterdir()] == ["pack.h5"]


def test_two_and_three_trials(archive, pack):
    for number in NUMBERS:
        assert_holds(pack, content_of(archive, number))
    trials = np.isfinite(pack.column("cifar10/200/train/loss")).sum(axis=1)
    assert set(trials.tolist()) == {0, 2, 3}
    assert not pack.has("cifar10/200/train/top5")
    assert verify(pack) == []


def test_float32_and_no_curves(archive, pack, tmp_path):
    found = open_archive(archive)
    rounded = convert(found, tmp_path / "a.h5", exact=False, jobs=1, allow_missing=True).pack
    last = convert(found, tmp_path / "b.h5", curves=False, jobs=1, allow_missing=True).pack
    for number in NUMBERS:
        assert_holds(rounded, content_of(archive, number), precision=2.0**-24)
    assert rounded.curves.keys() == pack.curves.keys()
    assert last.curves == {}
    assert last.columns == pack.columns == rounded.columns
    for path in pack.columns:
        np.testing.assert_array_equal(last.column(path), pack.column(path))
    assert last.path.stat().st_size < rounded.path.stat().st_size < pack.path.stat().st_size
    assert compare(rounded, found) == compare(last, found) == (len(NUMBERS), [])


def test_the_official_package_reads_the_synthetic_archive_the_same(archive, pack):
    nats_bench = pytest.importorskip("nats_bench")
    api = nats_bench.create(str(archive), "tss", fast_mode=True, verbose=False)
    for number in NUMBERS[:2]:
        flat = int(TOPOLOGY.official_to_flat[number])
        for epoch in (1, 100, 200):
            told = api.get_more_info(number, "cifar10-valid", epoch - 1, hp="200", is_random=False)
            for key, path in (("valid-accuracy", "x-valid/accuracy"), ("train-loss", "train/loss")):
                ours = np.nanmean(pack.curve(f"cifar10-valid/200/{path}", [flat])[0, :, epoch - 1])
                assert told[key] == pytest.approx(ours, rel=1e-12)


# --- what cannot be read ---------------------------------------------------------------------------


def test_missing_and_unreadable_files(archive, pack, tmp_path):
    damaged, other, wrong = NUMBERS[:3]
    broken = linked(archive, tmp_path / archive.name)
    for number in (damaged, other, wrong):
        path_of(broken, number).unlink()
    path_of(broken, damaged).write_bytes(path_of(archive, damaged).read_bytes()[:-100])
    put(broken, other, content_of(archive, NUMBERS[3]))
    content = content_of(archive, wrong)
    content["200"]["all_results"]["cifar100", 888]["eval_acc1es"]["ori-test@7"] = 100.5
    put(broken, wrong, content)
    out = tmp_path / "pack.h5"
    with pytest.raises(BadInput, match=r"15,617 of 15,625 architectures cannot be read: .*--allow-missing"):
        convert(open_archive(broken), out, jobs=1)
    done = convert(open_archive(broken), out, jobs=1, allow_missing=True)
    assert "truncated" in done.missing[damaged]
    assert f"is about architecture {NUMBERS[3]}" in done.missing[other]
    assert "cifar100/200/ori-test/accuracy of seed 888: outside 0 to 100" in done.missing[wrong]
    for number in (damaged, other, wrong):
        flat = TOPOLOGY.official_to_flat[number]
        assert np.isnan(done.pack.column("cifar10/12/train/loss")[flat]).all()
    for number in NUMBERS[3:]:
        assert_holds(done.pack, content_of(archive, number))
    count, problems = compare(pack, open_archive(broken))
    assert count == len(NUMBERS)
    assert len(problems) == 3


def test_what_is_converted_is_sound_and_what_is_left_out_is_not_compared(archive, tmp_path):
    """A training that diverged, and a latency that was not measured, are kept; a loss without accuracy is not."""
    edited = linked(archive, tmp_path / archive.name)
    diverged, odd = NUMBERS[:2]
    content = content_of(archive, diverged)
    trial = content["12"]["all_results"]["cifar10", 111]
    trial["train_losses"].update({3: float("inf"), 11: float("nan")})
    trial["eval_losses"]["ori-test@11"] = float("inf")
    trial["latency"] = [0.0]
    other = content_of(archive, odd)
    del other["12"]["all_results"]["cifar10", 111]["train_acc1es"][5]
    for number, edit in ((diverged, content), (odd, other)):
        path_of(edited, number).unlink()
        put(edited, number, edit)
    done = convert(open_archive(edited), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    assert "train/loss of seed 111: measured without an accuracy" in done.missing[odd]
    assert_holds(done.pack, content)
    assert verify(done.pack) == []
    assert compare(done.pack, open_archive(edited), full=True) == (len(NUMBERS), [])
    short = convert(
        open_archive(edited), tmp_path / "short.h5", curves=False, jobs=1, allow_missing=True
    ).pack
    assert verify(short) == []


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (lambda trial: trial["train_losses"].update({3: -1.0}), "train/loss of seed 111: negative"),
        (
            lambda trial: trial["train_times"].update({3: 1.0}),
            "train/seconds of seed 111: not one positive number",
        ),
        (
            lambda trial: trial.update(eval_times=dict.fromkeys(trial["eval_times"], 0.0)),
            "ori-test/seconds of seed 111: not one positive number",
        ),
        (lambda trial: trial.update(params=float("-inf")), "params of seed 111: negative"),
        (lambda trial: trial.update(latency=[float("inf")]), "latency of seed 111: negative or over 1e15"),
    ],
)
def test_numbers_that_cannot_be(archive, tmp_path, edit, rule):
    broken = linked(archive, tmp_path / archive.name)
    content = content_of(archive, NUMBERS[0])
    edit(content["12"]["all_results"]["cifar10", 111])
    path_of(broken, NUMBERS[0]).unlink()
    put(broken, NUMBERS[0], content)
    assert rule in problem_of(open_archive(broken), NUMBERS[0])


def problem_of(archive: Archive, number: int) -> str:
    """Why a file cannot be read."""
    text = official_texts(TOPOLOGY)[number]
    job = conversion_parts.Job(0, ((number, text, archive.files[number]),), True, True)
    return conversion_parts.make(job, archive.path / "shard.npz")[number]


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


def test_an_unsafe_file_ends_the_conversion_and_nothing_is_written(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    broken = linked(archive, tmp_path / archive.name)
    path_of(broken, NUMBERS[4]).unlink()
    path_of(broken, NUMBERS[4]).write_bytes(bz2.compress(pickle.dumps(Harmful(), 4)))
    for jobs in (1, 2):
        with pytest.raises(UnsafePickle, match=rf"{NUMBERS[4]:06d}.*posix\.system, which is not allowed"):
            convert(open_archive(broken), tmp_path / "pack.h5", jobs=jobs, allow_missing=True)
        assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_places_that_are_not_written(archive, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="exists and is no table"):
        convert(open_archive(archive), tmp_path / "notes.txt", jobs=1, allow_missing=True)
    with pytest.raises(BadInput, match="cannot be made"):
        convert(open_archive(archive), tmp_path / "notes.txt" / "x.h5", jobs=1, allow_missing=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_one_conversion_at_a_time(archive, tmp_path):
    arguments = ("data", "convert", str(archive), "--out", "pack.h5", "--jobs", "1", "--allow-missing")
    with alone_in(tmp_path / ".pack.h5.parts"):
        out, err = end(start(*arguments, cwd=tmp_path), 2)
    assert (out, err) == (
        "",
        "nasreplay: error: .pack.h5.parts: another process is writing here; wait for its end, "
        "or choose another place\n",
    )
    end(start(*arguments, cwd=tmp_path), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["pack.h5"]


def test_a_fuller_table_of_the_same_name_is_kept(archive, pack, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    table = tmp_path / "home" / f"{archive.name}.h5"
    table.parent.mkdir()
    table.write_bytes(pack.path.read_bytes())
    fewer = linked(archive, tmp_path / archive.name)
    path_of(fewer, NUMBERS[0]).unlink()
    _, err = end(start("data", "convert", archive.name, "--allow-missing", cwd=tmp_path), 2)
    assert "holds 8 architectures, and would be replaced by a table with 7: name a file with --out" in err
    with pytest.raises(
        BadOutput, match="holds every epoch, and would be replaced by a table with the last one"
    ):
        convert(open_archive(archive), table, curves=False, allow_missing=True, keep_fuller=True)
    with pytest.raises(BadOutput, match=r"curves of float64, and would be replaced by .* float32"):
        convert(open_archive(archive), table, exact=False, allow_missing=True, keep_fuller=True)
    assert table.read_bytes() == pack.path.read_bytes()
    assert [path.name for path in table.parent.iterdir()] == [table.name]


def test_no_table_takes_the_name_of_the_embedded_one(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    for name in ("embedded", "nas-bench-201-embedded.mine"):
        linked(archive, tmp_path / name)
        _, err = end(start("data", "convert", name, "--allow-missing", cwd=tmp_path), 2)
        assert f"{name!r} is the name of the embedded table: name a file with --out" in err
    assert not (tmp_path / "home").exists()


# --- interruptions ---------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_conversion_goes_on_and_gives_the_same_bytes(archive, pack, tmp_path):
    arguments = ("data", "convert", str(archive), "--out", "pack.h5", "--jobs", "2", "--allow-missing")
    parts, draw = tmp_path / ".pack.h5.parts", random.Random()
    for _ in range(2):
        before = len(list(parts.glob("*.npz")))
        process = start(*arguments, cwd=tmp_path)
        wanted = before + draw.randrange(1, 20)
        wait_for(lambda wanted=wanted: len(list(parts.glob("*.npz"))) >= wanted, process)
        process.kill()  # its workers end with it
        process.communicate(timeout=60)
        assert not (tmp_path / "pack.h5").exists()
    done = {file: file.stat().st_mtime_ns for file in parts.glob("*.npz")}
    first = min(done, key=lambda file: done[file])
    first.write_bytes(first.read_bytes()[:-9])  # a part that is damaged is made again
    out, err = end(start(*arguments, cwd=tmp_path), 0)
    assert f"pack.h5: {len(NUMBERS)} architectures" in out
    assert "left out (no file): 15,617 architectures" in err
    assert (tmp_path / "pack.h5").read_bytes() == pack.path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["pack.h5"]


def test_files_that_changed_since_an_interruption_are_read_again(archive, tmp_path, monkeypatch):
    copy = linked(archive, tmp_path / archive.name)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nasreplay.data.importers.nats.archive_to_pack.write_pack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            convert(open_archive(copy), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    number = NUMBERS[5]
    content = content_of(archive, number)
    content["12"]["all_results"]["cifar10", 111]["train_losses"][4] = 1.25
    path_of(copy, number).unlink()
    put(copy, number, content)
    done = convert(open_archive(copy), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    assert_holds(done.pack, content)
    assert_holds(done.pack, content_of(archive, NUMBERS[6]))


# --- the commands ----------------------------------------------------------------------------------


def test_convert_verify_and_use_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    made = synthetic(SIZE, tmp_path, [0, 5])
    archive = made.rename(tmp_path / FOLDERS["size"])
    out, _ = end(start("data", "convert", "--allow-missing", "--jobs", "1", cwd=tmp_path), 0)
    assert f"use it as --table {archive.name}" in out
    out, _ = end(start("data", "verify", archive.name, "--archive", str(archive), cwd=tmp_path), 0)
    assert "60 curves" in out
    assert f"equal to {tmp_path / archive.name} in 2 architectures" in out
    out, _ = end(
        start("query", "8:8:8:8:8", "--table", archive.name, "--dataset", "cifar100", cwd=tmp_path), 0
    )
    trial = content_of(archive, 0)["90"]["all_results"]["cifar100", 777]
    assert f"{trial['eval_acc1es']['x-valid@89']:.2f}" in out
    content = content_of(archive, 5)
    content["90"]["all_results"]["cifar100", 777]["eval_losses"]["x-test@44"] += 1e-9
    put(archive, 5, content)
    out, _ = end(start("data", "verify", archive.name, "--archive", str(archive), cwd=tmp_path), 1)
    assert "architecture 5: not the numbers of the archive: cifar100/90/x-test/loss\n" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "--no-curves", "--float32-curves", "nothing"), "exclude each other"),
        (("convert", "nothing"), "nothing/meta.pickle.pbz2: cannot be read: No such file"),
        (("verify", "--full"), "--full has no effect without --archive"),
    ],
)
def test_bad_usage_is_one_line(tmp_path, arguments, message):
    out, err = end(start("data", *arguments, cwd=tmp_path), 2)
    assert message in err
    assert (out, err.count("\n")) == ("", 1)
