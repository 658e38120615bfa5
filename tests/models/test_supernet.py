"""The fused supernet against the plain sum over its own operations, against children, and by its manners."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nasreplay.errors import BadSetting
from nasreplay.models.child_network import CellChild, WidthChild
from nasreplay.models.child_networks import child
from nasreplay.models.drop_path import drop_path
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nb201.cell import MixedCell
from nasreplay.models.nb201.topology_supernet import Supernet
from nasreplay.models.shared_networks import CellNetwork, WidthNetwork
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.topology import EDGES
from tests.support.formula import fill, images

ALL = torch.ones(6, 5, dtype=torch.bool)
X = images((3, 3, 8, 8))


def plain_cell(cell, x, weights, active):
    """The definition: one operation after the other, none of them skipped; GDAS's scalars as published."""
    nodes = [x]
    for node in range(1, 4):
        total = 0
        for edge, (target, source) in enumerate(EDGES):
            if target == node:
                for option, layer in enumerate(cell.edges[f"{target}<-{source}"]):
                    weight = weights[edge, option]
                    used = bool(active[edge][option])
                    total = total + (weight * layer(nodes[source]) if used else weight - weight.detach())
        nodes.append(total)
    return nodes[3]


def plain(net, x, weights, active):
    mixed = 0
    x = net.stem(x)
    for cell in net.cells:
        if isinstance(cell, MixedCell):
            row = mixed if weights.dim() == 3 else ...
            x, mixed = plain_cell(cell, x, weights[row], active[row]), mixed + 1
        else:
            x = cell(x)
    return net.classifier(net.pool(x))


def gradients(logits, net, weights):
    loss = F.cross_entropy(logits, torch.arange(3))
    wanted = [*net.parameters(), weights]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, wanted, strict=True)]


def mixtures(seed, by_cell, density):
    rng = np.random.default_rng(seed)
    shape = (3, 6, 5) if by_cell else (6, 5)
    weights = torch.from_numpy(rng.dirichlet(np.ones(5), shape[:-1])).requires_grad_()
    active = torch.from_numpy(rng.random(shape) < density)
    # an image-independent node is rounding noise after its batch norm: no two ways to compute it agree
    active[..., 1] |= ~active[..., 1:].any(-1)
    return weights, active


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    by_cell=st.booleans(),
    density=st.sampled_from([0.2, 0.5, 1.0]),
    affine=st.booleans(),
    track=st.booleans(),
    training=st.booleans(),
)
def test_fusing_changes_no_value_gradient_or_statistic(seed, by_cell, density, affine, track, training):
    weights, active = mixtures(seed, by_cell, density)
    fused, unfused = (fill(Supernet(3, 4, 1, affine, track)).train(training) for _ in range(2))
    got, wanted = fused(X, weights, active), plain(unfused, X, weights, active)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)
    for ours, theirs in zip(gradients(got, fused, weights), gradients(wanted, unfused, weights), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-11)
    for key, value in unfused.state_dict().items():
        torch.testing.assert_close(fused.state_dict()[key], value, rtol=1e-9, atol=1e-12)


def inherit(net, codes):
    """The state of a child that takes over these operations of a supernet."""
    layers = {f"{n}<-{s}.{code}": k for k, ((n, s), code) in enumerate(zip(EDGES, codes, strict=True))}
    state = {}
    for key, value in net.state_dict().items():
        head, _, rest = key.partition(".edges.")
        edge, _, name = rest.partition(".op.")
        if not rest:
            state[key] = value
        elif edge in layers:
            state[f"{head}.layers.{layers[edge]}.op.{name}"] = value
    return state


@settings(max_examples=8, deadline=None)
@given(flat=st.integers(0, TOPOLOGY.size - 1), training=st.booleans())
def test_a_one_hot_mixture_is_the_child(flat, training):
    codes = TOPOLOGY.from_flat([flat])
    one_hot = torch.from_numpy(TOPOLOGY.embed(codes)[0])
    net = fill(Supernet(10, 4, 1, affine=True))
    single = child(TOPOLOGY, codes[0], 10, 4, 1).double()
    single.load_state_dict(inherit(net, codes[0]))
    got, wanted = net.train(training)(X, one_hot, one_hot > 0), single.train(training)(X)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


def test_inactive_operations_count_as_zero_whatever_their_weight():
    net = fill(Supernet(10, 4, 1)).eval()
    weights, active = mixtures(1, False, 0.4)
    with torch.no_grad():
        torch.testing.assert_close(net(X, weights, active), net(X, weights * active, active))


def test_what_leads_nowhere_gets_zero_gradients_as_published():
    """So that momentum and decay go on there; operations that are not active get none at all."""
    codes = np.array([[3, 2, 3, 4, 0, 0]])  # nodes 1 and 2 are computed, and nothing but zeros reads them
    one_hot = torch.from_numpy(TOPOLOGY.embed(codes)[0])
    net = fill(Supernet(10, 4, 1)).train()
    F.cross_entropy(net(X, one_hot, one_hot > 0), torch.arange(3)).backward()
    for name, parameter in net.named_parameters():
        if not name.startswith("cells.0."):
            continue
        edge, option = name.split(".")[3:5]
        active = bool(one_hot[[f"{n}<-{s}" for n, s in EDGES].index(edge), int(option)])
        assert (parameter.grad is not None) == active, name
        assert parameter.grad is None or not parameter.grad.any()


def test_an_edge_without_an_active_operation_is_refused():
    active = ALL.clone()
    active[2] = False
    with pytest.raises(BadSetting, match="without an active operation"):
        Supernet(10, 4, 1)(X.float(), torch.full((6, 5), 0.2), active)


def test_the_same_mixture_in_every_cell():
    net = fill(Supernet(10, 4, 1)).eval()
    weights, active = mixtures(2, False, 0.6)
    with torch.no_grad():
        every = net(X, weights.expand(3, 6, 5), active.expand(3, 6, 5))
        torch.testing.assert_close(net(X, weights, active), every, rtol=0, atol=0)


def test_gradients_equal_central_differences():
    net = fill(Supernet(10, 4, 1)).train()
    weights, _ = mixtures(3, False, 1.0)

    def loss(at):
        return F.cross_entropy(net(X, at, ALL), torch.arange(3))

    (gradient,) = torch.autograd.grad(loss(weights), weights)
    step = torch.zeros(6, 5, dtype=torch.float64)
    for edge, option in ((0, 1), (1, 2), (3, 3), (5, 4)):
        step.zero_()[edge, option] = 1e-5
        with torch.no_grad():
            slope = (loss(weights + step) - loss(weights - step)) / 2e-5
        torch.testing.assert_close(gradient[edge, option], slope, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("plain_head", [False, True])
def test_published_parameter_totals(affine, plain_head):
    net = Supernet(10, affine=affine, plain_head=plain_head)
    # the published totals with their 30 architecture parameters taken away
    published = {
        (False, False): 1692826,
        (False, True): 1692698,
        (True, False): 1699546,
        (True, True): 1699546,
    }
    assert parameters(net) == published[affine, plain_head]


def test_published_flops():
    work = multiply_adds(Supernet(10), torch.zeros(1, 3, 32, 32), torch.full((6, 5), 0.2), ALL)
    biases = 5 * 12 * (16 * 1024 + 32 * 256 + 64 * 64) + 10
    assert (work + biases) / 1e6 == pytest.approx(245.43297, abs=1e-9)


def test_one_hot_costs_one_operation_an_edge():
    codes = np.array([[3, 2, 1, 0, 4, 3]])
    one_hot = torch.from_numpy(TOPOLOGY.embed(codes)[0]).float()
    work = multiply_adds(Supernet(10), torch.zeros(1, 3, 32, 32), one_hot, one_hot > 0)
    assert work + 10 == TOPOLOGY.flops(codes, 10, 32)[0]


def test_the_same_call_gives_the_same_bits():
    weights, active = mixtures(4, False, 0.7)
    runs = []
    for _ in range(2):
        torch.manual_seed(5)
        net = Supernet(10, 4, 1).train()
        logits = net(X.float(), weights.float(), active)
        runs.append([logits, *torch.autograd.grad(logits.sum(), [*net.parameters()], allow_unused=True)])
    for first, second in zip(*runs, strict=True):
        assert (first is None) == (second is None)
        assert first is None or second is None or torch.equal(first, second)


def test_drop_path_drops_whole_samples_in_evaluation_too():
    net = fill(Supernet(10, 4, 1)).eval()
    net.drop_path, net.generator = 0.5, torch.Generator().manual_seed(0)
    x = torch.ones(1000, 2, 1, 1)
    dropped = drop_path(x, net.drop_path, net.generator)
    assert set(dropped[:, 0, 0, 0].tolist()) == {0.0, 2.0}
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert dropped.mean().item() == pytest.approx(1, abs=0.1)
    weights = torch.full((6, 5), 0.2, dtype=torch.float64)
    assert len({tuple(net(X, weights, ALL).flatten().tolist()) for _ in range(6)}) > 1


@pytest.mark.parametrize(
    ("bn", "plain_head", "size"), [(0, 1, 1_692_728), (0, 0, 1_692_856), (1, 0, 1_692_856)]
)
def test_the_head_follows_the_flags_where_it_is_asked_to(bn, plain_head, size):
    """The sizes of search-cell.py and of the older scripts, which count the 30 logits among the parameters."""
    net = CellNetwork(bn=bn, plain_head=plain_head).build(10)
    assert sum(p.numel() for p in net.parameters()) + 30 == size


@pytest.mark.parametrize("side", [9, 10])
def test_images_that_cannot_be_halved_twice_are_refused(side):
    supernets = [(network.build, ()) for network in (CellNetwork(), WidthNetwork())]
    for build, codes in (*supernets, (CellChild().build, ([0] * 6,)), (WidthChild().build, ([0] * 5,))):
        with pytest.raises(BadSetting, match=f"{side} × {side} pixels: .* a multiple of 4, such as 12"):
            build(*codes, classes=10, side=side)
