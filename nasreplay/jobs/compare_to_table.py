"""What a table knows about the network that was just trained, and why the two numbers may differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.locate import open_table
from nasreplay.data.pack import Pack
from nasreplay.spaces.base import Architecture
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH


def beside(
    architecture: Architecture, settings: dict[str, Any], last: dict[str, Any], table: str | None
) -> dict[str, list[Any]]:
    """`numbers`: the table's accuracies of the evaluation sets, of the recipe if it has it, else of its longest;
    after as many epochs as ours if the table has them, else at its end. `reasons`: what differs between the two
    trainings, in words.
    """
    pack = open_table(table)
    if settings["dataset"] not in semantics.FACTS:
        return {"numbers": [], "reasons": []}
    numbers = []
    if pack.space is architecture.space:
        for name in last["sets"]:
            numbers += _numbers(pack, architecture, settings, name, last["epoch"])
    if not numbers:
        reason = f"the table ({pack.title}) has no number of this network on {settings['dataset']}"
        return {"numbers": [], "reasons": [reason]}
    return {"numbers": numbers, "reasons": _reasons(settings, last, numbers)}


def _numbers(
    pack: Pack, architecture: Architecture, settings: dict[str, Any], name: str, trained: int
) -> list[dict[str, Any]]:
    stored, wanted = settings["dataset"], settings["recipe"]["name"]
    epochs = pack.recipes(stored)
    held = [recipe for recipe in epochs if name in pack.sets(stored, recipe)]
    if not held:
        return []
    recipe = wanted if wanted in held else max(held, key=lambda each: epochs[each])
    epoch, path = epochs[recipe], f"{stored}/{recipe}/{name}/accuracy"
    curve = pack.curve(path, [architecture.index])[0]
    if recipe == wanted and trained < epoch and np.isfinite(curve[:, trained - 1]).any():
        epoch = trained
    trials = curve[np.isfinite(curve[:, epoch - 1]), epoch - 1]
    if not len(trials):
        return []
    how = f"mean of {len(trials)} trials" if len(trials) > 1 else "one trial"
    sentence = semantics.stored_meaning(stored, name).sentence
    return [
        {
            "set": name,
            "recipe": recipe,
            "epoch": epoch,
            "accuracy": float(trials.mean()),
            "trials": len(trials),
            "meaning": f"{sentence}, epoch {epoch} of recipe {recipe}, {how}",
        }
    ]


def _reasons(settings: dict[str, Any], last: dict[str, Any], numbers: list[dict[str, Any]]) -> list[str]:
    known, reasons = numbers[0], []
    if (known["recipe"], known["epoch"]) != (settings["recipe"]["name"], last["epoch"]):
        ours = f"epoch {last['epoch']} of recipe {settings['recipe']['name']}"
        reasons.append(
            f"not the same training: ours is {ours}, the table's epoch {known['epoch']} of {known['recipe']}"
        )
    if known["recipe"].isdecimal():
        from nasreplay.train.recipe import Recipe

        theirs = Recipe(known["recipe"], int(known["recipe"])).settings()
        changed = [f"{name} {value}" for name, value in settings["recipe"].items() if value != theirs[name]]
        if changed and known["recipe"] == settings["recipe"]["name"]:
            reasons.append(f"not the benchmark's recipe: ours has {', '.join(changed)}")
    if (settings["channels"], settings["cells"]) != (WIDTH, CELLS_PER_STAGE):
        ours = f"{settings['channels']} channels and {settings['cells']} cells a stage"
        reasons.append(f"not the same network: ours has {ours}, the table's {WIDTH} and {CELLS_PER_STAGE}")
    if settings["fraction"] < 1:
        reasons.append(
            f"not the same data: ours is {100 * settings['fraction']:g} % of the images of every set"
        )
    return reasons
