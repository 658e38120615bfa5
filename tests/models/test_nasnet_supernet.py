"""The supernets of the NASNet spaces equal the recorded ones: sizes, forward values, gradients."""

import hashlib
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasreplay.errors import BadSetting
from nasreplay.models.module_cost import parameters
from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet, weighted_norm
from nasreplay.models.nb201.nb201_ops import Shrink, batch_norm
from nasreplay.seeds import Stream
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.nasnet import NASNET, NASNET_SPACES, NASNetSpace
from tests.support.formula import fill, golden, images, near, symmetric, uniform
from tests.support.named_fill import as_cnas, as_snas, by_name

FACTS = golden("nasnet_supernets")
GDAS, FRC = NASNET_SPACES["nasnet-gdas"], NASNET_SPACES["nasnet-gdas-frc"]
CNAS = NASNET_SPACES["nasnet-cnas"]
XAUTODL, SMALL, TINY = Plan(4, 6, 10, dialect="xautodl-searched"), Plan(4, 5, 10), Plan(4, 3, 10)
X, Y = images((4, 3, 16, 16)), torch.arange(4)
ALL = torch.ones(28, 8, dtype=torch.bool)


def logits_of_architecture(space):
    return torch.cat([0.5 * symmetric((14, 8), 30 + cell) for cell in range(space.cells)]).requires_grad_()


def check(net, weights, active, alphas, record):
    logits = net.train()(X, weights, active)
    loss = F.cross_entropy(logits, Y)
    loss.backward()
    near(logits, record["logits"])
    near(loss, record["loss"])
    near(alphas.grad.reshape(-1, 14, 8), record["alpha_grads"])
    if "weight_grad_sq_sum" in record:
        squares = [(p.grad**2).sum() for p in net.parameters() if p.grad is not None]
        near(torch.stack(squares).sum(), record["weight_grad_sq_sum"])


@pytest.mark.slow
@pytest.mark.parametrize(("space", "plan", "key"), [(GDAS, XAUTODL, "darts"), (NASNET, SMALL, "2018")])
def test_joint(space, plan, key):
    alphas = logits_of_architecture(space)
    check(fill(NASNetSupernet(space, plan)), alphas.softmax(1), ALL, alphas, FACTS[key])


@pytest.mark.slow
@pytest.mark.parametrize(("space", "tau", "key"), [(GDAS, 10.0, "gdas-10"), (FRC, 0.1, "gdas-frc")])
def test_gdas(space, tau, key):
    alphas = logits_of_architecture(space)
    draws = [torch.from_numpy(uniform(112, 40 + cell)).reshape(14, 8) for cell in range(space.cells)]
    noise = -(-torch.cat(draws).log()).log()
    soft = ((alphas.log_softmax(1) + noise) / tau).softmax(1)
    hard = F.one_hot(soft.argmax(1), 8)
    net = fill(NASNetSupernet(space, XAUTODL))
    check(net, hard - soft.detach() + soft, hard.bool(), alphas, FACTS[key])


def published_names(net, pool):
    """Names of the 2018 layout: `_ops.<edge>._ops.<operation>`; pool: the norm after a pooling."""
    pairs = [f"{node}<-{source}" for node in range(4) for source in range(node + 2)]
    halves = [path for path, module in net.named_modules() if isinstance(module, Shrink)]
    found = {}
    for key in net.state_dict():
        name = key
        for path in halves:
            name = name.replace(f"{path}.convs.0", f"{path}.conv_1").replace(
                f"{path}.convs.1", f"{path}.conv_2"
            )
        edge = re.match(r"(cells\.\d+)\.edges\.(\d<-\d)\.(\d)\.(.*)", name)
        if edge:
            rest = edge[4]
            if net.space.operations[int(edge[3])] in ("max_pool_3x3", "avg_pool_3x3"):
                rest = rest.replace("op.1.", pool)
            name = f"{edge[1]}._ops.{pairs.index(edge[2])}._ops.{edge[3]}.{rest}"
        found[key] = name
    return found


def codes_of(case):
    """Codes of recorded (operation, source, node) triples with two a node."""
    cells = (case["normal_arch"], case["reduced_arch"])
    return [code for cell in cells for operation, source, _ in cell for code in (source, operation)]


@pytest.mark.slow
@pytest.mark.parametrize("case", FACTS["cnas"], ids=lambda case: case["name"])
def test_counts_of_curriculum(case):
    net = NASNetSupernet(CNAS, SMALL)
    by_name(net, published_names(net, "1."), as_cnas)
    weights = torch.zeros(28, 8, dtype=torch.float64)
    for first, cell in ((0, case["normal_arch"]), (14, case["reduced_arch"])):
        for operation, source, node in cell:
            weights[first + (node - 2) * (node + 1) // 2 + source, operation] += 1
    place = torch.arange(2 * 3 * 32 * 32).double()
    with torch.no_grad():
        near(net.train()(torch.sin(0.11 * place).reshape(2, 3, 32, 32), weights, weights > 0), case["logits"])
    if len(case["normal_arch"]) == 8:
        assert torch.equal(torch.from_numpy(CNAS.embed(np.array([codes_of(case)]))[0]), weights)


def test_names_and_shapes_of_cnas():
    space = NASNetSpace("permuted", tuple(FACTS["cnas_order"]))
    net = NASNetSupernet(space, Plan(16, 8, 10))
    renamed, state = published_names(net, "1."), net.state_dict()
    lines = [f"{renamed[key]} {tuple(value.shape)}" for key, value in state.items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == FACTS["cnas_keys"]


@pytest.mark.slow
def test_snas():
    record = FACTS["snas"]
    net = NASNetSupernet(NASNET, Plan(4, 3, 10))
    by_name(net, published_names(net, "op.1."), as_snas)
    place = torch.arange(112).double().reshape(14, 8)
    alphas = torch.cat([1 + 0.5 * torch.sin(place + 1), 1 + 0.5 * torch.cos(place + 1)]).requires_grad_()
    u = torch.cat([((place + 1) * step) % 1 for step in (0.6180339887498949, 0.7548776662466927)])
    z = (alphas - (-u.log()).log()).softmax(1)
    place = torch.arange(4 * 3 * 32 * 32).double()
    x = (torch.cos(0.013 * place) + 0.5 * torch.sin(0.11 * place)).reshape(4, 3, 32, 32)
    with torch.no_grad():
        near(net.eval()(x, z, ALL)[0], record["eval_logits_sample0"])
    logits = net.train()(x, z, ALL)
    near(logits[0], record["train_logits_sample0"])
    F.cross_entropy(logits, torch.tensor(record["targets"])).backward()
    assert alphas.grad is not None
    near(alphas.grad[27], record["grad_reduce_alpha_row13"])
    near(alphas.grad[:14].norm(), record["grad_norm_normal"])
    near(alphas.grad[14:].norm(), record["grad_norm_reduce"])


@pytest.mark.slow
@pytest.mark.parametrize("row", FACTS["sizes"], ids=str)
def test_sizes(row):
    name, channels, cells, classes, affine, size = row
    plan = Plan(channels, cells, classes, dialect="darts" if name == "2018" else "xautodl-searched")
    space = {"2018": NASNET, "GDAS_FRC": FRC}.get(name, GDAS)
    assert parameters(NASNetSupernet(space, plan, affine)) == size


def test_one_hot_mixtures_compute_only_what_they_need():
    net = NASNetSupernet(NASNET, TINY).train()
    codes = NASNET.sample(Stream(0, "codes", range(1)).at())
    weights = torch.from_numpy(NASNET.embed(codes)[0]).float()
    net(X.float(), weights, weights > 0).sum().backward()
    reached = {name for name, p in net.named_parameters() if p.grad is not None and ".edges." in name}
    chosen = {(edge, option) for edge, option in (weights > 0).nonzero().tolist()}
    pairs = [f"{node}<-{source}" for node in range(4) for source in range(node + 2)]
    for name in reached:
        cell, edge, option = re.findall(r"cells\.(\d+)\.edges\.(\d<-\d)\.(\d)", name)[0]
        row = pairs.index(edge) + 14 * (int(cell) in net.plan.reductions)
        assert (row, int(option)) in chosen
    assert 0 < len(reached) < sum(".edges." in name for name, _ in net.named_parameters()) / 4


def test_inactive_operations_count_as_zero():
    net = fill(NASNetSupernet(NASNET, TINY)).eval()
    weights, active = torch.full((28, 8), 0.125, dtype=torch.float64), ALL.clone()
    active[:, 5] = False
    silent = weights.clone()
    silent[:, 5] = 0
    with torch.no_grad():
        torch.testing.assert_close(net(X, weights, active), net(X, silent, ALL))


def test_zeros_keep_the_graph_whole():
    net = NASNetSupernet(NASNET, TINY).train()
    weights = torch.zeros(28, 8)
    weights[:, 0] = 1  # `none` everywhere
    out = net(X.float(), weights, weights > 0)
    out.sum().backward()
    assert torch.equal(out, net.classifier.bias.expand(4, -1))
    first = net.cells[0].get_parameter("preprocess0.op.1.weight")
    assert first.grad is not None
    assert not first.grad.any()


def test_drop_path_in_training_only():
    net, weights = NASNetSupernet(NASNET, TINY), torch.full((28, 8), 0.125)
    plain = net.eval()(X.float(), weights, ALL)
    net.drop_path, net.generator = 0.5, torch.Generator().manual_seed(0)
    torch.testing.assert_close(net(X.float(), weights, ALL), plain)
    net.train()
    assert not torch.equal(net(X.float(), weights, ALL), net(X.float(), weights, ALL))


@pytest.mark.parametrize(("affine", "track"), [(False, True), (True, True), (True, False)])
def test_weights_are_part_of_the_batch_norm(affine, track):
    one, other = (batch_norm(4, affine, track).double() for _ in range(2))
    for norm in (one, other):
        norm.load_state_dict(fill(batch_norm(4, affine, track)).state_dict())
    x, weight = images((3, 4, 5, 5)), torch.tensor(0.3, dtype=torch.float64)
    for training in (True, False):
        torch.testing.assert_close(
            weighted_norm(one.train(training), x, weight), other.train(training)(x) * 0.3
        )
    for key, value in other.state_dict().items():
        torch.testing.assert_close(one.state_dict()[key], value)


def test_settings_that_cannot_be():
    with pytest.raises(BadSetting, match="a stem for small images"):
        NASNetSupernet(NASNET, Plan(8, 5, 10, "imagenet"))
    net = NASNetSupernet(NASNET, TINY)
    with pytest.raises(BadSetting, match="without an active operation into node 2"):
        net(X.float(), torch.zeros(28, 8), torch.zeros(28, 8, dtype=torch.bool))
