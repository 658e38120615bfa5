import io
import json
import sys

import pytest

from nasreplay.spaces import SIZE, TOPOLOGY, Space, register_space

CELL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
FORMS = {
    "string": CELL,
    "index": "8192",
    "key": "340120",
    "unique": "#+((0)@nor_conv_3x3)@nor_conv_1x1+0",
    "canonical": "nor_conv_1x1(nor_conv_3x3(x))+x",
    "matrix": "[[0, 0, 0, 0], [3, 0, 0, 0], [4, 0, 0, 0], [1, 2, 0, 0]]",
    "lists": '[[["nor_conv_3x3", 0]], [["avg_pool_3x3", 0], ["none", 1]], '
    '[["skip_connect", 0], ["nor_conv_1x1", 1], ["none", 2]]]',
}


@pytest.fixture
def convert(run, monkeypatch):
    def call(*arguments: str, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        return run("convert", *arguments).out

    return call


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_one_line(convert, form):
    assert convert(CELL, "--to", form) == FORMS[form] + "\n"


@pytest.mark.parametrize("form", ["string", "index", "key", "matrix", "lists"])
def test_every_invertible_form_is_accepted(convert, form):
    assert convert(FORMS[form], "--to", "string") == CELL + "\n"


def test_json_has_everything(convert):
    told = json.loads(convert("340120"))
    assert told.pop("space") == "topology"
    assert told.pop("index") == 8192
    assert json.dumps(told.pop("matrix")) == FORMS["matrix"]
    assert json.dumps(told.pop("lists")) == FORMS["lists"]
    assert told == {name: FORMS[name] for name in ("string", "key", "unique", "canonical")}


def test_widths(convert):
    assert convert("8:8:8:16:32", "--to", "index") == "11\n"
    assert convert(" 8:8:8:16:32 ", "--to", "string") == "8:8:8:16:32\n"
    assert json.loads(convert("8:8:8:16:32")) == {
        "space": "size",
        "index": 11,
        "string": "8:8:8:16:32",
        "widths": [8, 8, 8, 16, 32],
    }


@pytest.mark.slow
def test_all_cells_through_standard_input(convert):
    keys = [TOPOLOGY.key(codes) for codes in TOPOLOGY.all_codes.tolist()]
    strings = convert("-", "--to", "string", stdin="\n".join(keys))
    assert strings.split() == list(TOPOLOGY.flat_by_text)
    indices = convert("-", "--to", "index", stdin=strings)
    assert list(map(int, indices.split())) == TOPOLOGY.flat_to_official.tolist()
    assert convert("-", "--to", "key", stdin=indices).split() == keys


def test_several_and_mixed_spaces(convert):
    out = convert("1", "8:8:8:8:8", FORMS["matrix"], "--to", "string")
    assert out.splitlines()[1:] == ["8:8:8:8:8", CELL]


def test_index_flag(convert):
    assert convert("--index", "008192", "--to", "key") == "340120\n"


@pytest.mark.parametrize("form", ["matrix", "key", "unique", "canonical", "lists"])
def test_forms_that_widths_lack(refused, form):
    err = refused("convert", str(SIZE.at_flat(5)), "--to", form)
    assert f"has no form {form!r}" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "six-digit key"),
        ("{}", "fields normal, normal_concat"),
        ("[", "is not the JSON"),
        ("[" * 5000, "is not the JSON"),
        ("[]", "is not an architecture: write |op~0|"),
        ("[1]", "is not an architecture: write |op~0|"),
        ("[[1]]", "4 × 4"),
        ("[[1, 2], [3]]", "a cell of SLNAS has 20 integers"),
        ("[[1, 2], [3], [4]]", "four lists of four numbers"),
        ("[[0,0,0,0],[5,0,0,0],[0,0,0,0],[0,0,0,0]]", "entry [1, 0]"),
        ("[[0,0,0,0],[NaN,0,0,0],[0,0,0,0],[0,0,0,0]]", "entry [1, 0]"),
        ("[[0,0,0,0],[1e999,0,0,0],[0,0,0,0],[0,0,0,0]]", "entry [1, 0]"),
        (f"[[0,0,0,0],[{'9' * 400},0,0,0],[0,0,0,0],[0,0,0,0]]", "four lists of four numbers"),
        ("[[1,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,0]]", "lower triangular"),
        ('[[0,"1",0,0],[0,0,0,0],[0,0,0,0],[0,0,0,0]]', "lower triangular"),
        ("[[0,null,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,{}]]", "four lists of four numbers"),
        ('[[["none", 0]], [["none", 1]]]', "expected '0', found '1'"),
        ('[[["five", 0]]]', "unknown operation 'five'"),
        ('[[["none"]]]', "three lists"),
        ("99999", "indices are 0 to 15624"),
    ],
)
def test_bad_input(refused, text, told):
    err = refused("convert", text)
    assert told in err


def test_the_bad_one_of_several_is_named(refused):
    err = refused("convert", "1", "x")
    assert "architecture 2 of 2" in err


GENOTYPE_FORMS = ["json", "darts", "two-input", "all-edge", "xautodl", "cnas", "cnas-json"]


@pytest.mark.parametrize("form", GENOTYPE_FORMS)
def test_genotypes_are_one_line_and_come_back(convert, form):
    line = convert("DARTS_V2", "--to", form)
    assert line.count("\n") == 1
    darts = convert(line, "--to", "two-input")
    assert darts == convert("DARTS_V2", "--to", "darts")
    assert darts.startswith("Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ")


@pytest.mark.parametrize("form", ["darts", "all-edge", "xautodl"])
def test_cells_have_genotypes(convert, form):
    assert convert(convert(CELL, "--to", form), "--to", "string") == CELL + "\n"


def test_the_genotype_of_a_cell_has_all_of_its_forms(convert):
    genotype = convert(CELL, "--to", "darts")
    for form, wanted in FORMS.items():
        assert convert(genotype, "--to", form) == wanted + "\n"


def test_genotypes_through_standard_input(convert):
    lines = "".join(convert(name, "--to", "darts") for name in ("NASNet", "GDAS_F1", "SNAS_mild_edge_all"))
    assert convert("-", "--to", "darts", stdin=lines) == lines


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("SETN", "--to", "string"), "not a NAS-Bench-201 cell: it has 4 intermediate nodes"),
        (("SETN", "--to", "cnas"), "conv_3x1_1x3 is no operation of CNAS"),
        (("8:8:8:8:8", "--to", "darts"), "has no form 'darts'"),
        (("1", "GDAS_F1", "--to", "cnas"), "architecture 1 of 2: a CNAS genotype has a reduction cell"),
        (("Genotype(normal=__import__('os').getcwd())",), "is not allowed in a genotype"),
    ],
)
def test_genotypes_that_a_form_cannot_hold(refused, arguments, told):
    assert told in refused("convert", *arguments)


def test_a_registered_space(convert):
    register_space(Space("convert-blocks", (("thin", "thick"), ("8", "16", "32"))))
    assert convert("thick/16", "--to", "index") == "4\n"
    assert convert("4", "--to", "string", "--space", "convert-blocks") == "thick/16\n"
    assert json.loads(convert("thin/8")) == {"space": "convert-blocks", "index": 0, "string": "thin/8"}


def test_a_genotype_in_its_space(convert):
    assert convert("DARTS_V2", "--to", "string", "--space", "nasnet") == convert("DARTS_V2", "--to", "darts")


def test_usage(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert "string" in refused("convert", "1", "--to", "picture")
    assert "ARCH" in refused("convert")
    assert "no architecture given" in refused("convert", "-")
