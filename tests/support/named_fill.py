"""Weights by formulas of the published names, as the numbers recorded from SNAS and CNAS were made."""

import math
import zlib

import torch


def by_name(net, names, formula):
    """Fill a network by a formula of each entry's published name (`names` by our name) and shape."""
    state = net.double().state_dict()
    for key, name in names.items():
        if state[key].is_floating_point():
            state[key].copy_(formula(name, torch.arange(state[key].numel()).double(), state[key].shape))
    return net


def as_snas(name, place, shape):
    wave = torch.sin(0.37 * place + sum(map(ord, name)) % 97).reshape(shape)
    if name.endswith("running_var"):
        return 1.25 + 0.25 * wave
    if name.endswith(("running_mean", "bias")):
        return 0.05 * wave
    return 1 + 0.1 * wave if len(shape) == 1 else math.sqrt(2 * shape[0] / len(place)) * wave


def as_cnas(name, place, shape):
    if name.endswith(("running_mean", "running_var")):
        return torch.full(shape, float(name.endswith("var")))
    wave = torch.sin(0.37 * place + zlib.crc32(name.encode()) % 1000 / 1000 * 2 * math.pi).reshape(shape)
    if len(shape) > 1:
        return math.sqrt(2 * shape[0] / len(place)) * wave
    return 0.1 * wave if name.endswith("bias") else 1 + 0.1 * wave
