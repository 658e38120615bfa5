from pathlib import Path

import pytest

from nasreplay.data.importers.nats.archive import open_archive
from nasreplay.data.importers.nats.archive_to_pack import convert
from nasreplay.spaces import SIZE, TOPOLOGY


@pytest.fixture(scope="session")
def samples(shared) -> dict[str, str]:
    """The folders of official archives with three architectures, by space."""
    folder = shared / "data/nats-sample"
    if not folder.is_dir():
        pytest.skip("needs the sample archives in ../shared/data/nats-sample, which are not here")
    return {tag: str(folder / f"{space.archive}-simple") for tag, space in (("tss", TOPOLOGY), ("sss", SIZE))}


@pytest.fixture(scope="session")
def sample_packs(samples, tmp_path_factory) -> dict[str, Path]:
    """The same as packs."""
    folder = tmp_path_factory.mktemp("packs")
    for space, archive in samples.items():
        convert(open_archive(archive), folder / f"{space}.h5", jobs=1, allow_missing=True)
    return {space: folder / f"{space}.h5" for space in samples}
