"""The names that parameters have in the state dicts of the releases, for weights that come from there or go there.

Ours are those of the 2018 DARTS release but for the convolutions of a strided skip and for conv_7x1_1x7, which have
AutoDL-Projects' names. The names of the 2019 GDAS release are not known here; its networks keep ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from nasreplay.errors import BadInput
from nasreplay.models.nasnet.evaluation_network import GenotypeCell, NASNet
from nasreplay.models.nasnet.nasnet_ops import LongConv, SepConv
from nasreplay.models.nb201.nb201_ops import Shrink
from nasreplay.spaces.costs.network_plan import DIALECTS

COUNTER = ".num_batches_tracked"
# layers 1 to 3 and 5 to 7 of a separable convolution are two modules there
HALVES = {
    f"op.{first + k}": f"{half}.op.{k}" for half, first in (("op_a", 0), ("op_b", 4)) for k in (1, 2, 3)
}


def names(net: NASNet) -> dict[str, str]:
    """Published name of every entry of the state dict, by our name."""
    style, renamed = net.plan.style, {}
    for path, module in net.named_modules():
        if style.names == "darts" and isinstance(module, Shrink):
            renamed |= {f"{path}.convs.0": f"{path}.conv_1", f"{path}.convs.1": f"{path}.conv_2"}
        if style.names == "darts" and isinstance(module, LongConv):
            renamed |= {f"{path}.op.{layer}": f"{path}.{layer}" for layer in range(len(module.op))}
        if style.search_layers and isinstance(module, SepConv):
            renamed |= {f"{path}.{ours}": f"{path}.{theirs}" for ours, theirs in HALVES.items()}
    if style.names == "xautodl" and not style.search_layers and len(net.plan.entry.convolutions) == 1:
        renamed |= {"stem.0": "stem.conv", "stem.1": "stem.bn"}
    found = {}
    for key in net.state_dict():
        owner, _, kind = key.rpartition(".")
        found[key] = f"{renamed.get(owner, owner)}.{kind}"
    return _by_edge(net, found) if style.search_layers else found


def _by_edge(net: NASNet, found: dict[str, str]) -> dict[str, str]:
    """The layers of AutoDL-Projects' searched cells are named by the states that they join."""
    renamed = {}
    for place, cell in enumerate(net.cells):
        for number, node, source in cell.wiring if isinstance(cell, GenotypeCell) else ():
            renamed[f"cells.{place}._ops.{number}"] = f"cells.{place}.edges.{node}<-{source}"
    for key, name in found.items():
        layer = ".".join(key.split(".")[:4])
        found[key] = name.replace(layer, renamed.get(layer, layer), 1)
    return found


def published_state(net: NASNet) -> dict[str, Tensor]:
    """The state dict with the release's names."""
    translated = names(net)
    return {translated[key]: value for key, value in net.state_dict().items()}


def load_published(net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Take the weights of a state dict with the release's names, or ours; a `module.` in front of them is dropped.

    Without any counter of batches it is of a PyTorch before 0.4.1, which had none. Raises BadInput naming the first
    entry that is missing, the first that is left over, and the first of another shape.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    own, ours = net.state_dict(), _named_as(net, state)
    if not any(key.endswith(COUNTER) for key in state):
        state |= {key: torch.tensor(0) for key in ours if key.endswith(COUNTER)}
    if wrong := _misfits(net, state, ours, own):
        fits = next((name for name in DIALECTS if _fits(net, name, state)), None)
        told = (
            f"--dialect {fits} fits" if fits else "genotype, widths, cells, classes, head or dialect differ"
        )
        raise BadInput(f"{'; '.join(wrong)}: {told}")
    net.load_state_dict({ours[key]: value for key, value in state.items()})


def _named_as(net: nn.Module, state: Mapping[str, Tensor]) -> dict[str, str]:
    """Our name of every entry by the state's spelling of it: ours, or the release's."""
    published = {theirs: key for key, theirs in names(net).items()} if isinstance(net, NASNet) else {}
    same = {key: key for key in net.state_dict()}
    return max((same, published), key=lambda known: len(known.keys() & state.keys()))


def _misfits(
    net: nn.Module, state: Mapping[str, Tensor], ours: Mapping[str, str], own: Mapping[str, Tensor]
) -> list[str]:
    """The first entry that is missing, the first that is left over and the first of another shape."""
    kind = f"a {net.plan.dialect} network of this genotype" if isinstance(net, NASNet) else "this network"
    missing = [f"{key} is not in the weights" for key in ours if key not in state]
    extra = [f"{key[:80]} is not in {kind}" for key in state if key not in ours]
    shapes = ((key, [*value.shape], [*own[ours[key]].shape]) for key, value in state.items() if key in ours)
    other = [f"{key} has the shape {a}, this network needs {b}" for key, a, b in shapes if a != b]
    return [*missing[:1], *extra[:1], *other[:1]]


def _fits(net: nn.Module, dialect: str, state: Mapping[str, Tensor]) -> bool:
    """Whether the weights are of the same network in this dialect."""
    if not isinstance(net, NASNet) or net.plan.dialect == dialect:
        return False
    with torch.device("meta"):
        other = NASNet(net.genotype, replace(net.plan, dialect=dialect))
    return not _misfits(other, state, _named_as(other, state), other.state_dict())
