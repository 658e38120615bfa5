"""The space of SLNAS: its texts and what is wrong with them, indices, costs, drawings, published architectures."""

import json

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture
from nasreplay.seeds import Stream
from nasreplay.spaces import NASNET, SLNAS, TOPOLOGY
from nasreplay.spaces.costs.slnas_cost import totals
from nasreplay.spaces.costs.slnas_plan import SLNASPlan
from nasreplay.spaces.read import read, read_architecture, read_file, read_many, read_named
from tests.support.formula import golden

GOLDEN = golden("slnas_networks")
NAMED = {name: json.dumps(lists) for name, lists in GOLDEN["architectures"].items()}
README, FLOWERS = NAMED["readme_aid50"], NAMED["flowers_searched"]
LISTS = GOLDEN["architectures"]["readme_aid50"]
DARTS = {  # as recorded, with the names of the operations as SLNAS calls them
    README: (
        "shuffle_5x5 0 conv_1x1 0 max_pool_3x3 1 max_pool_3x3 0 max_pool_3x3 0 shuffle_3x3 0 shuffle_5x5 1 "
        "max_pool_3x3 0 max_pool_3x3 0 shuffle_3x3 1",
        "max_pool_3x3 0 shuffle_3x3 1 conv_1x1 0 shuffle_5x5 1 shuffle_5x5 1 max_pool_3x3 0 avg_pool_3x3 0 "
        "avg_pool_3x3 1 shuffle_5x5 1 max_pool_3x3 0",
    ),
    FLOWERS: (
        "max_pool_3x3 0 max_pool_3x3 1 shuffle_5x5 1 shuffle_5x5 2 shuffle_3x3 2 shuffle_5x5 0 avg_pool_3x3 4 "
        "conv_1x1 3 shuffle_5x5 4 avg_pool_3x3 5",
        "conv_1x1 1 avg_pool_3x3 0 shuffle_3x3 2 shuffle_5x5 2 shuffle_3x3 0 shuffle_3x3 2 shuffle_5x5 4 "
        "max_pool_3x3 3 shuffle_3x3 3 shuffle_5x5 3",
    ),
}


def darts(text, prefix="slnas:"):
    cells = [
        list(zip(words[::2], map(int, words[1::2]), strict=True)) for words in map(str.split, DARTS[text])
    ]
    normal, reduce = ([(prefix + name, state) for name, state in cell] for cell in cells)
    joined = "range(2, 7)"
    return f"Genotype(normal={normal}, normal_concat={joined}, reduce={reduce}, reduce_concat={joined})"


def changed(cell, place, value):
    lists = [list(row) for row in LISTS]
    lists[cell][place] = value
    return json.dumps(lists)


def message(text, **where):
    with pytest.raises(BadArchitecture) as refused:
        read(text, **where)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", NAMED)
def test_known_lists_are_read_and_written(name):
    found = read_architecture(NAMED[name])
    assert (found.space, str(found)) == (SLNAS, NAMED[name])
    assert str(read(f"SLNAS_{name}")) == NAMED[name]
    assert str(read(SLNAS.forms["darts"](found.codes))) == NAMED[name]


@pytest.mark.parametrize("text", DARTS)
def test_darts_style_form(text):
    form = darts(text)
    assert str(read(form)) == text
    assert SLNAS.forms["darts"](read_architecture(text).codes) == form
    pairs = {"normal": [], "reduce": []}
    for field, words in zip(pairs, map(str.split, DARTS[text]), strict=True):
        flat = [["slnas:" + name, int(state)] for name, state in zip(words[::2], words[1::2], strict=True)]
        pairs[field] = [flat[place : place + 2] for place in range(0, 10, 2)]
    assert str(read(json.dumps(pairs))) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed(0, 6, 9), "list 1 (normal), position 6: 9 is not in 0 ... 2"),
        (changed(1, 19, 5), "list 2 (reduction), position 19: 5 is not in 0 ... 4"),
        (changed(0, 3, -1), "list 1 (normal), position 3: -1 is not in 0 ... 4"),
        (changed(0, 0, 10**40), "position 0: 1000000000000"),
        (
            changed(0, 0, 7).replace("7", "7" * 5000, 1),
            "4300 digits) for integer string conversion: value has 5000",
        ),
        (changed(1, 2, True), "list 2 (reduction), position 2: True is no integer 0 ... 1"),
        (changed(1, 2, 1.0), "position 2: 1.0 is no integer"),
        (changed(1, 2, "1"), "position 2: '1' is no integer"),
        (changed(1, 2, None), "position 2: None is no integer"),
        (changed(1, 2, [1]), "position 2: [1] is no integer"),
        (json.dumps([LISTS[0], LISTS[1][:-1]]), "list 2 (reduction) is of length 19; a cell of SLNAS has 20"),
        (json.dumps([[*LISTS[0], 0], LISTS[1]]), "list 1 (normal) is of length 21"),
        ("[[1, 2, 3], [4]]", "list 1 (normal), position 2: 3 is not in 0 ... 1"),
        ("[[], []]", "list 1 (normal) is of length 0"),
        (json.dumps([LISTS]), "is 1 list: expected two lists of 20 integers"),
        (json.dumps([*LISTS, LISTS[0]]), "is 3 lists: expected two lists"),
        (json.dumps([LISTS, LISTS]), "list 1 (normal), position 0: [0, 1,"),
        (json.dumps(LISTS[0]), "is one list of 20: expected two lists"),
        (json.dumps(LISTS[0] + LISTS[1]), "is one list of 40: expected two lists"),
        (README + " more", "character 126: invalid syntax"),
        (README + "]", "character 125: unmatched ']'"),
        (README[:-1], "was never closed"),
        (
            darts(README).replace("slnas:conv_1x1", "conv_1x1", 1),
            "normal cell, pair 1: conv_1x1 may be of another",
        ),
        (
            darts(README).replace("slnas:conv_1x1", "sep_conv_3x3", 1),
            "pair 1: 'sep_conv_3x3' is no operation of SLNAS",
        ),
        (darts(README, ""), "pair 0: shuffle_5x5 may be of another family: write slnas:shuffle_5x5"),
        (darts(README).replace("5x5', 0)", "5x5', 2)", 1), "normal cell, pair 0: state 2 is not in 0 ... 1"),
        (
            darts(README).replace("range(2, 7)", "range(3, 7)", 1),
            "normal cell: concat [3, 4, 5, 6]; a cell of SLNAS",
        ),
        (darts(README).replace("('slnas:conv_1x1', 0), ", "", 1), "normal cell: 9 (operation, state) pairs"),
        (
            "SLNAS_leaf_serched",
            "no published architecture 'SLNAS_leaf_serched': did you mean SLNAS_leaf_searched?",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, told):
    assert told in message(text)


def test_other_texts_that_begin_with_a_bracket_stay_what_they_are():
    cell = read_architecture("333133")
    for form in ("matrix", "lists"):
        assert read(json.dumps(TOPOLOGY.forms[form](cell.codes))) == cell
    assert str(read("[8, 16, 24, 32, 40]")) == "8:16:24:32:40"
    assert "a cell matrix is" in message("[[0, 0, 0], [1, 0, 0], [1, 1, 0]]")
    assert "op_indices" in message("[1, 2, 3, 4, 0, 1]")


def test_no_family_is_taken_for_the_other():
    assert "is no operation of SLNAS" in str(refused_in(SLNAS, "DARTS_V2"))
    pools = "[('max_pool_3x3', 0), ('max_pool_3x3', 1)]"
    genotype = f"Genotype(normal=[{', '.join([pools] * 5)}], normal_concat=range(2, 7), reduce=None)"
    assert "write slnas:max_pool_3x3 where SLNAS's own is meant" in str(refused_in(SLNAS, genotype))
    with pytest.raises(BadArchitecture):
        NASNET.at(README)
    with pytest.raises(BadArchitecture):
        TOPOLOGY.at(darts(README))


def refused_in(space, text):
    with pytest.raises(BadArchitecture) as refused:
        read_architecture(text, space=space)
    return refused.value


def test_texts_among_others(tmp_path):
    log = tmp_path / "dag_all.txt"
    log.write_text(f"50.000 {README} share_weight\n61.250 {FLOWERS} controller\n")
    assert str(read_file(log).value) == FLOWERS
    assert str(read_file(log, "1").value) == README
    script = f'python retrain.py --blocks "[2,2]" --arch "{README}"\n'
    assert str(read_named(f"one = 3\nLIST = {FLOWERS}\n{script}", "LIST").value) == FLOWERS
    assert str(read(script)) == README
    assert str(read(json.dumps({"space": "slnas", "string": README, "darts": darts(README)}))) == README
    assert str(read(README.replace(" ", ""))) == README
    log.write_text(README.replace("], ", "],\n "))
    assert str(read_file(log).value) == README
    assert (
        str(read(json.dumps({"arch": LISTS, "accuracy": 50.0, "argmax_arch": json.loads(FLOWERS)}))) == README
    )
    assert str(read_architecture(LISTS)) == README


def test_indices_are_whole_numbers_of_any_size():
    codes = SLNAS.sample(Stream(0, "index", range(20)).at())
    numbers = [SLNAS.at(SLNAS.format(row)).index for row in codes]
    assert np.array_equal(SLNAS.codes(numbers), codes)
    assert [str(SLNAS.at(number)) for number in numbers] == [SLNAS.format(row) for row in codes]
    assert SLNAS.size == 25_628_906_250_000_000_000_000_000
    assert SLNAS.at(SLNAS.size - 1).codes == tuple(SLNAS.choices - 1)
    assert SLNAS.at(1).codes == (*[0] * 39, 1)
    for wrong in (SLNAS.size, -1, True):
        with pytest.raises(BadArchitecture, match="is outside the slnas space"):
            SLNAS.at(wrong)
    space, flat = read_many([README, FLOWERS])
    assert np.array_equal(
        space.from_flat(flat), [read_architecture(text).codes for text in (README, FLOWERS)]
    )


def test_places_say_which_decisions_are_states():
    chosen = [names for names, place in zip(SLNAS.options, SLNAS.places, strict=True) if not place.source]
    assert set(chosen) == {SLNAS.options[1]}
    assert [place.node for place in SLNAS.places[:20:4]] == [0, 1, 2, 3, 4]
    assert SLNAS.choices[:20].tolist() == [2, 5, 2, 5, 3, 5, 3, 5, 4, 5, 4, 5, 5, 5, 5, 5, 6, 5, 6, 5]
    assert (SLNAS.labels[0], SLNAS.labels[39]) == ("n0.x", "r4.y op")


def test_every_recorded_count():
    for row in GOLDEN["retrain_network_param_counts"]:
        codes = np.array([read_architecture(NAMED[row["arch"]]).codes])
        for stem in ("cifar", "image"):
            plan = SLNASPlan(row["child_out_filters"], tuple(row["blocks"]), row["num_class"], stem)
            assert totals(codes, plan)[0, 0] == row[f"params_{stem}_stem"], row
    assert SLNAS.parameters(np.array([read_architecture(README).codes]), 10) == [595_456]


def test_costs_are_those_of_whole_networks_and_their_expectations_exact():
    plan = SLNASPlan(16, (1, 2), 10, "cifar")
    costs, codes = SLNAS.costs(10, 32, plan), SLNAS.sample(Stream(2, "costs", range(6)).at())
    counted = totals(codes, plan)
    for place, name in enumerate(("params", "flops", "size", "traffic")):
        per = 1e6 if place < 2 else 1
        np.testing.assert_allclose(costs.cost(name).of(codes) * per, counted[:, place], rtol=1e-9)
    both = (SLNAS.embed(codes[:1]) + SLNAS.embed(np.where(np.arange(40) == 21, codes[1:2], codes[:1]))) / 2
    changed = np.where(np.arange(40) == 21, codes[1:2], codes[:1])
    mean = (costs.cost("flops").of(codes[:1]) + costs.cost("flops").of(changed)) / 2
    np.testing.assert_allclose(costs.cost("flops").expected(both)[0], mean, rtol=1e-12)


def test_drawings_show_two_operations_a_node_and_all_nodes_at_the_output():
    for graph in read(FLOWERS).graphs():
        named = [arrow for arrow in graph.arrows if arrow.operation]
        assert [arrow.target for arrow in named] == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
        assert [arrow.source for arrow in graph.arrows if not arrow.operation] == [2, 3, 4, 5, 6]
    assert read(FLOWERS).graphs()[0].arrows[3][:] == (2, 3, "shuffle_5x5")
