"""Every published forward mode as a choice of (weights, active), against recorded logits and gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasreplay.models.nb201.topology_supernet import Supernet
from nasreplay.spaces import TOPOLOGY
from tests.support.formula import fill, golden, images, near, symmetric, uniform

RECORDS = golden("supernet_modes")["nb201"]
X, Y = images((4, 3, 16, 16)), torch.arange(4)
ALL = torch.ones(6, 5, dtype=torch.bool)


def supernet(**flags):
    return fill(Supernet(10, channels=4, cells=1, **flags)).train()


def logits_of_architecture():
    return (0.5 * symmetric((6, 5), 4)).requires_grad_()


def check(net, weights, active, alphas, record):
    logits = net(X, weights, active)
    loss = F.cross_entropy(logits, Y)
    loss.backward()
    near(logits, record["logits"])
    near(loss, record["loss"])
    near(sum((p.grad**2).sum() for p in net.parameters() if p.grad is not None), record["weight_grad_sq_sum"])
    if alphas is not None:
        near(alphas.grad, record["alpha_grads"][0])


@pytest.mark.parametrize("key", ["darts_joint_train", "setn_joint"])
def test_joint(key):
    alphas = logits_of_architecture()
    check(supernet(), alphas.softmax(1), ALL, alphas, RECORDS[key])


@pytest.mark.parametrize("track", [False, True])
def test_joint_of_the_newer_class(track):
    alphas = logits_of_architecture()
    net = supernet(track_running_stats=track, plain_head=True)
    check(net, alphas.softmax(1), ALL, alphas, RECORDS[f"generic_joint_track{int(track)}"])


def test_joint_in_evaluation():
    with torch.no_grad():
        logits = supernet().eval()(X, logits_of_architecture().softmax(1), ALL)
    near(logits, RECORDS["darts_joint_eval_logits"])


def straight_through(alphas, tau):
    noise = torch.from_numpy(-np.log(-np.log(uniform(30, 20)))).reshape(6, 5)
    soft = ((alphas.log_softmax(1) + noise) / tau).softmax(1)
    hard = F.one_hot(soft.argmax(1), 5)
    return hard - soft.detach() + soft, hard.bool()


@pytest.mark.parametrize("tau", ["10", "1", "0.1"])
def test_gdas_with_the_published_surrogate_gradient(tau):
    alphas, record = logits_of_architecture(), RECORDS[f"gdas_tau_{tau}"]
    weights, active = straight_through(alphas, float(tau))
    assert active.int().argmax(1).tolist() == record["index"]
    check(supernet(), weights, active, alphas, record)


def test_gdas_of_the_newer_class():
    alphas = logits_of_architecture()
    net = supernet(track_running_stats=False, plain_head=True)
    check(net, *straight_through(alphas, 10.0), alphas, RECORDS["generic_gdas_tau10_notrack"])


def test_select_and_dynamic_are_constant_one_hot_weights():
    selected = F.one_hot(logits_of_architecture().argmax(1), 5).double()
    check(supernet(), selected, selected > 0, None, RECORDS["setn_select"])
    record = RECORDS["setn_dynamic"]
    named = torch.from_numpy(TOPOLOGY.embed(np.array([TOPOLOGY.parse(record["arch"])]))[0])
    check(supernet(), named, named > 0, None, record)
