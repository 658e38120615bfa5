"""With copied weights, xautodl's own networks give the same numbers (skipped where xautodl is not installed)."""

import pytest
import torch
from easydict import EasyDict
from torch.nn import functional as F

from nasreplay.models.child_networks import child
from nasreplay.models.nb201.topology_supernet import Supernet
from nasreplay.spaces import SIZE, TOPOLOGY
from nasreplay.spaces.size import CELL
from nasreplay.spaces.topology import OPERATIONS
from tests.support.formula import fill, images

xautodl = pytest.importorskip("xautodl.models", exc_type=ImportError)
X, Y = images((4, 3, 16, 16)), torch.arange(4)
CELLS = [TOPOLOGY.format(codes) for codes in TOPOLOGY.from_flat([0, 1234, 7777, 15624])]


def theirs(**config):
    torch.manual_seed(0)
    return fill(xautodl.get_cell_based_tiny_net(EasyDict(config)), ordered=True)


def supernet_config(name, track):
    return {
        "name": name,
        "C": 4,
        "N": 1,
        "max_nodes": 4,
        "num_classes": 10,
        "space": list(OPERATIONS),
        "affine": False,
        "track_running_stats": track,
    }


def equal_passes(ours, other):
    ours.load_state_dict(other.state_dict())
    for training in (False, True):
        torch.testing.assert_close(
            ours.train(training)(X), other.train(training)(X)[1], rtol=1e-8, atol=1e-10
        )
    for key, value in other.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value)


@pytest.mark.parametrize("text", CELLS)
def test_topology_children(text):
    other = theirs(name="infer.tiny", C=4, N=1, arch_str=text, num_classes=10)
    equal_passes(child(TOPOLOGY, TOPOLOGY.parse(text), 10, 4, 1).double(), other)


@pytest.mark.parametrize("text", ["8:16:24:32:40", "64:8:8:16:16"])
def test_size_children(text):
    other = theirs(name="infer.shape.tiny", channels=text, genotype=CELL, num_classes=10)
    equal_passes(child(SIZE, SIZE.parse(text), 10).double(), other)


def copied(other, track):
    """Our supernet with the weights of xautodl's: the names are the same."""
    net = Supernet(10, 4, 1, track_running_stats=track).double()
    state = {key: value for key, value in other.state_dict().items() if key != "arch_parameters"}
    net.load_state_dict(state)
    return net.train()


@pytest.mark.parametrize("track", [False, True])
def test_darts_weight_and_architecture_gradients(track):
    other = theirs(**supernet_config("DARTS-V1", track)).train()
    ours = copied(other, track)
    F.cross_entropy(other(X)[1], Y).backward()
    alphas = other.arch_parameters.detach().clone().requires_grad_()
    F.cross_entropy(ours(X, alphas.softmax(1), torch.ones(6, 5, dtype=torch.bool)), Y).backward()
    compare(ours, other, alphas)


def test_gdas_weight_and_architecture_gradients():
    other = theirs(**supernet_config("GDAS", True)).train()
    other.set_tau(2.0)
    ours = copied(other, True)
    torch.manual_seed(3)
    F.cross_entropy(other(X)[1], Y).backward()
    torch.manual_seed(3)
    alphas = other.arch_parameters.detach().clone().requires_grad_()
    noise = -torch.empty_like(alphas).exponential_().log()
    soft = ((alphas.log_softmax(1) + noise) / 2.0).softmax(1)
    hard = F.one_hot(soft.argmax(1), 5)
    F.cross_entropy(ours(X, hard - soft.detach() + soft, hard.bool()), Y).backward()
    compare(ours, other, alphas)


def compare(ours, other, alphas):
    torch.testing.assert_close(alphas.grad, other.arch_parameters.grad, rtol=1e-7, atol=1e-10)
    wanted = dict(other.named_parameters())
    for name, parameter in ours.named_parameters():
        gradient = wanted[name].grad
        assert (parameter.grad is None) == (gradient is None), name
        if gradient is not None:
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-7, atol=1e-10)
    for name, buffer in ours.named_buffers():
        torch.testing.assert_close(buffer, other.get_buffer(name))
