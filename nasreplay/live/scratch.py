"""Training from scratch as an evaluator: every question trains a child network by the benchmark's recipe.

An answer costs what the training took: the measured seconds of training to that epoch plus one validation pass. They
are kept with the numbers in the cache folder, so asking again is free in wall time and charged again on the ledger.
Only "evaluate" is offered: a child has no slope.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from nasreplay.data import semantics
from nasreplay.data.cards import CARDS
from nasreplay.data.embedded import home
from nasreplay.errors import BadInput, BadOutput, BadSetting, LacksCapability
from nasreplay.evaluate.base import Answers, EvaluatorBase, begun
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Fidelity, Mixture, Report, Slope
from nasreplay.files.atomic import write_whole
from nasreplay.files.typed import read_json
from nasreplay.models.child_networks import CHILD_NETWORKS, CellChild, ChildNetwork, child_network_of
from nasreplay.models.initialization import initialized
from nasreplay.seeds import Stream
from nasreplay.settings import chosen
from nasreplay.spaces.base import Space
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.loop import Trainer
from nasreplay.train.recipe import Recipe
from nasreplay.train.scores import Epoch

FORMAT = 1  # of the kept numbers; changes when training changes
KEPT_AS = "nasreplay.models.child.child"  # what numbers of spaces' own networks are filed under
VALID = "x-valid"
TESTS = ("x-test", "ori-test")  # the first one that a data set has is its test set


class ScratchEvaluator(EvaluatorBase):
    """Children of a space trained on a data set, behind the evaluator interface; serves one replica or several.

    space: of the children.
    source: the images; cifar10 means its training halves.
    recipe: how they are trained; None is the benchmark's of 200 epochs.
    ladder: epochs of the recipe that may be asked for.
    trial: a seed, "drawn" (one of `seeds` per question) or "mean" (of all: so many are trained and charged).
    seeds: the trials of the benchmark.
    channels: of the first stage of topology children.
    cells: per stage of topology children.
    fraction: part of the images of every set that is used.
    device: device and precision.
    network: what is built of an architecture; None: the space's own, with these channels and cells.
    build: (space, codes, classes, channels, cells) → network, instead.
    """

    kind = "scratch"
    preset = "live"
    stream: Stream = begun()

    def __init__(
        self,
        space: Space,
        source: ImageSource | StreamedSource,
        *,
        recipe: Recipe | None = None,
        ladder: Sequence[int] = (1, 3, 12),
        trial: int | str = 777,
        seeds: Sequence[int] = (777, 888, 999),
        channels: int = 16,
        cells: int = 5,
        fraction: float = 1.0,
        device: Device | None = None,
        network: ChildNetwork | None = None,
        build: Callable[..., nn.Module] | None = None,
    ):
        self.space, self.source, self.build = space, source, build
        self.recipe, self.device = recipe or Recipe(), device or Device()
        self.epochs, self.trial, self.seeds = tuple(sorted(set(ladder))), trial, tuple(seeds)
        self.fraction, sizes = fraction, {"channels": channels, "cells": cells}
        kind = CHILD_NETWORKS.get(space.name) if build else child_network_of(space)
        self.network = network or (kind and chosen(kind, sizes))
        self.own, self.sizes = (channels, cells), self.network.settings() if self.network else sizes
        if not self.epochs or self.epochs[0] < 1 or self.epochs[-1] > self.recipe.total:
            raise BadSetting(
                f"ladder {list(ladder)}: epochs 1 to {self.recipe.total} of recipe {self.recipe.name}"
            )
        _check_trial(trial)
        halves = [card.name for card in CARDS.values() if card.images_of == source.dataset]
        self.dataset = halves[0] if halves else source.name
        images, sets = source.benchmark(self.dataset)
        self.images, self.sets = images.fraction(fraction), {n: s.fraction(fraction) for n, s in sets.items()}
        self.recipe.check_learns(self.epochs[-1], len(self.images))
        self.test = next(name for name in TESTS if name in sets)
        self.folder = home() / "scratch" / self._key()

    # --- the protocol ------------------------------------------------------------------------------

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start a run: fresh clocks and random streams for these replica numbers."""
        super().begin(seed, replicas, budget)
        self.stream = Stream(seed, "trial", replicas)

    @property
    def asked_images(self) -> int:
        """Number of images that an evaluation of a search is on."""
        return len(self.sets[VALID])

    def ladder(self) -> tuple[Fidelity, ...]:
        """The epochs on offer, cheapest first."""
        return tuple(Fidelity(self.recipe.name, epoch) for epoch in self.epochs)

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Train codes [N, D], or look up what was trained before, in order.

        Nothing is trained for a replica whose budget is spent; its accuracy is NaN. Raises TrainingFailed when a loss
        is not a number.
        """
        which = self._seeds_of(self.trial if trial is None else trial, replica)
        accuracy, seconds = np.full(len(codes), np.nan), np.zeros(len(codes))
        foreseen = self.ledger.copy()
        for row, asker in enumerate(replica):
            if foreseen.spent()[asker] < 1:
                accuracy[row], seconds[row] = self._measure(codes[row], which[row], at.epoch)
            foreseen.charge(replica[row : row + 1], seconds[row : row + 1])
        trials = np.array([seeds[0] if len(seeds) == 1 else MEAN for seeds in which], dtype=np.int64)
        return Answers(accuracy, trials, seconds)

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """Refuse with LacksCapability: a searcher that wants to train shared weights would never learn here."""
        raise LacksCapability("training from scratch shares no weights: use a supernet")

    def report(self, codes: np.ndarray) -> Report:
        """Validation and test accuracy at the last epoch of the ladder, mean over the trials of the setting.

        Free of charge; what was not trained yet is trained.
        """
        codes = self.space.check_codes(codes)
        seeds = self.seeds if isinstance(self.trial, str) else (self.trial,)
        kept = [[self._trained(code, seed, self.epochs[-1]) for seed in seeds] for code in codes]
        valid, test = (
            np.array([np.mean([one["sets"][name]["top1"] for one in each]) for each in kept])
            for name in (VALID, self.test)
        )
        return Report(valid, test, self._meaning())

    def describe(self) -> dict[str, Any]:
        """What the run header records."""
        return {
            **super().describe(),
            "final": str(self.ladder()[-1]),
            "trial": self.trial,
            "seeds": list(self.seeds),
            **self._settings(),
            **self._meaning(),
            "note": self.source.note,
            "evaluation_seconds": "included",
        }

    def state_dict(self) -> dict[str, Any]:
        """Clocks and stream position; the trained numbers are in the cache folder."""
        return {**super().state_dict(), "stream": self.stream.position.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from saved clocks and stream position."""
        super().load_state_dict(state)
        self.stream.position[:] = state["stream"]

    # --- helpers -----------------------------------------------------------------------------------

    def _seeds_of(self, trial: int | str, replica: np.ndarray) -> list[tuple[int, ...]]:
        """The seeds that each question's answer averages over."""
        _check_trial(trial)
        if trial == "mean":
            return [self.seeds] * len(replica)
        if trial == "drawn":
            drawn = (self.stream.each(replica) * len(self.seeds)).astype(np.int64)
            return [(self.seeds[trial],) for trial in drawn]
        return [(int(trial),)] * len(replica)

    def _measure(self, codes: np.ndarray, seeds: tuple[int, ...], epoch: int) -> tuple[float, float]:
        """(validation percent, seconds) of a child, over its trials."""
        kept = [self._trained(codes, seed, epoch) for seed in seeds]
        accuracy = float(np.mean([one["sets"][VALID]["top1"] for one in kept]))
        return accuracy, sum(one["training_s"] + one["sets"][VALID]["seconds"] for one in kept)

    def _trained(self, codes: np.ndarray, seed: int, epoch: int) -> dict[str, Any]:
        """What is kept of one training at an epoch of the ladder; trains if it is not there.

        A training passes the lower epochs of the ladder and keeps them too; one that goes on starts over.
        """
        file = self.folder / f"{int(self.space.flat(codes[None])[0])}-{seed}.json"
        kept = _read(file)
        if not self._sets_at(epoch).keys() <= kept.get(str(epoch), {}).get("sets", {}).keys():
            for key, new in self._train(codes, seed, epoch).items():
                old = kept.get(key, {})  # what was measured once stays, seconds too
                kept[key] = {**new, **old, "sets": {**new["sets"], **old.get("sets", {})}}
            _write(file, kept)
        return kept[str(epoch)]

    def _train(self, codes: np.ndarray, seed: int, until: int) -> dict[str, Any]:
        trainer = Trainer(partial(self._built, codes.tolist()), self.images, self.recipe, seed, self.device)
        found, training = {}, 0.0
        for epoch in range(1, until + 1):
            done: Epoch = trainer.epoch(self._sets_at(epoch))
            training += done.train.seconds
            if epoch in self.epochs:
                found[str(epoch)] = {**done.plain(), "training_s": training}
        return found

    def _built(self, codes: list[int]) -> nn.Module:
        if self.build or not self.network:  # a space without a network of its own has been refused
            assert self.build
            return self.build(self.space, codes, self.images.classes, *self.own)
        about = (self.images.classes, self.source.side, self.recipe.auxiliary > 0)
        return initialized(self.network.build(codes, *about), self.network.init)

    def _sets_at(self, epoch: int) -> dict[str, Any]:
        """Test sets are looked at once, at the end of the ladder, and only a report tells of them."""
        if epoch == self.epochs[-1]:
            return self.sets
        return {VALID: self.sets[VALID]} if epoch in self.epochs else {}

    def _settings(self) -> dict[str, Any]:
        """Everything that a kept number depends on besides architecture and seed."""
        about = {"recipe": self.recipe.settings(), "data": self.source.fingerprint, "fraction": self.fraction}
        return about | self.sizes | {"device": self.device.name, "precision": self.device.precision}

    def _key(self) -> str:
        name = getattr(self.build, "__qualname__", type(self.build).__qualname__)
        network = f"{self.build.__module__}.{name}" if self.build else KEPT_AS
        about = [FORMAT, self.space.name, self.dataset, network, self._settings()]
        text = json.dumps(about, sort_keys=True)
        return f"{self.dataset}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"

    def _meaning(self) -> dict[str, str]:
        whole = self.fraction == 1
        if self.dataset in semantics.FACTS and whole:
            valid, test = (
                semantics.stored_meaning(self.dataset, name).sentence for name in (VALID, self.test)
            )
        else:
            trained = f"after training on {len(self.images):,} images of {self.dataset}"
            valid, test = (
                f"accuracy on {len(self.sets[name]):,} images {trained}" for name in (VALID, self.test)
            )
        reduced = "" if whole else f", on {100 * self.fraction:g} % of the images"
        if self.sizes and self.sizes != CellChild().settings():
            reduced += f", with {', '.join(f'{name} {value}' for name, value in self.sizes.items())}"
        after = f", trained here to {self.ladder()[-1]}{reduced}"
        return {"valid": f"validation {valid}{after}", "test": f"test {test}{after}"}


def _check_trial(trial: int | str) -> None:
    if trial not in ("drawn", "mean") and (isinstance(trial, str) or trial < 0):
        raise BadSetting(f"trial {trial!r}: a seed from 0, 'drawn' or 'mean'")


class _Scored(NamedTuple):
    top1: float
    seconds: float


class _Kept(NamedTuple):
    """What is kept of an epoch."""

    sets: dict[str, _Scored]
    training_s: float


def _read(file: Path) -> dict[str, Any]:
    try:
        read_json(file, dict[str, _Kept])
        return read_json(file, dict[str, Any])
    except BadInput:  # not there, or damaged: trained again
        return {}


def _write(file: Path, kept: dict[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(
            f"{file.parent}: cannot be made: {problem.strerror}; set NASREPLAY_HOME to a folder that can be written"
        ) from None
    write_whole(file, json.dumps(kept, indent=1).encode())
