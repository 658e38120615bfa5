"""What a table knows about the network that was just trained, and why the two numbers may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.locate import open_table
from nasreplay.data.pack import Pack
from nasreplay.settings import Json
from nasreplay.spaces.base import Architecture
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH

if TYPE_CHECKING:
    from nasreplay.jobs.training.training_setup import Training
    from nasreplay.models.child_networks import ChildNetwork
    from nasreplay.train.scores import Epoch


class TableNumber(NamedTuple):
    """An accuracy that a table holds of the network."""

    set: str
    """The evaluation set."""
    recipe: str
    """The table's recipe."""
    epoch: int
    """After which of its epochs."""
    accuracy: float
    """The mean over the trials, in percent."""
    trials: int
    """Number of trials."""
    meaning: str
    """The number in words."""


class TableComparison(NamedTuple):
    """What a table knows of a training."""

    numbers: tuple[TableNumber, ...] = ()
    """Its accuracies on the evaluation sets: of the training's recipe if it has it, else of its longest; after as
    many epochs if it has them, else at its end."""
    reasons: tuple[str, ...] = ()
    """What differs between the two trainings, in words."""

    def plain(self) -> Json:
        """Both as JSON values."""
        return {"numbers": [number._asdict() for number in self.numbers], "reasons": list(self.reasons)}


def beside(
    architecture: Architecture, sizes: ChildNetwork, training: Training, last: Epoch, table: str | None
) -> TableComparison:
    """The numbers of a table (None: the embedded one) for a training whose last epoch is `last`. Raises BadPack."""
    pack, dataset = open_table(table), training.source.name
    if dataset not in semantics.FACTS:
        return TableComparison()
    numbers = ()
    if pack.space is architecture.space:
        sets = (_number(pack, architecture, training, name, last.epoch) for name in last.sets)
        numbers = tuple(number for number in sets if number)
    if not numbers:
        reason = f"the table ({pack.title}) has no number of this network on {dataset}"
        return TableComparison(reasons=(reason,))
    return TableComparison(numbers, tuple(_reasons(sizes, training, last, numbers[0])))


def _number(
    pack: Pack, architecture: Architecture, training: Training, name: str, trained: int
) -> TableNumber | None:
    stored, wanted = training.source.name, training.recipe.name
    epochs = pack.recipes(stored)
    held = [recipe for recipe in epochs if name in pack.sets(stored, recipe)]
    if not held:
        return None
    recipe = wanted if wanted in held else max(held, key=lambda each: epochs[each])
    epoch, path = epochs[recipe], f"{stored}/{recipe}/{name}/accuracy"
    curve = pack.curve(path, [architecture.flat])[0]
    if recipe == wanted and trained < epoch and np.isfinite(curve[:, trained - 1]).any():
        epoch = trained
    trials = curve[np.isfinite(curve[:, epoch - 1]), epoch - 1]
    if not len(trials):
        return None
    how = f"mean of {len(trials)} trials" if len(trials) > 1 else "one trial"
    sentence = pack.meaning(stored, name).sentence
    meaning = f"{sentence}, epoch {epoch} of recipe {recipe}, {how}"
    return TableNumber(name, recipe, epoch, float(trials.mean()), len(trials), meaning)


def _reasons(sizes: ChildNetwork, training: Training, last: Epoch, known: TableNumber) -> list[str]:
    from nasreplay.train.recipe import Recipe

    recipe, reasons = training.recipe, []
    if (known.recipe, known.epoch) != (recipe.name, last.epoch):
        reasons.append(
            f"not the same training: ours is epoch {last.epoch} of recipe {recipe.name}, "
            f"the table's epoch {known.epoch} of {known.recipe}"
        )
    if known.recipe == recipe.name and known.recipe.isdecimal():
        theirs = Recipe(known.recipe, int(known.recipe)).settings()
        ours = recipe.settings().items()
        changed = [f"{name} {value}" for name, value in ours if value != theirs.get(name)]
        if changed:
            reasons.append(f"not the benchmark's recipe: ours has {', '.join(changed)}")
    if sizes != type(sizes)():
        reasons.append(
            f"not the same network: ours has {sizes.words}, the table's {WIDTH} and {CELLS_PER_STAGE}"
        )
    if training.settings.fraction < 1:
        reasons.append(
            f"not the same data: ours is {100 * training.settings.fraction:g} % of the images of every set"
        )
    return reasons
