"""First weights of trainings: SNAS's two-input networks have their own, all others PyTorch's."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.jobs.training.training_setup import prepare
from nasreplay.jobs.training.training_target import read_target
from nasreplay.models.initialization import initialized
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry


def test_weights_by_fan_out_are_normal_with_the_released_variance():
    torch.manual_seed(0)
    plain = NASNet(entry("SNAS_mild").genotype, Plan(16, 8, auxiliary=True, dialect="snas"))
    network = initialized(plain, "fan-out")
    spread = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            spread.append((module.weight * (height * width * module.out_channels / 2) ** 0.5).flatten())
        elif isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx((2 / module.in_features) ** 0.5, rel=0.05)
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
    values = torch.cat(spread)
    assert values.std().item() == pytest.approx(1.0, rel=0.01)
    assert (values.abs() > 2).float().mean().item() == pytest.approx(0.0455, abs=0.002)  # of a normal


@pytest.mark.parametrize(
    ("target", "changes", "init"),
    [
        ("SNAS_mild", {}, "fan-out"),
        ("SNAS_mild", {"init": "torch"}, "torch"),
        ("SNAS_mild", {"form": "all-edge"}, "torch"),
        ("SNAS_mild_edge_all", {}, "torch"),
        ("DARTS_V2", {}, "torch"),
        ("DARTS_V2", {"dialect": "snas"}, "fan-out"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", {}, "torch"),
    ],
)
def test_a_training_records_how_its_weights_begin(target, changes, init):
    settings = RetrainSettings(dataset="digits", channels=4, cells=1, **changes)
    assert prepare(read_target(target, form=settings.form), settings).header()["init"] == init


@pytest.mark.slow
def test_an_earlier_training_goes_on_with_the_weights_that_it_began_with(tmp_path):
    from nasreplay.jobs.training import retrain

    few = {"dataset": "digits", "recipe": "2", "batch": 64, "channels": 2, "cells": 1, "auxiliary": 0.0}
    few |= {"fraction": 0.1, "threads": 1, "seed": 1, "out": str(tmp_path / "it")}
    retrain("SNAS_mild", **few, epochs=1, init="torch")
    file = Path(tmp_path / "it/run.json")
    header = json.loads(file.read_text())
    assert header.pop("init") == "torch"
    del header["settings"]["init"]
    file.write_text(json.dumps(header))
    went_on = retrain("SNAS_mild", **few, epochs=2, resume=True)
    assert [one.epoch for one in went_on.epochs] == [1, 2]
    assert "init" not in went_on.header or went_on.header["init"] == "torch"
