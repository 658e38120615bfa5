"""Forecasts of memory against what a process of its own takes, and what they leave alone."""

import os
import subprocess
import sys

import pytest
import torch

from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train.device import Device
from nasreplay.train.recipe import Recipe
from nasreplay.train.step_memory import FEW, estimate_pass, estimate_training
from tests.support.command import CHECKOUT

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is read from /proc")
@pytest.mark.parametrize("what", ["darts-v1", "gdas", "retrain again"])
def test_the_forecast_is_near_what_is_used(what):
    """With an allocator that gives back what is free; the usual one of glibc keeps some of it."""
    command = [sys.executable, "-m", "tests.support.memory_used", *what.split()]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    forecast, used = map(int, done.stdout.split())
    assert used > 50e6
    assert forecast == pytest.approx(used, rel=0.2)


def test_what_is_alive_at_one_time_counts_and_what_remains_does_not():
    def run() -> torch.Tensor:
        kept = torch.zeros(1000)  # 4,000 bytes that remain
        both = [torch.ones(250), torch.ones(500)]  # 3,000 bytes at one time
        both.clear()
        again = torch.ones(250).view(10, 25).t()  # 1,000; views are nothing new
        del again
        return kept

    assert estimate_pass(run, FEW) == 3000
    assert estimate_pass(run, 5 * FEW) == 15_000


def test_a_forecast_leaves_the_network_as_it_was():
    network = NASNet(entry("GDAS_V1").genotype, Plan(4, 5, 10, auxiliary=True))
    network.eval()
    network.drop_path, network.generator = 0.5, torch.Generator().manual_seed(3)  # pyright: ignore
    before = {name: values.clone() for name, values in network.state_dict().items()}
    noise, world = network.generator.get_state(), torch.get_rng_state()
    small, large = (estimate_training(network, Recipe(batch=size), Device(), 32, 1) for size in (8, 16))
    assert 1.5 * small < large < 2 * small
    assert estimate_training(network, Recipe(batch=8, ema=0.9), Device(), 32, 1) > small
    assert estimate_training(network, Recipe(batch=1), Device(), 32, 256) > small / 10
    assert not network.training
    assert torch.equal(network.generator.get_state(), noise)
    assert torch.equal(torch.get_rng_state(), world)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
