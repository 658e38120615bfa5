"""Genotypes as values, and every way to write one."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.genotypes.genotype import ALIASES, OPERATIONS, Cell, Genotype
from nasreplay.spaces.genotypes.notation import (
    PRIMITIVES,
    SEARCHED,
    WRITERS,
    from_mapping,
    is_genotype,
    read_genotype,
    to_cnas_json,
    to_mapping,
)
from nasreplay.spaces.genotypes.published_genotypes import entry, zoo
from tests.support.nasnet_facts import facts

FACTS = facts("genotypes")
RECORDED = {name: from_mapping(value) for name, value in FACTS["genotypes"].items()}
FAITHFUL = [name for name in WRITERS if name not in ("two-input", "all-edge", "compact")]


few = settings(max_examples=30, deadline=None)


@st.composite
def cells(pick, operations, least=1, most=3, nodes=None):
    """Any cell of so many nodes (None: 1 to 5), with `least` to `most` edges each."""
    drawn = []
    for state in range(2, 2 + (nodes or pick(st.integers(1, 5)))):
        pairs = st.tuples(st.sampled_from(operations), st.integers(0, state - 1))
        drawn.append(tuple(pick(st.lists(pairs, min_size=least, max_size=most))))
    states = st.lists(st.integers(2, len(drawn) + 1), min_size=1, unique=True)
    return Cell(tuple(drawn), tuple(pick(states)))


def genotypes(operations, **more):
    return st.builds(Genotype, cells(operations, **more), st.none() | cells(operations, **more))


@few
@given(genotypes(OPERATIONS))
def test_json_and_darts_texts_read_back(genotype):
    for form in ("json", "darts"):
        assert read_genotype(WRITERS[form](genotype)) == genotype
    assert from_mapping(to_mapping(genotype)) == genotype


@few
@given(genotypes(tuple(SEARCHED)))
def test_xautodl_dictionaries_read_back(genotype):
    assert read_genotype(WRITERS["xautodl"](genotype)) == genotype


@few
@given(genotypes(PRIMITIVES, least=2, most=2, nodes=4).filter(lambda genotype: genotype.reduce is not None))
def test_cnas_texts_read_back(genotype):
    for form in ("cnas", "cnas-json"):
        assert read_genotype(WRITERS[form](genotype)) == genotype


@few
@given(genotypes(OPERATIONS, least=2))
def test_writing_all_edges_changes_nothing_else(genotype):
    whole = genotype.all_edges()
    assert read_genotype(WRITERS["all-edge"](genotype)) == whole == whole.all_edges()
    for before, after in zip(genotype.cells().values(), whole.cells().values(), strict=True):
        for state, (few, all_) in enumerate(zip(before.nodes, after.nodes, strict=True), start=2):
            assert all_[: len(few)] == few
            assert {source for _, source in all_} == set(range(state))
            assert all(operation == "none" for operation, _ in all_[len(few) :])


@pytest.mark.parametrize("name", RECORDED)
def test_the_zoo_is_what_was_published(name):
    assert entry(name).genotype == RECORDED[name]


def test_nothing_else_is_in_the_zoo():
    assert zoo().keys() == RECORDED.keys()
    assert entry("DARTS") is entry("darts_v2") is entry("DARTS_V2")


@pytest.mark.parametrize("form", FAITHFUL)
def test_recorded_genotypes_read_back_or_name_what_is_missing(form):
    kept = 0
    for genotype in RECORDED.values():
        with suppress(BadArchitecture):
            assert read_genotype(WRITERS[form](genotype)) == genotype
            kept += 1
    assert kept >= 10


@pytest.mark.parametrize(
    ("name", "form", "told"),
    [
        ("SETN", "xautodl", "conv_3x1_1x3 is no operation of AutoDL-Projects' search cells"),
        ("NASNet", "cnas", "sep_conv_7x7 is no operation of CNAS genotypes"),
        ("GDAS_F1", "cnas-json", "this one's reduction is fixed"),
        (
            "SNAS_mild_edge_all",
            "cnas",
            "two edges a node and as many nodes in both cells; the normal cell has",
        ),
    ],
)
def test_what_a_form_cannot_hold_is_named(name, form, told):
    with pytest.raises(BadArchitecture, match=told):
        WRITERS[form](RECORDED[name])


@pytest.mark.parametrize("level", ["mild", "moderate", "aggressive"])
def test_the_two_forms_of_snas_are_the_same_function(level):
    short, whole = RECORDED[f"SNAS_{level}"], RECORDED[f"SNAS_{level}_edge_all"]
    used = [
        [
            sorted(edge for edge in node if edge[0] != "none")
            for cell in one.cells().values()
            for node in cell.nodes
        ]
        for one in (short, whole, short.all_edges(), whole.two_inputs())
    ]
    assert used[0] == used[1] == used[2] == used[3]
    assert all(len(node) == 2 for cell in whole.two_inputs().cells().values() for node in cell.nodes)
    assert whole.all_edges() == whole


def test_the_json_of_cnas_is_exact():
    assert to_cnas_json(RECORDED["CNAS"]) == FACTS["cnas_json"]
    search_result = json.dumps({"arch": FACTS["cnas_json"], "derived_acc": 0.5, "flops": None})
    assert read_genotype(search_result) == RECORDED["CNAS"]


def test_forms_in_the_wild():
    wanted = Genotype(Cell(((("sep_conv_3x3", 1), ("none", 0)),), (2,)), None)
    for text in (
        "Genotype(normal=[('sep_conv_3x3', 1), ('none', 0)], normal_concat=range(2, 3), reduce=None)",
        "GDAS = Genotype(normal=[(('sep_conv_3x3', 1), ('none', 0))], normal_concat=[2], reduce=None, "
        "reduce_concat=None, connectN=None, connects=None)",
        "{'normal': [(('dua_sepc_3x3', 1, np.float32(0.125)), ('none', 0, 0.1))], 'normal_concat': [2]}",
        '{"normal": [["sep_conv_3x3", 1, 0.25], ["none", 0, 0.25]], "reduce": null}',
        "Genotype([('sep_conv_3x3', 1), ('none', 0)], list(range(2, 3)), None, None)",
    ):
        assert is_genotype(text)
        assert read_genotype(text) == wanted
    twice = "Genotype.from_arch(normal_arch=[('none', 0, 2), ('conv_1x7_7x1', 2, 3)], reduced_arch=[('none', 0, 2)])"
    assert read_genotype(twice).normal.nodes == ((("none", 0),), (("conv_7x1_1x7", 2),))
    assert not any(map(is_genotype, ("|none~0|", "8:8:8:8:8", "[[1]]", "333133", "Genotypes")))


def test_flat_pairs_are_grouped_by_what_they_read():
    complete = [("none", 0), ("none", 1), ("none", 2), ("none", 0), ("none", 1)]
    assert [len(node) for node in from_mapping({"normal": complete}).normal.nodes] == [2, 3]
    seven = [("none", source) for source in (0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4)]
    assert len(from_mapping({"normal": seven}).normal.nodes) == 4
    assert len(from_mapping({"normal": seven, "normal_concat": [7, 8]}).normal.nodes) == 7


BAD = [
    ("{}", "fields normal, normal_concat"),
    ("[]", "found list"),
    ('{"normal": []}', "no nodes"),
    ('{"normal": [[]]}', "node 2 has no"),
    ('{"normal": 3}', "must be a list"),
    ('{"normal": [["none", 0], ["none", 1]], "extra": 1}', "found normal, extra"),
    ('{"normal": [["none", 0], 5]}', "5 is not an (operation, source) pair"),
    (
        '{"normal": [["sep_conv_9x9", 0], ["none", 1]]}',
        "unknown operation 'sep_conv_9x9': did you mean sep_conv_7x7?",
    ),
    ('{"normal": [["none", 2], ["none", 1]]}', "source 2 of none must be a state 0 to 1"),
    ('{"normal": [["none", true], ["none", 1]]}', "source True"),
    ('{"normal": [["none", 0.0], ["none", 1]]}', "source 0.0"),
    (
        '{"normal": [["none", 0], ["none", 1]], "normal_concat": [0]}',
        "concat [0] must name intermediate nodes",
    ),
    ('{"normal": [["none", 0], ["none", 1]], "normal_concat": [2, 2]}', "names a node twice"),
    ('{"normal": [["none", 0], ["none", 1]], "normal_concat": []}', "concat []"),
    ('{"normal_arch": [["none", 0, 3]]}', "lead to the nodes [3]"),
    ('{"normal_arch": [["none", 0]]}', "is not an (operation, source, node) triple"),
    ('{"normal_arch": [["none", 0, 2]]}', "reduction cell"),
    ('{"arch": "{}"}', "fields normal"),
    ("Genotype(normal=__import__('os').system('true'))", "is not allowed in a genotype"),
    ("Genotype(normal=[x for x in (1,)])", "is not allowed"),
    ("Genotype(**{'normal': 1})", "fields"),
    ("Genotype(normal=1, normal=2)", "once each"),
    ("Genotype(1, normal=2)", "once each"),
    ("Genotype(normal=[('none', 0)], normal_concat=range(10**9))", "not allowed"),
    ("Genotype(normal=[('none', 0)], normal_concat=range(1000000000))", "must have 1 to 1000"),
    (f"Genotype(normal=[('none', 0)], normal_concat=range({'9' * 30}))", "Python"),
    ("Genotype(normal=[('none', 0)], normal_concat=range(0, 9, 0))", "zero"),
    ("Genotype(normal=", "character"),
    ("Genotype(normal=1); x", "not one expression"),
    ("{1: 2}", "texts as keys"),
    ("{**{}}", "not allowed"),
    ("{" * 3000, ""),
    ("Genotype(" * 300 + ")" * 300, ""),
    ("Genotype(" + "x" * 30_000, "too long"),
    ("Genotype('\x00')", ""),
]


@pytest.mark.parametrize(("text", "told"), BAD, ids=[text[:40] for text, _ in BAD])
def test_bad_texts_are_refused_in_one_line(text, told):
    with pytest.raises(BadArchitecture) as caught:
        read_genotype(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["none", "normal", "", "x"]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(["normal", "a"]), inside),
)


@few
@given(
    st.dictionaries(
        st.sampled_from(
            ["normal", "reduce", "normal_concat", "normal_arch", "reduced_arch", "named_normal_arch", "arch"]
        ),
        json_values,
    )
)
def test_arbitrary_json_is_read_or_refused(value):
    with suppress(BadArchitecture):
        genotype = read_genotype(json.dumps(value))
        assert from_mapping(to_mapping(genotype)) == genotype


def test_what_two_inputs_cannot_hold_is_named():
    three = Cell.of(
        [[("skip_connect", 0), ("skip_connect", 1)], [("sep_conv_3x3", source) for source in range(3)]]
    )
    with pytest.raises(BadArchitecture, match="normal cell, node 3: 3 operations beside none"):
        Genotype(three, None).two_inputs()


def test_aliases_lead_to_known_operations():
    assert set(ALIASES.values()) <= set(OPERATIONS)
    assert not set(ALIASES) & set(OPERATIONS)
