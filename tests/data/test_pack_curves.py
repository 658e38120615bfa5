import random
import resource
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.check import verify
from nasreplay.data.pack.curves import BLOCK, form_of, packed
from nasreplay.data.pack.writer import Curves
from nasreplay.errors import BadInput, BadOutput, BadPack, NotMeasured
from nasreplay.spaces import TOPOLOGY

SIZE = TOPOLOGY.size
PATH = "cifar10/12/ori-test/loss"


def random_curves(seed: int, trials: int, epochs: int) -> np.ndarray:
    """[A, T, E]: some blocks and the last one, with trials and single epochs missing here and there."""
    draw = np.random.default_rng(seed)
    values = draw.uniform(0, 4, (SIZE, trials, epochs))
    values[draw.random((SIZE, trials)) < 0.2] = np.nan
    values[draw.random(values.shape) < 0.05] = np.nan
    values[BLOCK : 2 * BLOCK] = np.nan
    values[9 * BLOCK : 480 * BLOCK] = np.nan
    return values


def write(file: Path, values: np.ndarray, exact: bool = True) -> Pack:
    form, (_, trials, epochs) = form_of("loss", 10_000, exact), values.shape
    chunks = (
        (PATH, block, trial, chunk)
        for block in range(-(-SIZE // BLOCK))
        for trial in range(trials)
        if (chunk := packed(values[block * BLOCK : (block + 1) * BLOCK, trial], form))
    )
    return write_pack(
        file,
        TOPOLOGY,
        {
            "cifar10/12/seeds": np.arange(trials),
            PATH: values[:, :, -1],
            "cifar10/12/train/accuracy": values[:, :, 0],
        },
        title="curves",
        source="a test",
        licence="MIT",
        epochs={"cifar10/12": epochs},
        curves=Curves({PATH: form}, chunks),
        archive="NATS-test",
        sets={"cifar10/12": ["train", "ori-test"]},
    )


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return random_curves(1, 2, 12)


@pytest.fixture(scope="module")
def pack(values, tmp_path_factory) -> Pack:
    return write(tmp_path_factory.mktemp("curves") / "pack.h5", values)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # an example takes too long for shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 99), st.integers(1, 3), st.integers(1, 5), st.booleans(), st.data())
def test_what_is_written_is_read(tmp_path, seed, trials, epochs, exact, data):
    values = random_curves(seed, trials, epochs)
    pack = write(tmp_path / "pack.h5", values, exact)
    precision = 0 if exact else 2.0**-24
    asked = data.draw(st.lists(st.integers(0, SIZE - 1) | st.integers(0, 200), max_size=40))
    np.testing.assert_allclose(pack.curve(PATH, asked), values[asked], rtol=precision)
    for epoch in range(1, epochs + 1):
        np.testing.assert_allclose(pack.at_epoch(PATH, epoch), values[:, :, epoch - 1], rtol=precision)
    np.testing.assert_array_equal(pack.at_epoch(PATH, epochs), pack.column(PATH))


def test_what_a_pack_says_of_its_curves(pack, values, tmp_path):
    assert pack.curves[PATH].sizes == values.shape
    assert pack.archive == "NATS-test"
    assert pack.sets("cifar10", "12") == ("train",)  # an accuracy, in the order of the source
    assert verify(pack) == []
    again = write(tmp_path / "again.h5", values)
    assert again.path.read_bytes() == pack.path.read_bytes()
    assert write(tmp_path / "rounded.h5", values, exact=False).fingerprint != pack.fingerprint
    changed = values.copy()
    changed[7, 1, 3] += 1
    assert write(tmp_path / "changed.h5", changed).fingerprint != pack.fingerprint


def test_a_column_without_a_curve_has_its_last_epoch(pack, values):
    found = pack.curve("cifar10/12/train/accuracy", [3, 4])
    np.testing.assert_array_equal(found[:, :, -1], values[[3, 4], :, 0])
    assert np.isnan(found[:, :, :-1]).all()
    assert np.isnan(pack.at_epoch("cifar10/12/train/accuracy", 5)).all()


def test_epochs_outside_the_recipe(pack):
    for epoch in (0, 13):
        with pytest.raises(NotMeasured, match="has epochs 1 to 12"):
            pack.at_epoch(PATH, epoch)
    with pytest.raises(NotMeasured, match="not measured epoch by epoch"):
        pack.curve("cifar10/12/seeds", [0])
    with pytest.raises(NotMeasured, match="no column"):
        pack.curve("cifar10/12/ori-test/accuracy", [0])


def test_readable_with_h5py_alone(pack, values):
    with h5py.File(pack.path) as file:
        node = file[f"{PATH}_curve"]
        assert isinstance(node, h5py.Dataset)
        stored, divisor = node[5:9], node.attrs["divisor"]
    plain = stored >= 0  # the others are the bits of the numbers, with the sign bit set
    bits = (stored & (2**63 - 1)).view(np.float64)
    np.testing.assert_array_equal(np.where(plain, stored / divisor, bits), values[5:9])


def test_damaged_bytes_are_noticed(pack, values, tmp_path):
    whole, draw, file = pack.path.read_bytes(), random.Random(3), tmp_path / "bad.h5"
    asked, noticed = np.r_[0:200, SIZE - 9 : SIZE], 0
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(20):
            content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        file.write_bytes(content)
        try:
            np.testing.assert_array_equal(Pack.open(file).curve(PATH, asked), values[asked])
        except BadPack:
            noticed += 1
    assert noticed > 10


def edit(pack: Pack, file: Path, change) -> Pack:
    file.write_bytes(pack.path.read_bytes())
    with h5py.File(file, "r+") as opened:
        change(opened)
    return Pack.open(file)


def test_a_curve_edited_with_h5py_is_noticed(pack, tmp_path):
    def number(file):
        file[f"{PATH}_curve"][100, 1, 3] = 7

    def divisor(file):
        file[f"{PATH}_curve"].attrs["divisor"] = 3.0

    def sums(file):
        file[f"{PATH}_curve_sums"][0, 0, 0] ^= 1

    for change in (number, divisor, sums):
        bad = edit(pack, tmp_path / "bad.h5", change)
        with pytest.raises(BadPack, match="damaged"):
            bad.curve(PATH, [100])
        assert len(verify(bad)) == 1


@pytest.mark.slow
def test_a_bomb_in_a_curve_takes_no_memory(pack, tmp_path):
    bomb = zlib.compress(zlib.compress(bytes(2**28)))

    def explode(file):
        file[f"{PATH}_curve"].id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(2**26)))
        file[f"{PATH}_curve"].id.write_direct_chunk((BLOCK, 0, 0), bomb * 2**10)

    bad = edit(pack, tmp_path / "bad.h5", explode)
    bad.column(PATH)
    tracemalloc.start()
    for block in (0, 1):
        with pytest.raises(BadPack, match="damaged"):
            bad.at_epoch(PATH, 1) if block else bad.curve(PATH, [0])
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_compressed_columns_are_not_read(pack, tmp_path):
    def compress(file):
        values = file[PATH][:]
        del file[PATH]
        file.create_dataset(PATH, data=values, chunks=values.shape, compression="gzip")

    with pytest.raises(BadPack, match=r"claims more than the file|filters that nasreplay does not write"):
        edit(pack, tmp_path / "bad.h5", compress).column(PATH)


@pytest.mark.parametrize("size", [0, 1_000, 200_000, 300_000, 500_000])
def test_a_full_disk_at_any_moment(values, tmp_path, size):
    file = tmp_path / "pack.h5"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(BadOutput, match=r"pack\.h5: cannot be written: File too large"):
            write(file, values)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_curves_that_do_not_fit_are_refused(values, tmp_path):
    form = form_of("loss", 10_000)
    for recipe, epochs in (("cifar10/12", 0), ("cifar10/12", 200_000)):
        with pytest.raises(BadInput, match=r"number of epochs|has shape"):
            write_pack(
                tmp_path / "pack.h5",
                TOPOLOGY,
                {f"{recipe}/seeds": [1, 2], PATH: values[:, :, -1]},
                title="",
                source="",
                licence="",
                epochs={recipe: epochs},
                curves=Curves({PATH: form}, ()),
            )
    assert list(tmp_path.iterdir()) == []
