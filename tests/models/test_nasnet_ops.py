"""The operations of NASNet-type networks: sizes and values as recorded, definitions by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasreplay.errors import UnknownName
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nasnet.nasnet_cells import FixedReduction
from nasreplay.models.nasnet.nasnet_ops import LAYERS, Chain, Gate, ShuffleConv, layer
from nasreplay.spaces.costs.nasnet_cost import operation_cost
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.genotype import ALIASES, OPERATIONS
from tests.support.formula import golden

FACTS = golden("nasnet_networks")


def test_the_registry_has_every_operation_of_genotypes():
    assert set(LAYERS) == set(OPERATIONS)
    with pytest.raises(UnknownName, match="known: none, skip_connect"):
        layer("conv", 4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_shapes_and_closed_forms(name, stride):
    for side in (8, 7):
        net, x = layer(name, 16, stride), torch.randn(2, 16, side, side)
        assert net(x).shape == (2, 16, (side + 1) // 2, (side + 1) // 2) if stride == 2 else x.shape
        counted = operation_cost(name, 16, stride, side)
        assert (parameters(net), multiply_adds(net, x[:1])) == counted


def test_sizes_as_recorded():
    for name, stride, affine, size, work in FACTS["counts"]:
        net = layer(str(ALIASES.get(name, name)), 16, stride, affine)
        biases = sum(m.bias.numel() for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is not None)
        assert parameters(net) - biases == size, (
            name
        )  # those releases have no biases where norms are not affine
        assert affine == (biases == 0) or not work
        assert multiply_adds(net, torch.zeros(1, 16, 32, 32)) == work
    for channels, strides in FACTS["sparse_counts"].items():
        for stride, sizes in strides.items():
            for name, size in sizes.items():
                assert parameters(layer(name, int(channels), int(stride[-1]))) == size


@pytest.mark.parametrize("case", FACTS["operations"], ids=lambda case: f"{case['op']} {case['stride']}")
def test_values_as_recorded(case):
    net = layer(case["op"], case["C"], case["stride"]).double()
    for name, tensor in net.named_parameters():
        place = torch.arange(tensor.numel()).double()
        if tensor.dim() > 1:
            value = torch.sin(0.37 * place + 0.5) / (tensor.numel() / len(tensor)) ** 0.5
        else:
            value = (
                1 + 0.05 * torch.sin(place + 1) if name.endswith("weight") else 0.05 * torch.cos(place + 1)
            )
        tensor.data.copy_(value.reshape(tensor.shape))
    place = torch.arange(2 * 16 * 8 * 8).double()
    x = (torch.sin(0.11 * place) + 0.5 * torch.cos(0.013 * place)).reshape(2, 16, 8, 8)
    for mode in ("eval", "train"):
        got, wanted = net.train(mode == "train")(x).flatten(), case[mode]
        near = pytest.approx(wanted["sum"], abs=1e-6 * wanted["abs_sum"])
        assert got.sum().item() == near
        assert got.abs().sum().item() == pytest.approx(wanted["abs_sum"], rel=1e-6)
        assert got[:4].tolist() == pytest.approx(wanted["first4"], rel=1e-6, abs=1e-9)
        assert got[-1].item() == pytest.approx(wanted["last"], rel=1e-6, abs=1e-9)


def test_one_group_shuffles_nothing_and_more_do():
    x = torch.randn(2, 8, 4, 4)
    one = ShuffleConv(8).eval()
    torch.testing.assert_close(one(x), F.relu(one.leave(one.enter(x)) + x))
    two = ShuffleConv(8, groups=2).eval()
    inside = two.enter(x)
    shuffled = inside.reshape(2, 2, 2, 4, 4).transpose(1, 2).reshape(2, 4, 4, 4)
    torch.testing.assert_close(two(x), F.relu(two.leave(shuffled) + x))
    assert not torch.equal(shuffled, inside)


def test_narrow_gates_still_see_their_input():
    gate = Gate(8)
    torch.nn.init.constant_(gate.squeeze.weight, 0.1)  # a drawn weight may leave the one unit dead
    assert gate.squeeze.out_features == 1
    assert not torch.equal(gate(torch.ones(1, 8, 2, 2)), gate(torch.full((1, 8, 2, 2), 5.0)) / 5)


@pytest.mark.parametrize("norm", ["none", "bare", "affine"])
def test_poolings_are_normalized_where_a_release_does_it(norm):
    for name in ("max_pool_3x3", "avg_pool_3x3"):
        net = layer(name, 4, pool_norm=norm)
        assert isinstance(net, Chain) == (norm != "none")
        assert parameters(net) == (8 if norm == "affine" else 0)
    assert not isinstance(layer("skip_connect", 4, pool_norm=norm), Chain)


@pytest.mark.parametrize("affine", [False, True])
def test_the_fixed_reduction_joins_convolutions_and_poolings(affine):
    (*_, plan) = [cell for cell in Plan(4, 5, 10).walk((4, 4)) if cell.reduction]
    fixed = FixedReduction(plan, affine).eval()
    before, last = torch.randn(2, plan.before[0], 8, 8), torch.randn(2, plan.before[1], 8, 8)
    out, states = fixed(before, last, lambda image: image), fixed.states(before, last)
    assert out.shape == (2, 64, 4, 4)
    for state, branch in zip(states, out.chunk(4, dim=1)[2:], strict=True):
        torch.testing.assert_close(branch, F.max_pool2d(state, 3, 2, 1) / (1 + 1e-5) ** 0.5)
    convs = [module for module in fixed.ops1.modules() if isinstance(module, nn.Conv2d)]
    assert all((conv.bias is None) == affine for conv in convs)
    assert sum(conv.groups == 8 for conv in convs) == 4
