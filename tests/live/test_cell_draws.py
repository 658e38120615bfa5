"""Random search with parameter sharing as NATS-Bench's script: every cell draws its own operations."""

from typing import Any

import numpy as np
import pytest
import torch

from nasreplay import search
from nasreplay.errors import LacksCapability
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork, DARTSNetwork
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.train.images.image_sources import load

LIVE = search.Live(np.array([0]), np.zeros(1), 0, 1)


def begun(network: Any, **changes) -> tuple[Any, Any]:
    supernet = SupernetEvaluator(load("digits"), network, fraction=0.1)
    supernet.begin(0, range(1), search.Budget())
    rsps = search.make("rsps", changes, preset="published")
    rsps.begin(supernet.space, supernet.ladder(), 0, range(1))
    return rsps, supernet


def test_no_node_has_only_none_and_all_else_is_uniform():
    codes = TOPOLOGY.sample_joined(Stream(0, "cells", range(40)).at(), 2000).reshape(-1, 6)
    for node in (codes[:, :1], codes[:, 1:3], codes[:, 3:]):
        assert (node > 0).any(axis=1).all()
        _, counts = np.unique(node, axis=0, return_counts=True)
        choices = 5 ** node.shape[1] - 1
        assert len(counts) == choices
        expected = len(codes) / choices
        assert (abs(counts - expected) < 5 * expected**0.5).all()


def test_cells_differ_and_the_second_pass_moves_statistics_alone():
    rsps, supernet = begun(CellNetwork(channels=2, cells=2, bn=0), draw="cell")
    seen, learn, watch = [], supernet.learn, supernet.watch

    def learning(mixture, **rest):
        seen.append(mixture.active)
        learn(mixture, **rest)
        supernet.after = {name: value.clone() for name, value in supernet.net.state_dict().items()}

    def watching(mixture, **rest):
        seen.append(mixture.active)
        watch(mixture, **rest)

    supernet.learn, supernet.watch = learning, watching
    rsps.step(supernet, LIVE)
    assert [one.shape for one in seen] == [(1, 6, 6, 5)] * 2
    for active in seen:
        assert (active.sum(axis=-1) == 1).all()
        assert len({cell.tobytes() for cell in active[0]}) > 1
    assert (seen[0] != seen[1]).any()
    moved = {
        name.rpartition(".")[2]
        for name, value in supernet.net.state_dict().items()
        if not torch.equal(value, supernet.after[name])
    }
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}
    assert len(supernet.metrics["arch_loss"]) == 1


def test_cells_of_other_networks_cannot_differ():
    rsps, supernet = begun(DARTSNetwork(channels=2, cells=1), draw="cell")
    with pytest.raises(LacksCapability, match=r"rsps\.draw=cell"):
        rsps.step(supernet, LIVE)
