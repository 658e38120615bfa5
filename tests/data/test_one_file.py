import bz2
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nasreplay.data.importers.nats.archive import content_of as official_content
from nasreplay.data.importers.nats.archive import official_texts, open_archive
from nasreplay.data.importers.nats.archive_to_pack import convert
from nasreplay.data.importers.nats.find_archive import find_archive
from nasreplay.data.importers.nats.onefile.spool import OneFileArchive
from nasreplay.data.importers.nats.template import Reader
from nasreplay.data.importers.nats.verify_archive import compare
from nasreplay.data.pack.check import verify
from nasreplay.errors import BadInput, UnsafePickle, WriteFailed
from nasreplay.spaces import SIZE, TOPOLOGY, space_named
from tests.support.archives import FOLDERS, SAMPLED, content_of, drawn, one_file, synthetic
from tests.support.command import CHECKOUT, end, start, wait_for

pytestmark = pytest.mark.slow

NUMBERS = sorted(TOPOLOGY.flat_to_official[[0, 1, 33, 255, 256, 9_000]].tolist())
NAME = "NATS-tss-synthetic-simple"  # as the folder: the packs of both are then equal to the last byte


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthetic(TOPOLOGY, tmp_path_factory.mktemp("folder"), NUMBERS)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("file") / f"{NAME}.pickle.pbz2"
    return one_file(TOPOLOGY, file, {number: drawn(TOPOLOGY, number) for number in NUMBERS})


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("pack") / "pack.h5"
    return convert(open_archive(folder), out, jobs=1, allow_missing=True).pack.path.read_bytes()


def opened(file: Path) -> OneFileArchive:
    found = find_archive(file)
    assert isinstance(found, OneFileArchive)
    return found


def test_the_pack_is_that_of_the_folder_to_the_last_byte(file, expected, tmp_path):
    told = []
    done = convert(
        opened(file), tmp_path / "pack.h5", jobs=1, allow_missing=True, progress=lambda *at: told.append(at)
    )
    assert done.pack.path.read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["pack.h5"]
    assert (len(NUMBERS), 2 * TOPOLOGY.size) in told
    assert told[-1] == (2 * TOPOLOGY.size, 2 * TOPOLOGY.size)
    assert told == sorted(told)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_every_protocol_of_the_pickler(tmp_path, protocol):
    contents = {number: drawn(SIZE, number) for number in (0, 7, 32_767)}
    archive = opened(one_file(SIZE, tmp_path / "a.pickle.pbz2", contents, protocol)).unpacked(tmp_path)
    assert (archive.space, archive.name, sorted(archive.files)) == (SIZE, "a", [0, 7, 32_767])
    reader = Reader()
    for number, piece in archive.files.items():
        one = reader.read(official_content(piece), str(piece))
        other = Reader().read(pickle.dumps(contents[number], 4), "other")
        assert one[:3] == other[:3]
        assert one.numbers.tobytes() == other.numbers.tobytes()


@pytest.mark.parametrize("name", FOLDERS)
def test_the_samples_as_one_file(shared, tmp_path, name):
    folder = shared / "data" / "nats-sample" / FOLDERS[name]
    contents = {number: content_of(folder, number) for number in SAMPLED}
    file = one_file(space_named(name), tmp_path / "sample.pickle.pbz2", contents)
    done = convert(opened(file), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    assert compare(done.pack, open_archive(folder), full=True) == (len(SAMPLED), [])
    assert verify(done.pack) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_conversion_goes_on_and_gives_the_same_bytes(file, expected, tmp_path):
    arguments = ("data", "convert", str(file), "--out", "pack.h5", "--jobs", "2", "--allow-missing")
    parts, draw = tmp_path / ".pack.h5.parts", random.Random()
    for pattern, wanted in (("architectures", 1), ("*.npz", draw.randrange(1, 20))):  # read, and converted
        process = start(*arguments, cwd=tmp_path)
        wait_for(lambda pattern=pattern, wanted=wanted: len(list(parts.glob(pattern))) >= wanted, process)
        process.kill()
        process.communicate(timeout=60)
        assert not (tmp_path / "pack.h5").exists()
    out, _ = end(start(*arguments, cwd=tmp_path), 0)
    assert f"pack.h5: {len(NUMBERS)} architectures" in out
    assert (tmp_path / "pack.h5").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["pack.h5"]


def test_a_finished_spool_is_used_again_and_one_of_another_file_is_not(file, tmp_path):
    archive = opened(file).unpacked(tmp_path)
    again = opened(file).unpacked(tmp_path, lambda *_: pytest.fail("it was read again"))
    assert again.files == archive.files
    other = one_file(TOPOLOGY, tmp_path / "other.pickle.pbz2", {3: drawn(TOPOLOGY, 3)})
    assert list(opened(other).unpacked(tmp_path).files) == [3]
    piece = archive.files[NUMBERS[0]]
    with pytest.raises(WriteFailed, match=r"architectures: damaged; delete its folder"):
        official_content(piece)


def test_convert_and_verify_by_command(file, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2").symlink_to(file)
    out, _ = end(start("data", "convert", "--allow-missing", "--jobs", "1", cwd=tmp_path), 0)
    assert f"use it as --table {NAME}" in out
    out, _ = end(start("data", "verify", NAME, "--archive", str(file), cwd=tmp_path), 0)
    assert f"equal to {file} in {len(NUMBERS)} architectures" in out


# --- what is refused -------------------------------------------------------------------------------


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


def test_what_is_wrong_with_an_architecture_is_told_by_number(tmp_path):
    contents = {number: drawn(SIZE, number) for number in (0, 1, 2, 3)}
    contents[1] = contents[3]
    contents[2]["12"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@7"] = 100.5
    file = one_file(SIZE, tmp_path / "a.pickle.pbz2", contents)
    with pytest.raises(UnsafePickle, match="shares more than texts"):  # 1 and 3 are the same object
        convert(opened(file), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    contents[3] = drawn(SIZE, 3)
    file = one_file(SIZE, tmp_path / "a.pickle.pbz2", contents)
    done = convert(opened(file), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    assert f"{file}, architecture 1: is about architecture 3" in done.missing[1]
    assert "cifar10/12/ori-test/accuracy of seed 777: outside 0 to 100" in done.missing[2]
    assert len(done.missing) == SIZE.size - 2


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({0: Harmful()}, "posix.system, which is not allowed; nothing was executed"),
        ({40_000: {}}, "architecture 40000 is there twice, or is none of the 32,768"),
    ],
)
def test_nothing_is_left_of_a_file_that_is_refused(tmp_path, monkeypatch, contents, message):
    monkeypatch.chdir(tmp_path)
    file = one_file(SIZE, tmp_path / "a.pickle.pbz2", contents)
    with pytest.raises(BadInput, match=message) as caught:
        convert(opened(file), tmp_path / "pack.h5", jobs=1, allow_missing=True)
    assert str(caught.value).startswith(str(file))
    assert list(tmp_path.iterdir()) == [file]


def test_files_that_are_no_archive(tmp_path, file):
    with pytest.raises(BadInput, match="its meta_archs is not the list of architectures"):
        find_archive(one_file(SIZE, tmp_path / "a.pickle.pbz2", {}, texts=["8:8:8:8:8"]))
    (tmp_path / "b").write_text("hello")
    with pytest.raises(BadInput, match=r"b: cannot be read: Invalid data stream"):
        find_archive(tmp_path / "b")
    content = file.read_bytes()
    (tmp_path / "c").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"c: truncated: its end is missing"):
        opened(tmp_path / "c").unpacked(tmp_path)
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 255
    (tmp_path / "d").write_bytes(damaged)
    with pytest.raises(BadInput, match=r"d: "):
        opened(tmp_path / "d").unpacked(tmp_path)


def beginning() -> bytes:
    """A pickle up to the inside of its first architecture."""
    listed = pickle.dumps(official_texts(TOPOLOGY), 4)[2:-1]
    return b"\x80\x04}(\x8c\x0ameta_archs" + listed + b"\x8c\x0aarch2infos}(K\x00}("


BOMBS = {
    "zeros": bytes(2**20),
    "frames": b"\x95" + bytes(8),
    "nothing": b"N",
    "marks": b"(",
    "numbers": b"N\x94",
    "texts": b"\x8c\xff" + b"x" * 255 + b"\x94",
    "lists": b"]",
    "curves": b"\x8c\x01xG12345678",
    "tuples": b")\x94\x85",
    "large": b"](" + b"G12345678" * 9999 + b"e\x94",
}


def test_bombs_take_neither_time_nor_memory(tmp_path):
    """All of them in a process that may have 1 GB of memory and a minute: each unpacks to 2 GB."""
    begun = bz2.compress(beginning())
    for name, unit in BOMBS.items():
        part = bz2.compress(unit * (2**20 // len(unit) + 1))
        (tmp_path / name).write_bytes(begun + part * 2048)
    doubled = b"".join(b"](" + b"h" + bytes([k]) + b"h" + bytes([k]) + b"e\x94" for k in range(200))
    (tmp_path / "doubled").write_bytes(bz2.compress(b"\x80\x04]\x94" + doubled))
    deep = b"\x80\x04" + b"]" * 50_000 + b"a" * 49_999 + b"."
    (tmp_path / "deep").write_bytes(bz2.compress(deep))
    code = (
        "import sys, pathlib\n"
        "from nasreplay.data.importers.nats.find_archive import find_archive\n"
        "from nasreplay.errors import BadInput\n"
        "for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        find_archive(file).unpacked(pathlib.Path(sys.argv[2]))\n"
        "    except BadInput as problem:\n"
        "        print('refused', problem)\n"
    )
    spool = tmp_path.with_name("spool")
    spool.mkdir()

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(spool)],
        preexec_fn=limits,
        cwd=CHECKOUT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(BOMBS) + 2
    assert all(line.startswith("refused") for line in lines)
