"""Texts that say more than is read, or less than a cell: read whole, or refused with what would be right."""

import json

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture
from nasreplay.spaces import Genotype
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.read import FORMS, read, read_file, read_named
from tests.support.written_elsewhere import CELL, DARTS_V1, DARTS_V2, PAIRS, genotype_texts

V2 = entry("DARTS_V2").genotype
NNI = json.loads(genotype_texts()["NNI 3"])
SIX = {f"{source}_{node}": name for (node, source), name in PAIRS.items()}
ARROWS = {f"{node}<-{source}": name for (node, source), name in PAIRS.items()}


def triples(number: type[float] = int) -> str:
    cells = [
        [(name, number(source), number(state)) for state, name, source in cell.edges()]
        for cell in V2.cells().values()
    ]
    return f"Genotype(normal={cells[0]}, normal_concat=range(2, 6), reduce={cells[1]}, reduce_concat=range(2, 6))"


@pytest.mark.parametrize("field", ["layout='ring'", "connectN=4", "connects=[(0, 1)]"])
def test_fields_that_are_not_read_are_refused(field):
    with pytest.raises(BadArchitecture, match=field.split("=")[0]):
        read(f"{DARTS_V2[:-1]}, {field})")


def test_nodes_may_be_floats():
    assert read(triples()) == read(triples(float)) == V2
    assert read(triples().replace("2)", "2.0)").replace("5)", "5.0)")) == V2
    moved = triples(float).replace("0.0, 2.0)", "0.0, 3.0)", 1)
    found = read(moved)
    assert isinstance(found, Genotype)
    assert [len(node) for node in found.normal.nodes[:2]] == [1, 3]
    for score in ("0.25", "0.0", "1.0", "nan"):
        assert read(DARTS_V2.replace("', 0)", f"', 0, {score})").replace("nan", "1e999")) == V2


@pytest.mark.parametrize(
    ("dictionary", "told"),
    [
        (SIX | {"3_4": "none"}, "3_4 is another"),
        ({f"cell/{key}": name for key, name in SIX.items()} | {"cell/0_4": "none"}, "0_4 is another"),
        (ARROWS | {"4<-0": "none"}, "4<-0 is another"),
        ({key: each for key, each in NNI.items() if "_3_1" not in key}, "op_3_1 is missing"),
        ({key: each for key, each in NNI.items() if "normal/input_3_1" not in key}, "input_3_1 is missing"),
        ({key: each for key, each in NNI.items() if "reduce" not in key}, "the reduce cell is missing"),
        ({"normal_0": [["none", 0, 2]], "normal_0_concat": [2]}, "the reduction cell is missing"),
    ],
)
def test_decisions_are_complete_and_all_read(dictionary, told):
    with pytest.raises(BadArchitecture, match=told):
        read(json.dumps(dictionary))


@pytest.mark.parametrize(
    "text",
    [
        *("epoch: 3", "arch: nor_conv_3x3", r"C:\x\genotype.txt", "http://a.b/c", "a:b"),
        *("[9930]", "{}", "{'a': 1}", "[]", "[1, 2]", "[8, 16, 24, 32, 41]", "['a', 'b']"),
    ],
)
def test_refusals_name_the_forms(text):
    with pytest.raises(BadArchitecture) as told:
        read(text)
    assert FORMS in str(told.value)
    assert "width" not in str(told.value).replace(FORMS, "")


@pytest.mark.parametrize(
    "text",
    [
        *("the best channel 8:16:24:32:40 found", "channels=8:16:24:32:40", "channels: 8:16:24:32:40"),
        *("[8, 16, 24, 32, 40]", "(8, 16, 24, 32, 40)", "2020-01-01 10:00:00 best 8:16:24:32:40, 91 %"),
    ],
)
def test_widths_among_words(text):
    assert str(read(text)) == "8:16:24:32:40"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"config": ARROWS, "score": 1}),
        f"OrderedDict({[*SIX.items()]})",
        f"best: OrderedDict({[*ARROWS.items()]}) after 9 trials",
        "op_indices=array([2, 1, 0, 3, 4, 2])",
        "{'op_indices': array([2, 1, 0, 3, 4, 2])}",
        "op_indices: np.array([2, 1, 0, 3, 4, 2])",
    ],
)
def test_printed_containers(text):
    assert str(read(text)) == CELL


def test_six_numbers_are_asked_about():
    for text in ("(1, 2, 3, 0, 1, 4)", "[1, 2, 3, 0, 1, 4]"):
        with pytest.raises(BadArchitecture, match="may be a key of ours, written 123014, or NASLib's"):
            read(text)


@pytest.mark.parametrize("text", [DARTS_V1, CELL, json.dumps({"config": ARROWS})])
def test_of_a_log_that_was_cut_the_last_complete_one_is_taken(text):
    log = f"epoch 0 {CELL}\nepoch 1 {text}\nepoch 2 "
    for end in range(20, len(text) - 1, 7):
        found = read_named(log + text[:end])
        assert found.value == read(text)
        if "{" not in text and end > 60:
            assert found.where == "the last complete one (line 3 is cut), line 2"
    with pytest.raises(BadArchitecture):
        read(text[:-3])


def test_an_archive_of_arrays_is_told(tmp_path):
    np.savez(tmp_path / "alphas.npz", a=np.zeros((6, 5)))
    with pytest.raises(BadArchitecture, match=r"alphas\.npz: an archive of arrays.*as \.npy"):
        read_file(tmp_path / "alphas.npz")
