"""The networks of the sparse CNAS equal the recorded ones: sizes by both decodings, forward values, heads, stems."""

import math

import pytest
import torch

from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.costs.network_plan import LEVELS, Plan, level_of
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.genotypes.notation import read_genotype, to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry
from tests.support.formula import golden

FACTS = golden("sparse_networks")


def planned(channels, cells, classes, auxiliary=False, **rest):
    return Plan(channels, cells, classes, auxiliary=auxiliary, dialect="sparse", **rest)


def filled(net):
    """The network in float64 with the recorded weights."""
    for name, values in net.double().named_parameters():
        place = torch.arange(values.numel()).double()
        wave = torch.sin(0.37 * place + 0.5) / math.sqrt(values.numel() / values.shape[0])
        if values.dim() == 1:
            scale = 1 + 0.05 * torch.sin(place + 1)
            wave = scale if name.endswith("weight") else 0.05 * torch.cos(place + 1)
        values.data = wave.reshape(values.shape)
    return net


def waves(shape):
    place = torch.arange(math.prod(shape)).double()
    return (torch.sin(0.11 * place) + 0.5 * torch.cos(0.013 * place)).reshape(shape)


def check(values, record):
    flat = values.detach().flatten()
    told = [flat.sum(), flat.abs().sum(), *flat[:4], flat[-1]]
    wanted = [record["sum"], record["abs_sum"], *record["first4"], record["last"]]
    assert torch.stack(told).tolist() == pytest.approx(wanted, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("row", FACTS["networks"], ids=lambda row: f"{row[0]}-{row[3]}-{row[4]}")
def test_sizes_by_both_decodings(row):
    name, *sizes, dense, compact = row
    genotype, plan = entry(name).genotype, planned(*sizes)
    assert cost(genotype, plan).parameters == dense
    assert cost(genotype.compact(), plan).parameters == compact
    assert entry(name).dialect in ("darts", "sparse")


@pytest.mark.parametrize("name", ["DARTS_MORE_NONE_V1", "DARTS_MORE_NONE_V4"])
@pytest.mark.parametrize(("stem", "side"), [*zip(LEVELS, (32, 64, 96), strict=True)])
def test_built_networks_cost_what_is_counted(name, stem, side):
    genotype = entry(name).genotype.compact()
    plan = planned(16, 3, 12, True, stem=stem, shuffle_groups=2)
    net, counted = NASNet(genotype, plan), cost(genotype, plan, side)
    assert (parameters(net), multiply_adds(net, torch.zeros(1, 3, side, side))) == counted
    logits, auxiliary = net.train()(torch.randn(2, 3, side, side))
    assert logits.shape == auxiliary.shape == (2, 12)


def test_the_stem_goes_by_the_side_of_an_image():
    assert [LEVELS[level_of(side)] for side in (8, 32, 33, 64, 65, 224)] == [
        *("cifar", "cifar", "level-1", "level-1", "level-2", "level-2")
    ]


@pytest.mark.parametrize("case", FACTS["forward"], ids=lambda case: case["genotype"])
def test_forward_values(case):
    net = filled(NASNet(entry(case["genotype"]).genotype, planned(16, 3, 10, True)))
    x = waves((2, 3, 32, 32))
    with torch.no_grad():
        check(net.eval()(x), case["eval_logits"])
        logits, auxiliary = net.train()(x)
    check(logits, case["train_logits"])
    check(auxiliary, case["train_aux_logits"])


def test_the_compact_form_leaves_out_what_is_dead():
    cell = Cell.of(
        [
            [("none", 0), ("none", 1)],  # dead
            [("skip_connect", 2), ("sep_conv_3x3", 1)],  # its first edge is
            [("max_pool_3x3", 2), ("none", 3)],  # reads only a dead node
            [("sep_conv_3x3", 3), ("none", 4)],
        ],
        [5, 3, 2],
    )
    assert cell.live() == {0: 0, 1: 1, 3: 2, 5: 3}
    assert cell.compact() == Cell.of([[("sep_conv_3x3", 1)], [("sep_conv_3x3", 2)]], [3, 2])
    for name in ("DARTS_MORE_NONE_V1", "DARTS_MORE_NONE_V4", "SNAS_aggressive_edge_all", "GDAS_F1"):
        found = entry(name).genotype.compact()
        assert read_genotype(to_darts(found)) == found == found.compact()
    assert [len(entry(f"DARTS_MORE_NONE_V{n}").genotype.compact().normal.nodes) for n in (1, 2, 3, 4)] == [
        *(1, 2, 2, 2)
    ]


def test_a_cell_without_a_live_node_has_no_compact_form():
    dead = Cell.of([[("none", 0), ("none", 1)], [("skip_connect", 2), ("none", 0)]])
    with pytest.raises(
        BadArchitecture, match="reduction cell: only none leads to the nodes of its output, 2, 3"
    ):
        Genotype(entry("DARTS_V1").genotype.normal, dead).compact()


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(BadSetting, match="3 shuffle groups of 16 channels: the square of the groups must"):
        Plan(16, shuffle_groups=3)
