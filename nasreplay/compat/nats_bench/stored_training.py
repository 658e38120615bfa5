"""The networks of one data set trained by one recipe, as a table holds them: numbers per trial, and costs.

Shapes: N architectures asked about (flat indices [N]), A of the table, T trials of the recipe. Accuracies are
percent, losses mean cross-entropies, times seconds, parameters and FLOPs millions; NaN = not measured. An epoch is
counted from 1. A trial is a seed, "mean" or "drawn".

- The mean over trials is that of `data.trials.trial_mean`: at an epoch it exists where every trial has it that the
  recipe's end has.
- Where FLOPs or parameters of an architecture's trials differ, some were copied from an equivalent cell with other
  costs: then those of trial 888 count, which is right in all 204 such cells, and without it the closed form.
- Latency is the mean of the positive latencies of the trials.
"""

from __future__ import annotations

from functools import cache, cached_property, lru_cache
from typing import Literal

import numpy as np

from nasreplay.compat.nats_bench.single_row import Cell
from nasreplay.data.measured import costs
from nasreplay.data.pack import Pack
from nasreplay.data.trials import AVERAGED, DRAWN, MEAN, Trials, picked, trial_mean
from nasreplay.errors import BadSetting, NotMeasured

RIGHT_TRIAL = 888
FEW = 64  # architectures up to which their curves are read, rather than one epoch of all
CURVES_KEPT = 256

Metric = Literal["accuracy", "loss"]


class Trained:
    """The networks of one stored data set and recipe. Attributes: `seeds` [T], `epochs`, `sets` without `train`."""

    def __init__(self, table: Pack | Cell, stored: str, recipe: str, flat: np.ndarray):
        self.table, self.stored, self.recipe, self._flat = table, stored, recipe, flat
        known = table.recipes(stored)
        if recipe not in known:
            held = f"it has {', '.join(known)}" if known else "the table holds nothing of it"
            raise NotMeasured(f"no recipe {recipe!r} of {stored}: {held}")
        self.epochs = known[recipe]
        self.seeds: list[int] = table.seeds(stored, recipe).tolist()
        self.sets = tuple(name for name in table.sets(stored, recipe) if name != "train")
        self._curve = lru_cache(CURVES_KEPT)(lambda path, flat: table.curve(path, np.array([flat]))[0])
        self._epoch = lru_cache(4)(table.at_epoch)
        self._last_mean = cache(lambda path: trial_mean(table.column(path), self._there(path)))

    # --- trials ------------------------------------------------------------------------------------

    @cached_property
    def trials(self) -> Trials:
        """The trials of each architecture: those that have costs, else an accuracy on some set."""
        columns = [self._held("params")]
        if columns[0] is None:
            columns = [self._held(f"{which}/accuracy") for which in ("train", *self.sets)]
        known = [np.isfinite(values) for values in columns if values is not None]
        present = np.any(known, axis=0) if known else np.zeros((len(self._flat), len(self.seeds)), bool)
        return Trials(self.seeds, present, f"of {self}", self.name)

    def columns(
        self, flat: np.ndarray, trial: int | str, uniform: np.ndarray | None = None
    ) -> np.ndarray | None:
        """`Trials.columns`, after a check of what was given: also raises BadSetting for other shapes and numbers."""
        self.check_rows(flat)
        trial = MEAN if trial == AVERAGED else trial  # the official calls count it as a seed
        shares = _shares(uniform, flat) if trial == DRAWN else np.empty(0)
        return self.trials.columns(flat, trial, lambda: shares)

    def check_rows(self, flat: np.ndarray) -> None:
        """Raises BadSetting for what are no flat indices [N] of the table."""
        size = len(self._flat)
        if flat.ndim != 1 or flat.dtype.kind not in "iu":
            raise BadSetting(f"flat indices must be whole numbers [N], not {flat.dtype} {list(flat.shape)}")
        if flat.size and not 0 <= flat.min() <= flat.max() < size:
            wrong = int(flat[(flat < 0) | (flat >= size)][0])
            raise BadSetting(f"flat index {wrong}: the table has 0 to {size - 1}")

    # --- numbers -----------------------------------------------------------------------------------

    def value(
        self, which: str, metric: Metric, flat: np.ndarray, epoch: int, columns: np.ndarray | None
    ) -> np.ndarray:
        """float64 [N]: accuracy or loss on a set (`train` too) in the trials of `columns`, or their mean."""
        path = f"{self.stored}/{self.recipe}/{which}/{metric}"
        if not self.table.has(path):
            return np.full(len(flat), np.nan)
        if epoch == self.epochs:
            if columns is None:
                return self._last_mean(path).take(flat)
            return picked(self.table.column(path), flat, columns)
        if len(flat) and (flat == flat[0]).all():
            values = np.tile(self._curve(path, int(flat[0]))[:, epoch - 1], (len(flat), 1))
        elif len(flat) <= FEW:
            values = self.table.curve(path, flat)[:, :, epoch - 1]
        else:
            values = self._epoch(path, epoch)[flat]
        if columns is None:
            return trial_mean(values, self._there(path)[flat])
        return picked(values, np.arange(len(flat)), columns)

    def _there(self, path: str) -> np.ndarray:
        """bool [A, T]: which trials were measured on the set of a path at the end; their loss may be infinite."""
        accuracy = f"{path.rsplit('/', 1)[0]}/accuracy"
        return np.isfinite(self.table.column(accuracy if self.table.has(accuracy) else path))

    def curve(self, which: str, metric: str, flat: int) -> np.ndarray:
        """float64 [T, E]: every epoch of one architecture on a set; all NaN where nothing is stored."""
        path = f"{self.stored}/{self.recipe}/{which}/{metric}"
        if not self.table.has(path):
            return np.full((len(self.seeds), self.epochs), np.nan)
        return self._curve(path, flat)

    def epoch(self, epoch: int | None) -> int:
        """The epoch itself, or the last one for None; raises BadSetting outside the recipe."""
        if epoch is None:
            return self.epochs
        if not isinstance(epoch, int | np.integer) or not 1 <= epoch <= self.epochs:
            raise BadSetting(f"epoch {epoch} of {self}: it has the epochs 1 to {self.epochs}")
        return epoch

    # --- costs -------------------------------------------------------------------------------------

    def seconds(self, which: str) -> np.ndarray:
        """float64 [A]: one epoch of training (`train`), or one pass over an evaluation set."""
        values = self._held("seconds_per_epoch" if which == "train" else f"{which}/eval_seconds")
        return np.full(len(self._flat), np.nan) if values is None else values

    @cached_property
    def params(self) -> np.ndarray:
        """float64 [A]: parameters in millions."""
        return self._exact("params")

    @cached_property
    def flops(self) -> np.ndarray:
        """float64 [A]: multiply-accumulates of one image in millions."""
        return self._exact("flops")

    def cost(self, name: str) -> np.ndarray:
        """float64 [A, T]: `params`, `flops` or `latency` as stored for each trial, else those of the architecture."""
        values = self._held(name)
        return np.repeat(getattr(self, name)[:, None], len(self.seeds), axis=1) if values is None else values

    @cached_property
    def latency(self) -> np.ndarray:
        """float64 [A]: seconds per batch."""
        values = self._held("latency")
        if values is not None:
            return trial_mean(np.where(values > 0, values, np.nan))
        path = f"{self.stored}/latency"
        return self.table.column(path) if self.table.has(path) else np.full(len(self._flat), np.nan)

    def _exact(self, name: str) -> np.ndarray:
        values = self._held(name)
        if values is None:
            return np.where(self.trials.count > 0, self._closed_form(name), np.nan)
        known = np.isfinite(values)
        low = np.where(known, values, np.inf).min(axis=1)
        high = np.where(known, values, -np.inf).max(axis=1)
        differ = (known.sum(axis=1) > 1) & (np.round(low, 5) != np.round(high, 5))
        mean = trial_mean(values)
        if not differ.any():
            return mean
        right = self._closed_form(name)
        if RIGHT_TRIAL in self.seeds:
            column = self.seeds.index(RIGHT_TRIAL)
            right = np.where(known[:, column], values[:, column], right)
        return np.where(differ, right, mean)

    def _closed_form(self, name: str) -> np.ndarray:
        exact = costs(self.table.space, self._flat, self.stored, self.table.custom)
        return exact[("params", "flops").index(name)] / 1e6

    # --- helpers -----------------------------------------------------------------------------------

    def __str__(self) -> str:
        return f"{self.stored} at recipe {self.recipe}"

    def name(self, flat: int) -> str:
        """The text of an architecture."""
        return str(self.table.space.at_flat(int(self._flat[flat])))

    def _held(self, name: str) -> np.ndarray | None:
        path = f"{self.stored}/{self.recipe}/{name}"
        return self.table.column(path) if self.table.has(path) else None


def _shares(uniform: np.ndarray | None, flat: np.ndarray) -> np.ndarray:
    if uniform is None or np.shape(uniform) != flat.shape:
        given = "none" if uniform is None else f"shape {list(np.shape(uniform))}"
        raise BadSetting(
            f"trial 'drawn' takes `uniform`, a number in [0, 1) for each of the {len(flat)} architectures: "
            f"given {given}"
        )
    if len(flat) and not 0 <= uniform.min() <= uniform.max() < 1:
        raise BadSetting("`uniform` draws trials by numbers in [0, 1): some are outside")
    return uniform
