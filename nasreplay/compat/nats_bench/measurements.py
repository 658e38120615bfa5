"""What a table says of trained networks by the rules of the official NATS-Bench API, for arrays of architectures.

Shapes: N architectures asked about (flat indices [N]). Units, trials and means are those of `stored_training`; epochs
are counted from 1 (the official `iepoch` plus 1), None is the last one. `all-time` of training is the seconds of all
epochs so far; of an evaluation set, of one pass after each epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nasreplay.compat.nats_bench.single_row import Cell
from nasreplay.compat.nats_bench.stored_training import Trained
from nasreplay.data import semantics
from nasreplay.data.pack import Pack
from nasreplay.data.semantics import CustomDataset, Meaning
from nasreplay.data.trials import MEAN
from nasreplay.errors import NotMeasured


class Simulated(NamedTuple):
    """What a search is told of N architectures."""

    accuracy: np.ndarray
    """float64 [N], validation accuracy in percent."""
    latency: np.ndarray
    """float64 [N], seconds per batch."""
    seconds: np.ndarray
    """float64 [N], what asking costs."""
    valtest: np.ndarray
    """bool [N]: the accuracy is that on validation and test images together."""


class Measurements:
    """The answers of a table. `flat` names the rows of one that does not hold its whole space."""

    def __init__(self, table: Pack | Cell, flat: Sequence[int] | None = None):
        self.table = table
        self._flat = np.arange(table.space.size) if flat is None else np.array(flat)
        self._kept: dict[tuple[str, str], Trained] = {}

    @cached_property
    def holdings(self) -> dict[str, dict[str, int]]:
        """Stored data set → recipe → epochs."""
        return {stored: self.table.recipes(stored) for stored in self.table.datasets}

    def recipes(self, flat: int) -> Iterator[str]:
        """The recipes that one architecture was trained by, once for every data set."""
        for stored, recipes in self.holdings.items():
            yield from (recipe for recipe in recipes if self.trained(stored, recipe).trials.count[flat])

    def trained(self, stored: str, recipe: str) -> Trained:
        """The networks of a stored data set and recipe; raises NotMeasured, which lists what there is."""
        if (stored, recipe) not in self._kept:
            self._kept[stored, recipe] = Trained(self.table, stored, recipe, self._flat)
        return self._kept[stored, recipe]

    def more_info(
        self,
        stored: str,
        flat: np.ndarray,
        recipe: str,
        epoch: int | None = None,
        trial: int | str = MEAN,
        uniform: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """The official `get_more_info`: `<group>-loss`, `-accuracy`, `-per-time` and `-all-time`, float64 [N] each.

        The groups are train, valid, test and valtest as far as the stored data set has them (`groups`). One trial is
        taken for the whole answer. A group that was not measured at the epoch is NaN, but for the times of training.
        Raises NotMeasured, BadSetting.
        """
        stored = semantics.dataset_named(stored, self.table.custom)
        trained = self.trained(stored, recipe)
        epoch, columns = trained.epoch(epoch), trained.columns(flat, trial, uniform)
        found = {}
        for group, which in groups(stored, self.table.custom).items():
            accuracy, loss = (
                trained.value(which, metric, flat, epoch, columns) for metric in ("accuracy", "loss")
            )
            seconds = trained.seconds(which)[flat]
            if which != "train":
                loss, seconds = (np.where(np.isnan(accuracy), np.nan, each) for each in (loss, seconds))
            found[f"{group}-loss"] = loss
            found[f"{group}-accuracy"] = accuracy
            found[f"{group}-per-time"] = seconds
            found[f"{group}-all-time"] = seconds * epoch
        return found

    def cost_info(self, stored: str, flat: np.ndarray, recipe: str) -> dict[str, np.ndarray]:
        """`get_cost_info`: flops, params, latency, `T-<set>@epoch` of a pass, `@total` of all; float64 [N]."""
        trained = self.trained(semantics.dataset_named(stored, self.table.custom), recipe)
        trained.check_rows(flat)
        found = {
            "flops": trained.flops[flat],
            "params": trained.params[flat],
            "latency": trained.latency[flat],
        }
        for which in ("train", *trained.sets):
            seconds = trained.seconds(which)
            found[f"T-{which}@epoch"] = seconds[flat]
            found[f"T-{which}@total"] = seconds[flat] * trained.epochs
        return found

    def simulate(
        self,
        dataset: str,
        flat: np.ndarray,
        recipe: str,
        epoch: int | None = None,
        trial: int | str = MEAN,
        uniform: np.ndarray | None = None,
        *,
        valtest: bool = False,
    ) -> Simulated:
        """The official `simulate_train_eval`: what training to an epoch and one validation pass tell and cost.

        `valtest` takes the accuracy on validation and test images together where that on validation images was not
        measured, as the official API does in the middle of training. Unknown evaluation seconds count as 0. Raises
        NotMeasured, BadSetting.
        """
        dataset = semantics.dataset_named(dataset, self.table.custom)
        requests = _requests(dataset, self.table.custom)
        where, both = requests["valid"], requests.get("valtest")
        trained = self.trained(where.stored, recipe)
        epoch, columns = trained.epoch(epoch), trained.columns(flat, trial, uniform)
        accuracy = trained.value(where.set, "accuracy", flat, epoch, columns)
        missing = np.isnan(accuracy)
        if missing.any():
            if valtest and both:
                other = trained.value(both.set, "accuracy", flat, epoch, columns)
                accuracy = np.where(missing, other, accuracy)
            if (unknown := np.isnan(accuracy)).any():
                name, also = (
                    trained.name(int(flat[unknown.argmax()])),
                    "" if valtest or not both else _VALTEST,
                )
                raise NotMeasured(
                    f"{where.set} of {name} was not measured after epoch {epoch} of {trained}, which has "
                    f"{trained.epochs} epochs{also}"
                )
        seconds = trained.seconds("train").take(flat) * epoch
        evaluation = trained.seconds(where.set).take(flat)
        seconds += np.where(np.isnan(evaluation), 0.0, evaluation)
        own = self.trained(dataset, recipe) if recipe in self.holdings.get(dataset, ()) else trained
        return Simulated(accuracy, own.latency.take(flat), seconds, missing)


_VALTEST = "; valtest=True takes the accuracy on validation and test images together"


def groups(stored: str, custom: Mapping[str, CustomDataset] = semantics.NO_CUSTOM) -> dict[str, str]:
    """The groups of `more_info` of a stored data set, and the evaluation set of each (`data.semantics`)."""
    return {split: what.set for split, what in _requests(stored, custom).items() if what.stored == stored}


def _requests(dataset: str, custom: Mapping[str, CustomDataset]) -> dict[str, Meaning]:
    """What each split of a data set means."""
    splits = [split for owner, split in semantics.requests(custom) if owner == dataset]
    return {split: semantics.meaning(dataset, split, custom) for split in splits}
