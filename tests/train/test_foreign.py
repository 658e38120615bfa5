import os
import sys
import types
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture, BadInput, NasReplayError, UnsafePickle
from nasreplay.spaces import Architecture, Genotype
from nasreplay.spaces.genotypes.notation import from_mapping
from nasreplay.train.checkpoint import save_checkpoint
from nasreplay.train.foreign import autodl_checkpoint
from nasreplay.train.foreign.autodl_checkpoint import found_in, load_foreign
from tests.support.made_up_searches import BEFORE, NOW, genotype, structure, write

FIRST = genotype("dua_sepc_3x3", "dua_sepc_5x5", "dil_sepc_3x3", "avg_pool_3x3")
LAST = genotype("max_pool_3x3", "dua_sepc_5x5", "dil_sepc_5x5", "skip_connect")
NODES = [
    (("nor_conv_3x3", 0),),
    (("none", 0), ("skip_connect", 1)),
    (("avg_pool_3x3", 0), ("nor_conv_1x1", 1), ("none", 2)),
]
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


def read(path, which="last"):
    return found_in(load_foreign(path), path, which)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_nasnet_search(tmp_path, legacy):
    alphas = {f"arch_{kind}_parameters": torch.zeros(14, 8) for kind in ("normal", "reduce")}
    genotypes = {-1: FIRST, 0: FIRST, 1: LAST, "best": FIRST}
    path = write(tmp_path / "x.pth", genotypes, 2, legacy=legacy, search_model=alphas)
    found = read(path)
    assert found[:3] == (from_mapping(LAST), "digits", "epoch 2")
    assert isinstance(found.cell, Genotype)
    assert found.cell.normal.nodes[1] == (("skip_connect", 0), ("sep_conv_5x5", 1))
    assert read(path, "best").cell == from_mapping(FIRST)


@pytest.mark.parametrize("held", [{"stem.weight": torch.zeros(3)}, {"state_dict": {}, "epoch": 3}])
def test_weights_alone_say_where_the_genotype_is(tmp_path, held):
    torch.save(held, tmp_path / "weights.pt")
    with pytest.raises(
        BadInput, match=r"no genotypes but .*; the genotype stands in the search's log"
    ) as caught:
        read(tmp_path / "weights.pt")
    assert "stem.weight" not in str(caught.value)


def test_a_search_with_a_fixed_reduction(tmp_path):
    path = write(tmp_path / "x.pth", {0: genotype("none", "none", "none", "dua_sepc_3x3", reduce=False)})
    cell = read(path).cell
    assert isinstance(cell, Genotype)
    assert cell.reduce is None


@pytest.mark.parametrize("module", [NOW, BEFORE])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_search_of_cells(tmp_path, monkeypatch, module, legacy):
    with monkeypatch.context() as patch:
        path = write(tmp_path / "x.pth", {0: structure(patch, NODES, module)}, legacy=legacy)
    found = read(path)
    assert isinstance(found.cell, Architecture)
    assert str(found.cell) == CELL


def test_cells_as_texts_and_files_of_our_own(tmp_path):
    assert str(read(write(tmp_path / "x.pth", {0: CELL})).cell) == CELL
    state = {"epoch": 1, "genotypes": {0: CELL, "best": CELL}, "args": {"dataset": "cifar100"}}
    save_checkpoint(tmp_path / "y.pth", state)
    found = read(tmp_path / "y.pth")
    assert (str(found.cell), found.dataset) == (CELL, "cifar100")


def test_what_the_originals_own_classes_write(tmp_path):
    pytest.importorskip("xautodl", reason="needs the original package")
    from xautodl.models import get_search_spaces
    from xautodl.models.cell_searchs import nasnet_super_nets
    from xautodl.models.cell_searchs.genotypes import Structure

    operations = get_search_spaces("cell", "darts")
    net = nasnet_super_nets["GDAS"](4, 1, 4, 4, 3, 10, operations, False, True)
    wanted = net.genotype()
    path = write(tmp_path / "x.pth", {0: wanted}, search_model=net.state_dict())
    assert read(path).cell == from_mapping(_plain(wanted))
    write(path, {0: Structure(NODES)})
    assert str(read(path).cell) == CELL


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int) else float(value)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", ["args", "search_model", "w_optimizer"])
def test_nothing_is_executed(tmp_path, monkeypatch, legacy, place):
    monkeypatch.chdir(tmp_path)
    harmful: dict[str, Any] = {place: Harmful()}
    path = write(tmp_path / "x.pth", {0: LAST}, legacy=legacy, **harmful)
    with pytest.raises(UnsafePickle, match=r"asks for (posix|nt)\.system, .*nothing was executed"):
        read(path)
    assert not (tmp_path / "witness").exists()


def test_other_classes_are_refused_by_name_and_not_imported(tmp_path, monkeypatch):
    kind = type("Trap", (), {"__module__": "trap_module"})
    with monkeypatch.context() as patch:
        made = types.ModuleType("trap_module")
        made.Trap = kind  # pyright: ignore[reportAttributeAccessIssue]
        patch.setitem(sys.modules, "trap_module", made)
        path = write(tmp_path / "x.pth", {0: LAST}, args=kind())
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsafePickle, match=r"trap_module\.Trap"):
        read(path)
    assert "trap_module" not in sys.modules


def test_stand_ins_stay_inside(tmp_path):
    path, before = write(tmp_path / "x.pth", {0: LAST}), torch.serialization.get_safe_globals()
    read(path)
    assert set(torch.serialization.get_safe_globals()) == set(before)
    assert type(load_foreign(path)["args"]) is autodl_checkpoint.Recorded


def nan_weights():
    return {"cells.0.weight": torch.tensor([1.0, float("nan")])}


def stretched():
    return {"cells.0.weight": torch.zeros(1).expand(10**12)}


@pytest.mark.parametrize(
    ("genotypes", "more", "problem"),
    [
        ({0: LAST}, {"search_model": nan_weights()}, "cells.0.weight holds NaN"),
        ({0: LAST}, {"shared_cnn": nan_weights()}, "shared_cnn.cells.0.weight holds NaN"),
        ({0: LAST}, {"search_model": stretched()}, "more than the file holds"),
        (
            {0: LAST},
            {"search_model": {"arch_normal_parameters": torch.zeros(9, 8)}},
            r"arch_normal_parameters has the shape \[9, 8\]; the found cell's has 14 rows",
        ),
        ({0: CELL}, {"search_model": {"arch_parameters": torch.zeros(14, 8)}}, "has 6 rows"),
        ({0: genotype("nonsense", "none", "none", "none")}, {}, "unknown operation 'nonsense'"),
        ({0: {"normal": []}}, {}, "no nodes"),
        ({0: "nothing"}, {}, "is not an architecture"),
        ({0: None}, {}, "a genotype has the fields"),
        ({0: LAST}, {"epoch": 7}, "has no genotype 6, but 0"),
        ({0: LAST}, {"epoch": "x"}, "damaged"),
        ({}, {}, "has no genotype 0, but nothing"),
        ([LAST], {}, "has no genotype 0"),
        ({0: LAST}, {"search_model": 3}, "damaged"),
    ],
)
def test_bad_contents_are_told_in_one_line(tmp_path, genotypes, more, problem):
    path = write(tmp_path / "x.pth", genotypes, **more)
    with pytest.raises(NasReplayError, match=problem) as told:
        read(path)
    assert told.value.exit_status == 2
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_files_that_are_no_search_checkpoints(tmp_path):
    path = tmp_path / "x.pth"
    for content in (b"", b"text", b"\x80\x02broken", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="not a checkpoint, or damaged"):
            read(path)
    torch.save({"base-model": {}, "epoch": 3}, path)
    with pytest.raises(BadInput, match="has no genotypes but base-model, epoch"):
        read(path)
    torch.save(torch.zeros(2), path)
    with pytest.raises(BadInput, match="has no genotypes but Tensor"):
        read(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_files(tmp_path, legacy):
    path = write(tmp_path / "x.pth", {0: LAST}, legacy=legacy)
    content = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(BadInput, match="not a checkpoint, or damaged"):
            read(path)


def test_too_large_files_are_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "x.pth"
    monkeypatch.setattr(autodl_checkpoint, "LIMIT", 2**20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("x/data.pkl", bytes(2**21))
    assert path.stat().st_size < 10_000
    with pytest.raises(BadInput, match="2,097,152 bytes, more than 1,048,576"):
        read(path)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("legacy") / "x.pth", {0: LAST}, legacy=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_the_bytes_are_nothing_else_comes_out(legacy, changes):
    content, path = bytearray(legacy.read_bytes()), legacy.with_name("y.pth")
    for place, byte in changes:
        content[int(place * len(content))] = byte
    path.write_bytes(content)
    with suppress(BadInput, BadArchitecture):
        assert isinstance(read(path).cell, Genotype)
