"""The networks of the sparse CNAS equal the recorded ones: sizes by both decodings, forward values, heads, stems."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.live.gradients import ARCH, StepGradients, mean_loss
from nasreplay.live.second_order import unrolled
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.shared_networks import SparseNetwork
from nasreplay.runs.earlier import as_recorded
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.costs.network_plan import LEVELS, Plan, level_of
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.genotypes.notation import from_mapping, read_genotype, to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train.recipe import Recipe
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


# --- supernets -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("row", FACTS["supernets"], ids=str)
def test_supernet_sizes(row):
    affine = FACTS["supernets"].index(row) % 2
    channels, layers, classes, nodes, level, *sizes = row
    network = SparseNetwork(channels=channels, layers=layers, nodes=nodes, affine=affine)
    with torch.device("meta"):
        net = network.build(classes, (32, 64, 128)[level])
    assert net.plan.stem == LEVELS[level]
    assert parameters(net) == sizes[affine]
    assert network.space.edges == 2 * {2: 5, 3: 9, 4: 14, 5: 20, 6: 27}[nodes]


def mixture(edges):
    """The recorded architecture: logits that want a gradient, and all operations active."""
    place = torch.arange(8 * edges).double().reshape(edges, 8) + 1
    alphas = torch.cat([0.3 * torch.sin(place), 0.3 * torch.cos(place)])
    return alphas.requires_grad_(), torch.ones(2 * edges, 8, dtype=torch.bool)


@pytest.mark.parametrize(
    "case",
    [  # the slow one has the slope of second order, too
        pytest.param(case, marks=[] if case["use_sparse"] else [pytest.mark.slow])
        for case in FACTS["searched"]
    ],
    ids=lambda case: str(case["use_sparse"]),
)
def test_supernet_values_and_slopes(case):
    net = SparseNetwork(layers=3, nodes=2, affine=int(case["use_sparse"])).build(10)
    alphas, active = mixture(5)
    first = waves((4, 3, 16, 16))
    batches = (first, torch.tensor([0, 3, 6, 9])), (0.9 * first.flip(0), torch.tensor([1, 4, 7, 2]))
    with torch.no_grad():
        check(filled(net).eval()(first, alphas.softmax(1), active), case["eval_logits"])
        check(net.train()(first, alphas.softmax(1), active), case["train_logits"])

    def backward(which, *, weights=False, slope=False):
        images, labels = batches[which]
        loss = F.cross_entropy(net.train()(images, alphas.softmax(1), active), labels)
        found = torch.autograd.grad(loss, [*net.parameters(), alphas], allow_unused=True)
        return StepGradients(loss.detach()[None], 0.0, list(found[:-1]), found[-1])

    found = backward(ARCH)
    assert found.loss.item() == pytest.approx(case["first_order"]["valid_loss"], rel=1e-8)
    for kind, slope in (("first_order", found.slope), ("second_order_corrected", None)):
        if kind not in case:
            continue
        if slope is None:
            optimizer = torch.optim.SGD(net.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
            recipe = Recipe(lr=0.025, decay=3e-4, nesterov=False)
            slope = unrolled(backward, net, list(net.parameters()), optimizer, recipe).slope
        wanted = np.concatenate([case[kind]["grad_alpha_normal"], case[kind]["grad_alpha_reduce"]])
        np.testing.assert_allclose(slope, wanted, rtol=0, atol=1e-3 * abs(wanted).max())


@pytest.mark.parametrize("case", FACTS["derivations"], ids=lambda case: str(case["meta_nodes"]))
@pytest.mark.parametrize(("rule", "kept"), [("top2", "drop_none"), ("none", "keep_none")])
def test_derivations_of_any_number_of_nodes(case, rule, kept):
    network = SparseNetwork(nodes=case["meta_nodes"], derive=rule)
    space, half = network.space, network.space.edges // 2
    place = np.arange(8 * half).reshape(half, 8)
    if "alpha_normal" in case:
        logits = np.concatenate([case["alpha_normal"], case["alpha_reduce"]])
    else:
        logits = 0.3 * np.concatenate([np.sin(1.7 * place + 1), np.cos(2.3 * place + 1)])
    codes = space.derive(logits[None])[0]
    assert space.genotype(codes) == from_mapping(case[kept])
    assert space.parse(space.format(codes)) == tuple(codes.tolist())


def test_the_network_of_an_earlier_run_is_what_it_was():
    recorded = {"bn": 1, "affine": 0, "channels": 16, "cells": 2, "drop_path": 0.0, "derive": "top2"}
    with torch.device("meta"):
        net = as_recorded(SparseNetwork(), recorded).build(10, 64)
    assert net.plan.stem == "cifar"
    assert parameters(net) == 1_452_082 + 96  # the stem's batch norm was affine


def test_an_auxiliary_head_in_a_search_gives_logits_in_training_only():
    network = SparseNetwork(channels=4, layers=3, nodes=2, auxiliary=0.4)
    net, (alphas, active) = network.build(10), mixture(5)
    x, weights = torch.randn(2, 3, 16, 16), alphas.detach().float().softmax(1)
    logits, auxiliary = net.train()(x, weights, active)
    assert logits.shape == auxiliary.shape == net.eval()(x, weights, active).shape == (2, 10)
    labels = torch.tensor([1, 2])
    both = mean_loss((logits, auxiliary), labels, 0.4, torch.float32)
    alone = [F.cross_entropy(part, labels) for part in (logits, auxiliary)]
    torch.testing.assert_close(both, alone[0] + 0.4 * alone[1])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cells": 1, "layers": 6}, "--layers 6 and --cells 1 both say how many cells: give one"),
        ({"nodes": 7}, "nodes is 7: it must be 2 to 6"),
        ({"stem_level": 3}, "stem level 3: there are 0, 1 and 2"),
        ({"auxiliary": -1.0}, "auxiliary is -1.0"),
        ({"layers": 2}, "2 cells of 16 channels"),
    ],
)
def test_networks_that_cannot_be(settings, told):
    with pytest.raises(BadSetting, match=told):
        SparseNetwork(**settings).build(10)
