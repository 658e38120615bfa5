"""What runs of earlier releases were run with and do not say: settings that did not exist then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

T = TypeVar("T")
EARLIER = {
    "kernels": "legal",
    "answer_from": "any",
    "idle": "rest",
    "judge": "batches",
    "plain_head": 0,
    "draw": "network",
    "rewards": "batch",
    "shuffle_groups": 1,
    "halves": "seeded",
    "nodes": 4,
    "layers": None,
    "auxiliary": 0.0,
    "stem_level": 0,
    "plain_stem": 0,
    "stages": "",
    "grow": "operations",
    "head": "operations",
    "temperature": 0.0,
    "tanh_constant": 0.0,
    "op_tanh_reduce": 0.0,
    "turns": "steps",
    "train_on": "policy",
    "end_ops": 0,
    "derive_repeats": 1,
    "tau_samples": 0,
    "init": "torch",
    "scalars": True,
    "edge_reward_norm": "none",
    "proximal": 0.0,
    "entropy_loss": "none",
    "pretrain": 0,
    "resource_weight": None,
    "resource_method": "",
    "resource_form": "log",
    "resource_terms": "all",
    "resource_norm": "original",
    "resource_ratio": 1.0,
    "resource_baseline": False,
    "cost": "",
    "bound": 0.0,
    "bound_weight": 1.0,
}
"""Settings that runs of earlier releases do not name, and what those ran with."""
CHANGED = {"live_epochs": (300, 0), "policy": ("lstm", "published")}
"""Settings whose default was another in earlier releases: that, and the one of today."""

KEPT = ("derive", "keep")
"""Settings that a run which goes on keeps as recorded: not told, one follows the searcher, and one does nothing."""


def as_recorded(settings: T, recorded: Mapping[str, Any] | None) -> T:
    """A settings dataclass as a run had it whose header may lack what later releases added; None: of no run."""
    if recorded is None:
        return settings
    names = {one.name for one in fields(settings) if one.init}  # pyright: ignore[reportArgumentType]
    own = {name: EARLIER[name] for name in (names & EARLIER.keys()) - recorded.keys()}
    for name in names & CHANGED.keys():
        if (recorded.get(name), getattr(settings, name)) == CHANGED[name]:
            own[name] = recorded[name]
    return replace(settings, **own) if own else settings  # pyright: ignore[reportArgumentType]


def with_earlier(recorded: Any, settings: Any) -> Any:
    """The recorded values, and those of EARLIER that `settings` name and they do not."""
    if not (isinstance(recorded, dict) and isinstance(settings, dict)):
        return recorded
    known = {name: with_earlier(value, settings.get(name)) for name, value in recorded.items()}
    return {name: value for name, value in EARLIER.items() if name in settings} | known
