"""Packs that were made to do harm: refused by name, in little memory and time, before a number is read."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasreplay.data.describe import description
from nasreplay.data.pack import Pack
from nasreplay.errors import BadPack
from tests.support.crafted_packs import put, sign
from tests.support.sample_packs import random_columns, write

PATH = "cifar10-valid/12/x-valid/accuracy"
SHAPE = (15_625, 2)

LIMITED = """
import resource, sys
from nasreplay.data.pack import Pack
from nasreplay.errors import BadPack
resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    pack = Pack.open(sys.argv[1])
    for name in pack.columns:
        pack.column(name)
    print("opened")
except BadPack as problem:
    print(problem)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def crafted(folder: Path, edit: Callable[[Any], object]) -> Path:
    path = write(folder / "crafted.h5", random_columns()).path
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        edit(file)
    return path


def replaced(**creation: Any) -> Callable[[Any], object]:
    """The accuracies as a new data set made in this way."""

    def edit(file: Any) -> None:
        values = file[PATH][:]
        del file[PATH]
        made = {"data": values} if "shape" not in creation and "dtype" not in creation else {}
        file.create_dataset(PATH, **made, **creation)

    return edit


def short_chunk(file: Any) -> None:
    del file[PATH]
    data = file.create_dataset(PATH, SHAPE, "<f8", chunks=SHAPE, fletcher32=True)
    data.id.write_direct_chunk((0, 0), b"x")


def bomb(file: Any) -> None:
    import zlib

    del file[PATH]
    data = file.create_dataset(PATH, SHAPE, "<f8", chunks=SHAPE, compression="gzip", shuffle=True)
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**8)))


def external_link(file: Any) -> None:
    del file[PATH]
    file[PATH] = h5py.ExternalLink("other.h5", "/x")


def soft_link(file: Any) -> None:
    file["cifar10-valid/12/more"] = h5py.SoftLink("/cifar10-valid/latency")


def linked_group(file: Any) -> None:
    file.move("cifar10-valid/12", "moved")
    file["cifar10-valid/12"] = h5py.SoftLink("/moved")


def virtual(file: Any) -> None:
    del file[PATH]
    layout = h5py.VirtualLayout(SHAPE, "<f8")
    layout[...] = h5py.VirtualSource("other.h5", "x", SHAPE)
    file.create_virtual_dataset(PATH, layout)


def deep(file: Any) -> None:
    file.create_group("/".join("abcdefghijkl"))


def many(file: Any) -> None:
    group = file.create_group("many")
    for number in range(20_001):
        group.create_group(str(number))


def circle(file: Any) -> None:
    file["cifar10-valid/again"] = file["/"]


WIDE = np.dtype([("a", "<f8"), ("b", "<f8")])
ATTACKS = {
    "a chunk shorter than its checksum": (short_chunk, "missing, or claims more|not the size"),
    "a chunk that unpacks to more": (bomb, "claims more|not the size|damaged or was replaced"),
    "a link to another file": (external_link, "is a link, maybe to another file"),
    "a link inside": (soft_link, "is a link"),
    "a group behind a link": (linked_group, "is a link"),
    "numbers in a virtual data set": (virtual, "is virtual"),
    "numbers in another file": (replaced(shape=SHAPE, dtype="<f8", external="raw.bin"), "lie in another file"),
    "numbers behind a pipe": (replaced(shape=SHAPE, dtype="<f8", external="pipe"), "lie in another file"),
    "scale and offset": (replaced(chunks=SHAPE, scaleoffset=2), "filters that nasreplay does not write"),
    "another compression": (replaced(chunks=SHAPE, compression="lzf"), "filters that nasreplay does not write"),
    "gigabytes": (replaced(shape=(10**9, 2), dtype="<f8", chunks=(10**8, 1)), "claims more than the file"),
    "packed gigabytes": (
        replaced(shape=(10**9, 2), dtype="<f8", chunks=(10**6, 1), compression="gzip", shuffle=True),
        "it claims 16,000 MB of numbers, over 200; NASREPLAY_TABLE_MB=N raises that",
    ),
    "a chunk larger than all": (
        replaced(shape=SHAPE, maxshape=(None, 2), dtype="<f8", chunks=(10**8, 1)), "larger than itself"
    ),
    "nothing stored": (replaced(shape=SHAPE, dtype="<f8", chunks=SHAPE), "missing"),
    "texts": (replaced(shape=SHAPE, dtype=h5py.string_dtype()), "no plain numbers"),
    "references": (replaced(shape=SHAPE, dtype=h5py.ref_dtype), "no plain numbers"),
    "pairs": (replaced(shape=SHAPE, dtype=WIDE), "no plain numbers"),
    "groups in each other": (deep, "groups over 6 deep"),
    "a group in itself": (circle, "again has another name, too"),
    "many groups": (many, "over 20,000 objects"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_does_harm_is_refused_in_little_memory_and_time(tmp_path, attack):
    edit, message = ATTACKS[attack]
    os.mkfifo(tmp_path / "pipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        path = crafted(tmp_path, edit)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    told, used = done.stdout.splitlines()
    assert any(part in told for part in message.split("|")), told
    assert str(path) in told
    assert int(used) < 150


def test_a_pipe_is_no_pack(tmp_path):
    os.mkfifo(tmp_path / "pack.h5")
    with pytest.raises(BadPack, match="a pipe, a device or a socket"):
        Pack.open(tmp_path / "pack.h5")
    with pytest.raises(BadPack, match="a pipe, a device or a socket"):
        Pack.open("/dev/zero")


@pytest.mark.parametrize("column", ["official_index", "unique_class"])
def test_an_index_that_is_not_the_spaces_is_refused_at_opening(tmp_path, column):
    def swap(file: Any) -> None:
        file[column][:2] = file[column][:2][::-1]
        sign(file)

    with pytest.raises(BadPack, match=f"{column} is not that of the topology space"):
        Pack.open(crafted(tmp_path, swap))


EVIL = "\x1b]0;owned\x07ok\r\nerror: \u202egpj\u2028" + "x" * 10_000


def test_texts_steer_no_terminal(tmp_path):
    pack = Pack.open(crafted(tmp_path, lambda file: sign(file, title=EVIL, source=EVIL, licence=EVIL)))
    for text in (pack.title, pack.source, pack.licence, repr(pack), *map(str, description(pack).values())):
        assert text.isprintable()
    assert pack.title.startswith(r"\x1b]0;owned\x07ok\r\nerror: \u202egpj\u2028")
    assert len(pack.title) < 300


@pytest.mark.parametrize(
    ("where", "name", "value", "message"),
    [
        ("cifar10-valid/12", "sets", "[1, 2]", r"sets.*\[0\]: must be a text, not 1"),
        ("cifar10-valid/12", "sets", "{}", "must be a list, not an object"),
        ("cifar10-valid/12", "sets", 3, "must be a text"),
        ("cifar10-valid/12", "epochs", "12", "must be a number"),
        ("cifar10-valid/12", "epochs", np.nan, "must be a whole number"),
        ("cifar10-valid/12", "epochs", np.inf, "must be a whole number"),
        ("cifar10-valid/12", "epochs", [12, 12], "must be a number"),
        ("cifar10-valid/12", "epochs", 10**9, "no number of epochs from 1 to 100,000"),
        ("/", "columns", "[[]]", "must be an object, not a list"),
        ("/", "columns", '{"official_index": [1, [2], "x"]}', r"official_index\[0\]: must be a text"),
        ("/", "columns", '{"official_index": ["<i4", 5, "x"]}', "must be a list, not 5"),
        ("/", "columns", '{"official_index": ["<i4", [1e400], "x"]}', "must be a whole number"),
        ("/", "columns", '{"official_index": ["<i4", [%s], "x"]}' % ("9" * 5000), "thousands of digits"),
        ("/", "columns", "[" * 5000, "over 50 levels"),
        ("/", "columns", 3, "must be a text"),
        ("/", "title", 3, "must be a text"),
        ("/", "title", np.void(b"x"), "must be a text"),
        ("/", "space", "\x1b[31m", r"unknown space '\\\\x1b\[31m'"),
    ],
)  # fmt: skip
def test_attributes_of_other_types_are_refused_with_their_place(tmp_path, where, name, value, message):
    path = crafted(tmp_path, lambda file: put(file[where], name, value))
    with pytest.raises(BadPack, match=message) as caught:
        Pack.open(path)
    assert str(caught.value).isprintable()
    assert str(path) in str(caught.value)
