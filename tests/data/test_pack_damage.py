import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from nasreplay.data.pack import Pack
from nasreplay.data.pack.check import verify
from nasreplay.errors import BadPack, NotMeasured
from tests.support.crafted_packs import put
from tests.support.random_packs import in_a_worker
from tests.support.sample_packs import random_columns, write


@pytest.fixture
def copy(sample, tmp_path) -> Path:
    path = tmp_path / "copy.h5"
    path.write_bytes(sample.path.read_bytes())
    return path


def reads_right_or_not_at_all(path: Path, sample: Pack) -> bool:
    """True if everything could be read (and was right); only the two named errors may come otherwise."""
    message = None
    columns = {}
    try:
        pack = Pack.open(path)
        columns = {name: pack.column(name) for name in sample.columns}
    except (BadPack, NotMeasured) as problem:
        message = str(problem)
    if message is not None:
        assert str(path) in message
        assert "\n" not in message
        return False
    for name, values in columns.items():
        np.testing.assert_array_equal(values, sample.column(name))
    return True


@pytest.mark.slow
def test_random_bytes_changed(sample, tmp_path):
    whole = sample.path.read_bytes()
    numbers = [sample.column(name).tobytes() for name in sample.columns]
    starts = [(whole.index(part), len(part)) for part in numbers]
    structure = [k for k in range(len(whole)) if not any(0 <= k - start < size for start, size in starts)]
    draw = random.Random(5)
    places = [draw.randrange(len(whole)) for _ in range(100)] + draw.sample(structure, 300)
    damaged = 0
    for place in places:
        content = bytearray(whole)
        content[place] ^= draw.randrange(1, 256)
        path = tmp_path / "bad.h5"
        path.write_bytes(content)
        damaged += not reads_right_or_not_at_all(path, sample)
    assert damaged > 150


def test_truncated_at_random_places(sample, tmp_path):
    whole = sample.path.read_bytes()
    draw = random.Random(6)
    for length in [0, 1, 8, 100, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(40))]:
        path = tmp_path / "bad.h5"
        path.write_bytes(whole[:length])
        with pytest.raises(BadPack, match=r"truncated|not an HDF5 file|damaged"):
            Pack.open(path)


def test_blocks_of_zeros(sample, tmp_path):
    # a download into preallocated space: checksums of zeros alone are zero
    whole = sample.path.read_bytes()
    for start in range(0, len(whole), 65_536):
        content = bytearray(whole)
        content[start:] = bytes(len(whole) - start)
        path = tmp_path / "bad.h5"
        path.write_bytes(content)
        assert not reads_right_or_not_at_all(path, sample)


def test_a_damaged_column_is_named_and_the_others_can_be_read(sample, copy):
    content = bytearray(copy.read_bytes())
    place = content.index(sample.column("cifar10-valid/latency").tobytes())
    content[place + 1000] ^= 1
    copy.write_bytes(content)
    pack = Pack.open(copy)
    with pytest.raises(BadPack, match=r"copy\.h5.*build it again"):
        pack.column("cifar10-valid/latency")
    pack.accuracy("cifar10")
    assert len(verify(pack)) == 1


def test_a_column_edited_with_h5py_is_noticed(sample, copy):
    with h5py.File(copy, "r+") as file:
        node = file["cifar10-valid/12/x-valid/accuracy"]
        assert isinstance(node, h5py.Dataset)
        node[5, 0] = 99.9
    with pytest.raises(BadPack, match=r"column cifar10-valid/12/x-valid/accuracy is damaged or was replaced"):
        Pack.open(copy).accuracy("cifar10")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "nasreplay-pack/9", "reads 'nasreplay-pack/1'"),
        ("format", "other", "not a nasreplay pack"),
        ("space", "nasbench301", "unknown space"),
        ("columns", "{}", "official_index is missing"),
        ("columns", "[]", "damaged"),
        ("columns", "no json", "damaged"),
        ("columns", '{"official_index": ["<i4", [99999999999], "x"]}', "must be"),
        ("fingerprint", "0", "does not fit"),
    ],
)
def test_attributes_that_do_not_fit(copy, name, value, message):
    with h5py.File(copy, "r+") as file:
        put(file, name, value)
    with pytest.raises(BadPack, match=message):
        Pack.open(copy)


def test_epochs_are_part_of_the_fingerprint(copy):
    with h5py.File(copy, "r+") as file:
        file["cifar10-valid/12"].attrs["epochs"] = 13
    with pytest.raises(BadPack, match="does not fit"):
        Pack.open(copy)


def test_other_files(tmp_path):
    with pytest.raises(BadPack, match=r"none\.h5: no such file; `nasreplay data list`"):
        Pack.open(tmp_path / "none.h5")
    with pytest.raises(BadPack, match="a folder, not a file"):
        Pack.open(tmp_path)
    (tmp_path / "text.h5").write_text("architecture,accuracy\n" * 100)
    with pytest.raises(BadPack, match=r"a text, not a pack; `nasreplay data import-csv text\.h5`"):
        Pack.open(tmp_path / "text.h5")
    (tmp_path / "picture.h5").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    with pytest.raises(BadPack, match="not an HDF5 file, so not a pack"):
        Pack.open(tmp_path / "picture.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones(3)
    with pytest.raises(BadPack, match="not a nasreplay pack"):
        Pack.open(tmp_path / "other.h5")


def test_a_pack_that_vanishes(tmp_path):
    pack = in_a_worker(write(tmp_path / "pack.h5", random_columns()))
    pack.path.unlink()
    with pytest.raises(BadPack, match="no such file"):
        pack.column("cifar10-valid/latency")
    assert "no such file" in verify(pack)[0]
