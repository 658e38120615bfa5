"""Evaluation networks as the programs of their release know them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nasnet.parameter_names import names
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.genotype import Genotype


class ReleasedNetwork(NASNet):
    """A network whose outputs are pairs, and whose state dicts have the release's names."""

    def __init__(self, genotype: Genotype, plan: Plan):
        super().__init__(genotype, plan)
        self.released_names = names(self)
        self.register_state_dict_post_hook(_to_released)
        self.register_load_state_dict_pre_hook(_to_ours)

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, images: Tensor, drop_path_prob: float = 0.0
    ) -> tuple[Tensor, Tensor | None]:
        """images [B, 3, H, W] → logits [B, K], and in training with an auxiliary head its logits, else None."""
        self.drop_path = drop_path_prob
        output = super().forward(images)
        return output if isinstance(output, tuple) else (output, None)


def _to_released(module: Any, state: dict[str, Any], prefix: str, _about: object) -> None:
    _rename(state, {prefix + ours: prefix + theirs for ours, theirs in module.released_names.items()})


def _to_ours(module: Any, state: dict[str, Any], prefix: str, *_about: object) -> None:
    _rename(state, {prefix + theirs: prefix + ours for ours, theirs in module.released_names.items()})


def _rename(state: dict[str, Any], names: dict[str, str]) -> None:
    """Rename entries in place; their order, and what the dictionary knows besides, stay."""
    entries = [(names.get(key, key), value) for key, value in state.items()]
    state.clear()
    state.update(entries)
