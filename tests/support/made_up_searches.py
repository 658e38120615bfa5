"""Search checkpoints in the original's format: real pickles of classes under the original's module paths."""

import argparse
import pathlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

NOW = "xautodl.models.cell_searchs.genotypes"
BEFORE = "models.cell_searchs.genotypes"


def structure(monkeypatch, nodes: list, module: str = NOW) -> Any:
    """A cell as the original keeps it, of a class that pickles name by this module path."""
    kind = type("Structure", (), {"__module__": module})
    made = types.ModuleType(module)
    made.Structure = kind  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, module, made)
    top = module.partition(".")[0]
    monkeypatch.setitem(sys.modules, top, sys.modules.get(top) or types.ModuleType(top))
    cell = kind()
    vars(cell).update(node_num=len(nodes) + 1, node_N=[len(node) for node in nodes], nodes=nodes)
    return cell


def scored(*nodes: list) -> list:
    """Nodes of a NASNet search: every pair with its score, a NumPy number."""
    return [tuple((name, source, np.float32(0.125 + source)) for name, source in node) for node in nodes]


def genotype(*names: str, reduce: bool = True) -> dict[str, Any]:
    """As a NASNet search gives it: one operation in each node beside a skip."""
    nodes = scored(*([("skip_connect", 0), (name, 1)] for name in names))
    found: dict[str, Any] = {"normal": nodes, "normal_concat": [2, 3, 4, 5]}
    return {**found, "reduce": nodes, "reduce_concat": [2, 3, 4, 5]} if reduce else found


def write(path: Path, genotypes: dict, epoch: int = 1, *, legacy: bool = False, **more: Any) -> Path:
    """A checkpoint with all the kinds of values that the original's have."""
    weights = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.1, momentum=0.9)
    weights(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = {
        "epoch": epoch,
        "args": argparse.Namespace(dataset="digits", save_dir=pathlib.Path("/some/where"), rand_seed=7),
        "search_model": dict(weights.state_dict()),
        "w_optimizer": optimizer.state_dict(),
        "w_scheduler": {"T_max": 250, "base_lrs": [0.025], "current_iter": 0.5},
        "genotypes": genotypes,
        "valid_accuracies": {"best": 12.5, 0: np.float64(12.5)},
        **more,
    }
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path
