"""The official object of one trained network. It is a view of a table: nothing is copied, nothing can be changed.

Losses are mean cross-entropies, accuracies percent, times seconds, params and flop millions. Epochs are counted from
0 and None is the last one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench.arguments import NoSuchKey, WrongType, dataset_among, epoch_of
from nasreplay.compat.nats_bench.stored_training import Trained
from nasreplay.data import semantics
from nasreplay.spaces import Space
from nasreplay.spaces.size import CELL
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH

Numbers = dict[str, Any]


class ResultsCount:
    """One network: a data set, a recipe, a seed."""

    def __init__(self, trained: Trained, flat: int, seed: int, arch: str):
        self._trained, self._flat, self._arch = trained, np.array([flat]), arch
        self._column = np.array([trained.seeds.index(seed)])
        self.name, self.epochs, self.seed = trained.stored, trained.epochs, f"{seed:04d}"
        self.eval_names = list(trained.sets)
        self.net_state_dict = None

    def __repr__(self) -> str:
        return (
            f"ResultsCount({self.name}, arch={self._arch}, FLOP={self.flop:.2f}M, Param={self.params:.3f}MB, "
            f"seed={self.seed}, {len(self.eval_names)} eval-sets: [{', '.join(self.eval_names)}])"
        )

    # --- the numbers of the epochs -----------------------------------------------------------------

    def get_train(self, iepoch: int | None = None) -> Numbers:
        """iepoch, loss, accuracy, cur_time and all_time of training. ValueError outside the recipe."""
        return self._at("train", iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> Numbers:
        """Numbers on an evaluation set (`valid` is `x-valid`). ValueError, KeyError for what was not measured."""
        which = "x-valid" if name == "valid" else name
        if which not in self.eval_names:
            raise NoSuchKey(f"no {which} of {self}")
        return self._at(which, iepoch)

    def _at(self, which: str, iepoch: int | None) -> Numbers:
        epoch, seconds = epoch_of(iepoch, self.epochs), self._seconds(which)
        loss, accuracy = (
            float(self._trained.value(which, metric, self._flat, epoch, self._column)[0])
            for metric in ("loss", "accuracy")
        )
        if np.isnan(accuracy):
            raise NoSuchKey(f"no {which} at iepoch {epoch - 1} of {self}")
        return {
            "iepoch": epoch - 1,
            "loss": known(loss),
            "accuracy": accuracy,
            "cur_time": known(seconds),
            "all_time": known(seconds * epoch),
        }

    def _seconds(self, which: str) -> float:
        return float(self._trained.seconds(which)[self._flat][0])

    def get_times(self) -> dict[str, float | None]:
        """`T-<set>@epoch` and `T-<set>@total` of train and every evaluation set."""
        times = {}
        for name in ("train", *self.eval_names):
            seconds = self._seconds(name)
            times |= {f"T-{name}@epoch": known(seconds), f"T-{name}@total": known(seconds * self.epochs)}
        return times

    def get_eval_set(self) -> list[str]:
        """The names of the evaluation sets."""
        return self.eval_names

    def get_total_epoch(self) -> int:
        """Epochs of the recipe."""
        return self.epochs

    def judge_valid(self, iepoch: int | None) -> None:
        """ValueError for an epoch outside the recipe, TypeError for None."""
        if iepoch is None:
            raise WrongType(f"iepoch=None: it is 0 to {self.epochs - 1}")
        epoch_of(iepoch, self.epochs)

    # --- costs and configuration -------------------------------------------------------------------

    @property
    def params(self) -> float:
        """Parameters in millions, as stored for this trial."""
        return self._cost("params")

    @property
    def flop(self) -> float:
        """FLOPs in millions, as stored for this trial."""
        return self._cost("flops")

    @property
    def latency(self) -> list[float]:
        """Seconds per batch: one number, or none."""
        seconds = self._cost("latency")
        return [] if np.isnan(seconds) else [seconds]

    def _cost(self, name: str) -> float:
        return float(self._trained.cost(name)[self._flat, self._column][0])

    def get_latency(self) -> float:
        """Seconds per batch; -1.0 where it is not known."""
        return self.latency[0] if self.latency else -1.0

    def get_net_param(self, clone: bool = False) -> None:
        """The weights: None, as in the official `-simple` archives."""

    @property
    def arch_config(self) -> Numbers:
        """What the network was built from, as the official files say it."""
        classes = semantics.facts(self.name).classes
        if not self._trained.table.space.widens:
            return {
                "channel": WIDTH,
                "num_cells": CELLS_PER_STAGE,
                "arch_str": self._arch,
                "class_num": classes,
            }
        config = {"name": "infer.shape.tiny", "channels": self._arch, "arch_str": self._arch}
        return {**config, "genotype": CELL, "class_num": classes}

    def get_config(self, str2structure: Callable[[str], Any] | None = None) -> Numbers:
        """The configuration that builds the network; `str2structure` makes its genotype out of the text."""
        config = net_config(self._trained.table.space, self._arch, self.name)
        if str2structure is None:
            return config
        text = config.pop("arch_str", None) or config["genotype"]
        classes = config.pop("num_classes")
        return {**config, "genotype": str2structure(text), "num_classes": classes}

    # --- the stored fields -------------------------------------------------------------------------

    @property
    def train_acc1es(self) -> dict[int, float]:
        """Epoch → accuracy on the training images."""
        return self._by_epoch("train", "accuracy")

    @property
    def train_acc5es(self) -> dict[int, float] | None:
        """Epoch → top-5 accuracy on the training images; None for trials that did not keep it."""
        return self._by_epoch("train", "top5") or None

    @property
    def train_losses(self) -> dict[int, float]:
        """Epoch → training loss."""
        return self._by_epoch("train", "loss")

    @property
    def train_times(self) -> OrderedDict[int, float]:
        """Epoch → seconds of training."""
        return OrderedDict.fromkeys(range(self.epochs), self._seconds("train"))

    @property
    def eval_acc1es(self) -> dict[str, float]:
        """`<set>@<epoch>` → accuracy."""
        return self._by_set("accuracy")

    @property
    def eval_losses(self) -> dict[str, float]:
        """`<set>@<epoch>` → loss."""
        return self._by_set("loss")

    @property
    def eval_times(self) -> dict[str, float]:
        """`<set>@<epoch>` → seconds of one pass."""
        seconds = {name: self._seconds(name) for name in self.eval_names}
        return {f"{name}@{epoch}": seconds[name] for name in seconds for epoch in range(self.epochs)}

    def _by_epoch(self, which: str, metric: str) -> dict[int, float]:
        values = self._trained.curve(which, metric, int(self._flat[0]))[self._column[0]].tolist()
        return {epoch: value for epoch, value in enumerate(values) if value == value}

    def _by_set(self, metric: str) -> dict[str, float]:
        curves = {name: self._by_epoch(name, metric) for name in self.eval_names}
        return {f"{name}@{epoch}": value for name, curve in curves.items() for epoch, value in curve.items()}


def net_config(space: Space, arch: str, dataset: str) -> Numbers:
    """The official configuration of a network. KeyError for an unknown data set."""
    classes = semantics.FACTS[dataset_among(dataset, tuple(semantics.FACTS))].classes
    if not space.widens:
        config = {"name": "infer.tiny", "C": WIDTH, "N": CELLS_PER_STAGE, "arch_str": arch}
    else:
        config = {"name": "infer.shape.tiny", "channels": arch, "genotype": CELL}
    return {**config, "num_classes": classes}


def known(value: float) -> float | None:
    """The number, or None for NaN."""
    return float(value) if value == value else None
