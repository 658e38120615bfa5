from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadInput, BadOutput, BadPack
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.evaluate.tabulate.to_pack import merge
from nasreplay.spaces import TOPOLOGY
from tests.support.tabulating import FEW, SOME, Live, live, write


@pytest.mark.parametrize("trial", [None, 777, (777, 888)])
def test_merged_shards_are_the_table_made_in_one_go(pixels, tmp_path, trial):
    whole = tabulate(pixels, SOME, tmp_path / "whole.h5", trial=trial, chunk=999)
    shards = [
        tabulate(pixels, SOME[::-1], tmp_path / f"{i}.h5", trial=trial, shard=(i, 3), chunk=100 * i).path
        for i in (1, 2, 3)
    ]
    merged = merge(shards[::-1], tmp_path / "merged.h5")
    assert merged.path.read_bytes() == whole.path.read_bytes()
    assert merge([*shards, merged.path], tmp_path / "again.h5").path.read_bytes() == whole.path.read_bytes()
    assert merge(shards, tmp_path / "merged.h5").fingerprint == whole.fingerprint


def test_a_shard_without_a_measured_cell_can_be_merged(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:1], tmp_path / "part.h5")
    table = load_table("pixels", table=part, trial="mean")
    shards = [tabulate(table, SOME[:2], tmp_path / f"{i}.h5", shard=(i, 2)).path for i in (1, 2)]
    merged = merge(shards, tmp_path / "merged.h5")
    assert np.isfinite(merged.accuracy("pixels")[0]).sum() == 1


def test_other_architectures_make_a_larger_table(pixels, tmp_path):
    parts = [SOME[:40], SOME[30:90]]
    packs = [tabulate(pixels, codes, tmp_path / f"{len(codes)}.h5").path for codes in parts]
    merged = merge(packs, tmp_path / "merged.h5")
    assert "90 of 15,625" in merged.title
    one_go = tabulate(pixels, SOME[:90], tmp_path / "90.h5")
    assert merged.fingerprint == one_go.fingerprint


def test_merging_refuses_by_name(source, pixels, tmp_path):
    def made(name: str, evaluator: Any = pixels, codes: np.ndarray = SOME[:9], **settings: Any) -> Path:
        return tabulate(evaluator, codes, tmp_path / f"{name}.h5", **settings).path

    def refuses(message: str, *paths: Path, error: type[Exception] = BadInput) -> None:
        with pytest.raises(error, match=message) as caught:
            merge(paths, tmp_path / "out.h5")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.h5").exists()

    whole, first = made("whole"), made("first", shard=(1, 4))
    refuses("missing shards: 2/4, 4/4$", first, made("third", shard=(3, 4)))
    refuses(r"trial.*its trials is \[777\], that of .* is \[\"mean\"\]", whole, made("trial", trial=777))
    changed = write(tmp_path / "x.h5", **{"pixels/12/seconds_per_epoch": np.ones(TOPOLOGY.size)})
    refuses(
        "its evaluator.fingerprint is", whole, made("b", load_table("pixels", table=changed, trial="mean"))
    )
    refuses("dataset", whole, made("c", load_table("cifar10", table=source, trial="mean")))
    refuses("its space is", whole, made("live", live(), FEW))
    refuses("not made by `nasreplay tabulate`", whole, source.path, error=BadPack)
    refuses("no such file", whole, tmp_path / "absent", error=BadPack)
    one, other = (live(), live())
    one.evaluate = lambda *a, **k: Live.evaluate(other, *a, **k)._replace(accuracy=np.full(len(a[0]), 5.0))
    refuses("for 8:8:8:8:8 in my-images", made("d", one, FEW), made("e", other, FEW[:30]))


def test_merging_does_not_overwrite_another_table(pixels, tmp_path):
    paths = [tabulate(pixels, SOME[:9], tmp_path / f"{i}.h5", shard=(i, 2)).path for i in (1, 2)]
    before = paths[0].read_bytes()
    with pytest.raises(BadOutput, match="choose another --out"):
        merge(paths, paths[0])
    assert paths[0].read_bytes() == before
