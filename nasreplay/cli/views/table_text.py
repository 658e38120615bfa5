"""What `nasreplay data info` prints for people."""

from __future__ import annotations

from nasreplay.data.describe import description
from nasreplay.data.pack import Pack
from nasreplay.settings import Json


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


def _trials_text(name: str, facts: Json) -> str:
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
