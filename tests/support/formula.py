"""Weights and inputs by formula, as the recorded numbers were made (`scheme` of the development goldens)."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def uniform(count, salt):
    """u(t, salt) of an integer hash, t = 0 … count − 1: exact in float64."""
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(16)
    z = (np.arange(count, dtype=np.uint64) + np.uint64(1 + 1000003 * salt)) & mask
    z = ((z ^ (z >> half)) * np.uint64(0x7FEB352D)) & mask
    z = ((z ^ (z >> np.uint64(15))) * np.uint64(0x846CA68B)) & mask
    return (z ^ (z >> half)) / 2**32


def symmetric(shape, salt):
    """v = 2u − 1 as a float64 tensor."""
    return torch.from_numpy(2 * uniform(int(np.prod(shape)), salt) - 1).reshape(tuple(shape))


def images(shape, salt=7):
    return 2 * symmetric(shape, salt)


def fill(net, ordered=False):
    """The network in float64 with formula weights; `ordered`: salts follow the order of the state dict."""
    net.double()
    for place, (key, value) in enumerate(net.state_dict().items()):
        owner, kind = net.get_submodule(key.rpartition(".")[0]), key.rpartition(".")[2]
        salt = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}.get(kind)
        if salt is None:
            continue
        drawn = symmetric(value.shape, 10 + place if ordered else salt)
        norm = isinstance(owner, nn.BatchNorm2d)
        value.copy_(
            {
                "weight": 1 + 0.2 * drawn if norm else drawn * (3 * len(value) / value.numel()) ** 0.5,
                "bias": (0.2 if norm else 0.1) * drawn,
                "running_mean": 0.1 * drawn,
                "running_var": 1.25 + 0.25 * drawn,
            }[kind]
        )
    return net


def near(got, wanted, relative=1e-6):
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    torch.testing.assert_close(got.detach().double(), wanted, rtol=relative, atol=1e-9)
