"""A trial whose loss became infinite or NaN stays in the mean, as in the official package."""

import bz2
import pickle
import shutil

import nats_bench
import pytest

from nasreplay.compat.nats_bench import create
from nasreplay.data.importers.nats.archive import open_archive
from nasreplay.data.importers.nats.archive_to_pack import convert


@pytest.fixture(scope="module")
def diverged(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("diverged") / "NATS-tss-diverged-simple"
    folder.mkdir()
    for name in ("meta.pickle.pbz2", "000000.pickle.pbz2"):
        shutil.copy(f"{samples['tss']}/{name}", folder)
    file = folder / "000000.pickle.pbz2"
    content = pickle.loads(bz2.decompress(file.read_bytes()))  # the sample's own numbers
    trial = content["200"]["all_results"]["cifar10", 888]
    trial["eval_losses"]["ori-test@199"] = trial["train_losses"][150] = float("nan")
    trial["train_losses"][199] = float("inf")
    file.write_bytes(bz2.compress(pickle.dumps(content, 4), 1))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [100, 150, None])
def test_means_are_the_official_ones(diverged, tmp_path, epoch):
    pack = convert(open_archive(diverged), tmp_path / "pack.h5", jobs=1, allow_missing=True).pack
    asked = {"hp": "200", "iepoch": epoch, "is_random": False}
    official = nats_bench.create(str(diverged), "tss", fast_mode=True, verbose=False)
    right = official.get_more_info(0, "cifar10", **asked)
    for ours in (create(diverged, "tss", fast_mode=True, verbose=False), create(pack, "tss", verbose=False)):
        found = ours.get_more_info(0, "cifar10", **asked)
        assert found.keys() == right.keys()
        for name, value in right.items() - {("comment", right["comment"])}:
            expected = pytest.approx(value, rel=1e-12) if value == value else None  # NaN is None here
            assert found[name] == expected, name
