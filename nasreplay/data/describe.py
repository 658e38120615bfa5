"""What a pack holds, with the exact meaning of every accuracy, as values for JSON or as text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack
from nasreplay.data.trials import AVERAGED


class TableSummary(NamedTuple):
    """One line of `nasreplay data list`."""

    name: str
    """How commands call the table."""
    space: str
    """Name of its space."""
    datasets: list[str]
    """Its stored data sets."""
    recipes: list[str]
    """Its training recipes."""
    bytes: int
    """Size of the file."""
    title: str
    """What it calls itself."""
    path: str
    """The file."""


def summary(pack: Pack, name: str) -> TableSummary:
    """What a list says of a table; reads no column."""
    recipes = dict.fromkeys(recipe for stored in pack.datasets for recipe in pack.recipes(stored))
    size = pack.path.stat().st_size
    return TableSummary(
        name, pack.space.name, list(pack.datasets), list(recipes), size, pack.title, str(pack.path)
    )


def description(pack: Pack) -> dict[str, Any]:
    """Everything that `nasreplay data info` says."""
    return {
        "title": pack.title,
        "path": str(pack.path),
        "space": pack.space.name,
        "architectures": pack.space.size,
        "source": pack.source,
        "licence": pack.licence,
        "fingerprint": pack.fingerprint,
        "datasets": {stored: _stored(pack, stored) for stored in pack.datasets},
    }


def _stored(pack: Pack, stored: str) -> dict[str, Any]:
    facts = semantics.FACTS[stored] if stored in semantics.FACTS else pack.custom[stored].facts
    return {
        "facts": facts._asdict() if facts else None,
        "latency": pack.has(f"{stored}/latency"),
        "recipes": {
            recipe: {
                "epochs": epochs,
                "seconds_per_epoch": pack.has(f"{stored}/{recipe}/seconds_per_epoch"),
                "sets": {name: _set(pack, stored, recipe, name) for name in pack.sets(stored, recipe)},
            }
            for recipe, epochs in pack.recipes(stored).items()
        },
    }


def _set(pack: Pack, stored: str, recipe: str, name: str) -> dict[str, Any]:
    base = f"{stored}/{recipe}/{name}"
    measured = ~np.isnan(pack.column(f"{base}/accuracy"))
    trials, architectures = np.unique(measured.sum(axis=1), return_counts=True)
    seeds = pack.seeds(stored, recipe)[measured.any(axis=0)]
    return {
        "meaning": semantics.stored_meaning(stored, name, pack.custom).sentence,
        "seeds": seeds[seeds != AVERAGED].tolist(),
        "averaged_by_source": AVERAGED in seeds,
        "architectures_by_trials": dict(zip(trials.tolist(), architectures.tolist(), strict=True)),
        "loss": pack.has(f"{base}/loss"),
        "eval_seconds": pack.has(f"{base}/eval_seconds"),
        "every_epoch": f"{base}/accuracy" in pack.curves,
    }


def description_lines(pack: Pack) -> list[str]:
    """The text of `nasreplay data info`."""
    told = description(pack)
    lines = [
        f"{told['title']}",
        f"  file         {told['path']}",
        f"  space        {told['space']}, {told['architectures']:,} architectures",
        f"  source       {told['source']}",
        f"  licence      {told['licence']}",
        f"  fingerprint  {told['fingerprint']}",
    ]
    for stored, data in told["datasets"].items():
        lines.append(f"{stored}{'' if data['latency'] else ' (no latency)'}{_custom_text(pack, stored)}")
        for recipe, about in data["recipes"].items():
            clock = "" if about["seconds_per_epoch"] else ", training seconds not known"
            lines.append(f"  recipe {recipe}: {about['epochs']} epochs{clock}")
            for name, facts in about["sets"].items():
                lines += [f"    {name}: {facts['meaning']}", f"      {_trials_text(name, facts)}"]
    return lines


def _custom_text(pack: Pack, stored: str) -> str:
    if stored not in pack.custom:
        return ""
    facts = pack.custom[stored].facts
    if facts is None:
        return ": a custom data set; classes and pixels not stated, so parameters and FLOPs are not known"
    side = f"{facts.resolution}×{facts.resolution}"
    return f": a custom data set, {facts.classes} classes, {side} pixels, {facts.training_images:,} training images"


def _trials_text(name: str, facts: dict[str, Any]) -> str:
    if facts["averaged_by_source"]:
        trials = "one value by the source, its trials not known"
    else:
        trials = f"seeds {', '.join(map(str, facts['seeds']))}"
    counts = facts["architectures_by_trials"].items()
    held = [f"{number:,} with {_count(trials)}" for trials, number in counts]
    seconds = "" if facts["eval_seconds"] or name == "train" else "; evaluation seconds not known"
    loss, every = "; loss" if facts["loss"] else "", "; every epoch" if facts["every_epoch"] else ""
    return f"{trials}; architectures: {', '.join(held)}{loss}{every}{seconds}"


def _count(trials: int) -> str:
    return {0: "none", 1: "one"}.get(trials, f"{trials} trials")
