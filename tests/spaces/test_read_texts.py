"""Texts as people hold them: every form of other systems, among comments, logs and programs."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture
from nasreplay.spaces import TOPOLOGY, Genotype
from nasreplay.spaces.genotypes.notation import WRITERS
from nasreplay.spaces.genotypes.published_genotypes import entry, zoo
from nasreplay.spaces.read import FORMS, read, read_file, read_named
from tests.support.written_elsewhere import (
    CELL,
    DARTS_V1,
    DARTS_V2,
    NASBENCH301,
    NNI_1,
    OTHER,
    cell_texts,
    genotype_texts,
)


@pytest.mark.parametrize("who", cell_texts())
def test_cells_of_other_systems(who):
    assert str(read(cell_texts()[who])) == CELL


@pytest.mark.parametrize("who", genotype_texts())
def test_genotypes_of_other_systems(who):
    assert read(genotype_texts()[who]) == entry("DARTS_V2").genotype


@pytest.mark.parametrize("dictionary", [NNI_1, NASBENCH301])
def test_edges_that_were_chosen(dictionary):
    found = read(json.dumps(dictionary))
    assert isinstance(found, Genotype)
    assert found.reduce is not None
    assert found.normal.nodes == (
        (("sep_conv_3x3", 0), ("max_pool_3x3", 1)),
        (("dil_conv_3x3", 1), ("skip_connect", 2)),
    )
    assert found.reduce.nodes == ((("max_pool_3x3", 0), ("avg_pool_3x3", 1)),)


@pytest.mark.parametrize("cell", [CELL, f"Structure(4 nodes with {CELL})"])
def test_widths_of_the_api_come_before_the_cell_they_are_used_in(cell):
    dictionary = {"name": "infer.shape.tiny", "channels": "8:16:24:32:40", "genotype": cell}
    for text in (
        str(dictionary),
        str(dictionary).replace(f"'{cell}'", cell),
        f"infer(channels='8:16:24:32:40', genotype={cell if '(' in cell else repr(cell)}, n=1)",
    ):
        if "(channels" not in text or "Structure" in text:
            assert str(read(text)) == "8:16:24:32:40"


def test_of_a_log_the_last_one_is_meant():
    log = "".join(
        f"2019-03-01 epoch {epoch} lr 1e-2\n2019-03-01 genotype = {DARTS_V1}\n2019 {{'loss': 1}}\n"
        for epoch in range(9)
    )
    found = read_named(f"{log}2019 genotype = {DARTS_V2}\n2019 valid_acc 88.1\n")
    assert found == (entry("DARTS_V2").genotype, "the last one, line 28")
    cells = f"epoch 0 : Structure(4 nodes with {OTHER})\nepoch 1 : {CELL}\nDone.\n"
    assert str(read(cells)) == CELL
    with pytest.raises(BadArchitecture, match="line 1 holds several architectures"):
        read(f"from {OTHER} to {CELL}")
    with pytest.raises(BadArchitecture, match="sep_conv_9x9"):  # a faulty last one is not passed over
        read(f"{log}genotype = {DARTS_V2.replace('sep_conv_3x3', 'sep_conv_9x9')}\n")


PROGRAM = f"""from collections import namedtuple

Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')
PRIMITIVES = ['none', 'max_pool_3x3']


def parse(self):
    return Genotype(normal=gene_normal, normal_concat=concat, reduce=gene_reduce, reduce_concat=concat)


DARTS_V1 = {DARTS_V1.replace("), (", "), # an edge" + chr(10) + "  (")}
# DARTS_V1 = Genotype(normal=[('none', 0), ('none', 1)], normal_concat=[2])
DARTS_V2 = {DARTS_V2}
TABLE = OrderedDict([("SMALL", CNNGenotype(normal=[('none', 0), ('none', 1)], normal_concat=[2]))])
DARTS = DARTS_V2
"""


def test_of_a_program_one_is_chosen_by_name():
    with pytest.raises(
        BadArchitecture, match="it holds several, DARTS_V1, DARTS_V2, SMALL: choose one, as in FILE:SMALL"
    ):
        read(PROGRAM)
    assert read_named(PROGRAM, "DARTS_V1").value == entry("DARTS_V1").genotype
    assert (
        read_named(PROGRAM, "DARTS").value
        == read_named(PROGRAM, "DARTS_V2").value
        == entry("DARTS_V2").genotype
    )
    small = read_named(PROGRAM, "SMALL").value
    assert isinstance(small, Genotype)
    assert small.normal.concat == (2,)
    with pytest.raises(BadArchitecture, match="no architecture 'DARTS_V3': did you mean DARTS_V2"):
        read_named(PROGRAM, "DARTS_V3")
    assert read(PROGRAM.split("DARTS_V1 = ")[0] + f"BEST = {DARTS_V2}\n") == entry("DARTS_V2").genotype


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[2, 1, 0, 3, 4, 2]", "may be a key of ours, written 210342, or NASLib's, written op_indices="),
        ("op_indices = [2, 1, 0, 3, 4, 5]", "op_indices: 5 must be 0 to 4"),
        ("op_indices = [2, 1]", "six numbers 0 to 4"),
        ('{"0_1": "none", "0_2": "none"}', "a cell has six operations, 0_1, 0_2, 1_2, 0_3, 1_3, 2_3"),
        (
            '{"0_1": "none", "0_2": 3, "1_2": "none", "0_3": "none", "1_3": "none", "2_3": "none"}',
            "from 0 to 2: 3 is",
        ),
        (
            '{"hp_x0": "non", "hp_x1": "none", "hp_x2": "none", "hp_x3": "none", "hp_x4": "none", "hp_x5": "none"}',
            "did",
        ),
        ('{"normal/op_2_0": "none"}', "normal/input_2_0 is missing"),
        ('{"normal/op_6_0": "none", "normal/input_6_0": 0}', "write Genotype(…) with its concat"),
        ('{"edge_normal_3": "none"}', "inputs_node_normal_3 is missing"),
        ('{"normal_n2_p0": 7}', "normal_n2_p0: 7 must be 0 to 6"),
        ("Genotype(normal=gene_normal, normal_concat=concat)", "plain data; or write |op~0|"),
        ("{'epochs': 600, 'arch_path': 'x'}", "found epochs, arch_path; or write |op~0|"),
        ("nothing to see here", FORMS),
        ("999999", "is no key, which has six digits 0 to 4, and no official index, which is at most 15,624"),
        ("DARTS_V3", "did you mean DARTS_V2? or write |op~0|"),
        ("foo", "a name of `nasreplay zoo`, or a file with one"),
    ],
)
def test_refusals_say_what_would_be_right(text, told):
    with pytest.raises(BadArchitecture) as caught:
        read(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(" or ") < 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_in_the_encodings_of_editors(tmp_path, encoding):
    file = tmp_path / "found.txt"
    file.write_text(f"# mein Genotyp, größer\n{DARTS_V2}\n", encoding=encoding)
    assert read_file(file).value == entry("DARTS_V2").genotype


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xff" * 9, b"", b"# nothing\n", b"\0" * 99])
def test_files_without_an_architecture_are_named(tmp_path, content):
    file = tmp_path / "empty.txt"
    file.write_bytes(content)
    with pytest.raises(BadArchitecture, match=r"empty\.txt: ") as caught:
        read_file(file)
    assert str(caught.value).count("empty.txt") == 1


NOISE = st.text(st.characters(codec="utf-8", exclude_characters="#|{"), max_size=60).map(
    lambda text: f"{text}\n"
)


@settings(deadline=None)
@given(
    st.sampled_from([*zoo()]),
    st.sampled_from(["darts", "xautodl", "cnas", "cnas-json", "json"]),
    NOISE,
    NOISE,
)
def test_every_notation_is_found_among_lines_of_anything(name, form, before, after):
    try:
        text = WRITERS[form](entry(name).genotype)
    except BadArchitecture:  # the form cannot hold it
        return
    assert read(text) == entry(name).genotype
    assert read(f"{before} {text}\n{after}") == entry(name).genotype


@settings(deadline=None)
@given(st.integers(0, 5**6 - 1), NOISE, NOISE)
def test_every_cell_is_found_among_lines_of_anything(place, before, after):
    cell = TOPOLOGY.architecture(str(TOPOLOGY.at(place)))
    assert read(f"{before} {cell}\n{after}") == cell


GIANTS = {
    "open brackets": "{'normal" * 300_000,
    "open calls": "Genotype( " * 100_000,
    "many nodes": f'{{"normal": [{",".join(["[" + chr(34) + "none" + chr(34) + ", 0]"] * 300_000)}]}}',
    "many names": "".join(f"A{place} = Genotype(normal=[('none', 0)])\n" for place in range(20_000)),
    "many dictionaries": "{'normal': 1} " * 20_000,
    "many cells": "|none~0" * 300_000,
    "many quotes": "Genotype('" + "\\'" * 300_000,
    "many values": "x, Value: y\n" * 100_000,
    "many channels": "channels='1" + ":1" * 500_000,
    "deep": "{'arch':" * 3000 + "1" + "}" * 3000,
    "digits": f"{{'normal': [['none', {'9' * 5000}]]}}",
    "a long number": "9" * 5000,
    "one line of words": "a " * 1_000_000,
}


@pytest.mark.parametrize("which", GIANTS)
def test_giants_are_refused_in_one_short_line(which):
    with pytest.raises(BadArchitecture) as caught:
        read(GIANTS[which])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500
