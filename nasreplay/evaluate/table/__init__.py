"""A benchmark table as an evaluator: look-ups, the simulated clock, and the exact or sampled slope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nasreplay.errors import BadArchitecture, BadSetting, LacksCapability, NotMeasured, shortened
from nasreplay.evaluate.base import Answers, EvaluatorBase, begun
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Fidelity, Mixture, Report, Slope
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.evaluate.table.multilinear import Multilinear, exact_slope
from nasreplay.evaluate.table.sampled_gradient import draw, estimate
from nasreplay.seeds import Stream
from nasreplay.settings import check_kind
from nasreplay.spaces.base import MEMO_LIMIT, Space
from nasreplay.spaces.costs.expected import Costs
from nasreplay.spaces.read import Named, read_many


class Answer(NamedTuple):
    """One typed answer: what the number is, from where, and what it cost."""

    accuracy: float
    """Accuracy, percent."""
    trials: int
    """Number of trials that were averaged."""
    seconds: float
    """Simulated cost of one evaluation."""
    official_index: int
    """Official index of the architecture."""
    dataset: str
    split: str
    at: Fidelity


class TableEvaluator(EvaluatorBase):
    """A table of one data set behind the evaluator interface.

    levels: fidelities that a search may ask for, cheapest first.
    dataset: name of the data set.
    trial: "drawn" (a fresh uniform trial per question, the published protocol), "mean", or a seed.
    gradient: "exact" (an oracle: it reads the whole table and charges nothing), or "sampled" (charged look-ups).
    samples: look-ups of a sampled slope.
    objective: "error" (1 − accuracy/100) or "loss" (stored cross-entropy).
    steps_per_epoch: steps that a gradient searcher makes between two settings of its schedules.
    final: fidelity that a report reads; the last level when left out.
    test: float64 [A], percent, test accuracy for reports, or None.
    meaning: what "told", "valid" and "test" accuracies are, in words.
    source: further facts for the run header: table, fingerprint, licence.
    costs: what makes the costs when they are asked for.
    """

    kind = "table"
    streams: dict[str, Stream] = begun()

    def __init__(
        self,
        space: Space,
        levels: Sequence[FidelityTable],
        *,
        dataset: str = "table",
        trial: int | str = "drawn",
        gradient: str = "exact",
        samples: int = 6,
        objective: str = "error",
        steps_per_epoch: int = 1,
        final: FidelityTable | None = None,
        test: np.ndarray | None = None,
        meaning: dict[str, str] | None = None,
        source: dict[str, Any] | None = None,
        costs: Callable[[], Costs] = Costs,
    ):
        self.space, self.levels, self.dataset = space, tuple(levels), dataset
        self.gradient, self.samples, self.objective = gradient, samples, objective
        self.steps_per_epoch, self.trial = steps_per_epoch, trial
        self.final, self.test = final or self.levels[-1], test
        self.meaning = {
            "valid": f"validation accuracy at {self.final.at}, {self.final.words}",
            **(meaning or {}),
        }
        self.source, self.make_costs = source or {}, costs
        vertex = {"one-hot slope"} if gradient == "exact" else set()
        clock = {"clock"} if all(level.timed for level in self.levels) else set()
        self.abilities = frozenset({"evaluate", "slope"} | vertex | clock)
        self._check()

    def _check(self) -> None:
        check_kind("trial", self.trial, int, str)
        for name, value, least in (
            ("samples", self.samples, 1),
            ("steps_per_epoch", self.steps_per_epoch, 1),
        ):
            check_kind(name, value, int)
            if value < least:
                raise BadSetting(f"{name} is {value}: it must be at least {least}")
        if self.gradient not in ("exact", "sampled"):
            raise BadSetting(f"gradient {shortened(self.gradient)}: a table knows 'exact' and 'sampled'")
        if self.gradient == "sampled" and self.samples < 2:
            raise BadSetting("a sampled slope needs at least 2 samples (each is the others' baseline)")
        if self.gradient == "sampled" and self.objective != "error":
            raise BadSetting("a sampled slope descends the error; objective 'loss' needs gradient 'exact'")
        if self.objective not in ("error", "loss"):
            raise BadSetting(f"objective {shortened(self.objective)}: a table knows 'error' and 'loss'")
        if self.trial not in ("drawn", "mean"):
            self.levels[-1].trials.column(self.trial)

    # --- the protocol ------------------------------------------------------------------------------

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start a run: fresh clocks and random streams for these replica numbers."""
        super().begin(seed, replicas, budget)
        self.streams = {name: Stream(seed, name, replicas) for name in ("trial", "slope")}

    def ladder(self) -> tuple[Fidelity, ...]:
        """The measured fidelities, cheapest first."""
        return tuple(level.at for level in self.levels)

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Look up codes [N, D]."""
        level, flat = self._level(at), self.space.flat(codes)
        which = self.trial if trial is None else trial
        accuracy, seeds = level.read(flat, which, lambda: self.streams["trial"].each(replica))
        # codes were checked: "clip" only skips a second check
        return Answers(accuracy, seeds, level.seconds.take(flat, mode="clip"))

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Loss and gradient at mixtures; order 2 equals order 1 because a table has no weights to unroll."""
        if mixture.weights.ndim != 3:
            raise LacksCapability("a table has one cell: it cannot answer a mixture drawn anew in every cell")
        if split != "valid":
            raise LacksCapability(f"a table's slope is of validation accuracy, not of split {split!r}")
        exact = self.gradient == "exact"
        asked = self._exact(mixture) if exact else self._sampled(mixture, replica)
        trial = MEAN if isinstance(self.trial, str) else self.trial
        return Slope(*asked, exact, self.levels[-1].at, trial)

    def _exact(self, mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
        return exact_slope(self.space, self._multilinear, self._loss, mixture)

    def _sampled(self, mixture: Mixture, replica: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The estimate from charged look-ups."""
        replica = self.ledger.rows(replica, len(mixture.weights))
        drawn = draw(mixture, self.space.choices, self.samples, self.streams["slope"].at(replica))
        answers = self.evaluate(drawn.reshape(-1, drawn.shape[-1]), replica=np.repeat(replica, self.samples))
        return estimate(mixture.weights, drawn, 1.0 - answers.accuracy / 100.0, answers.answered)

    def report(self, codes: np.ndarray) -> Report:
        """Mean over trials at the final fidelity, and test accuracy where the table has it."""
        flat = self.space.flat(self.space.check_codes(codes))
        test = None if self.test is None else self.test[flat]
        return Report(self.final.mean_flat[flat], test, self.meaning)

    def describe(self) -> dict[str, Any]:
        """What the run header records."""
        return {
            **super().describe(),
            "final": str(self.final.at),
            "trial": self.trial,
            "gradient": self.gradient if self.gradient == "exact" else f"sampled, {self.samples} a slope",
            "objective": self.objective,
            "steps_per_epoch": self.steps_per_epoch,
            "order_2": "second order equals first order on a table",
            "clock": "simulated seconds" if self.levels[-1].timed else "none: this table has no seconds",
            **self.meaning,
            **self.source,
        }

    def state_dict(self) -> dict[str, Any]:
        """Clocks and stream positions."""
        positions = {name: stream.position.copy() for name, stream in self.streams.items()}
        return {**super().state_dict(), "streams": positions}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from saved clocks and stream positions."""
        super().load_state_dict(state)
        for name, position in state["streams"].items():
            self.streams[name].position[:] = position

    # --- one question at a time --------------------------------------------------------------------

    def __repr__(self) -> str:
        held = f"{np.isfinite(self.final.mean_flat).sum():,} of {self.space.size:,} architectures"
        return f"<table of {self.dataset}: {held} of the {self.space.name} space, {self.final.at}>"

    def query(self, architecture: Named, trial: int | str = "mean") -> Answer:
        """One typed answer, free of charge, of an architecture in any form of `spaces.read`.

        `trial`: "mean" or a seed. Raises BadArchitecture or NotMeasured.
        """
        if type(trial) is not str:
            check_kind("trial", trial, int, str)
        mean, trials, seconds, official = self._items
        flat = self._places.get(architecture) if type(architecture) in (str, int) else None
        if flat is None:
            flat = int(read_many([architecture], space=self.space)[1][0])
        if trial == "mean":
            accuracy = mean(flat)
            if accuracy == accuracy:
                return Answer(accuracy, trials(flat), seconds(flat), official(flat), *self._context)
        told, _ = self.levels[-1].read(np.array([flat]), trial)
        return Answer(float(told[0]), 1, seconds(flat), official(flat), *self._context)

    def accuracies(
        self, architectures: Sequence[Named] | np.ndarray, trial: int | str = "mean"
    ) -> np.ndarray:
        """float64 [N] percent, free of charge: of architectures in any form of `spaces.read`, or of codes [N, D]."""
        check_kind("trial", trial, int, str)
        if isinstance(architectures, np.ndarray) and architectures.ndim == 2:
            flat = self.space.flat(self.space.check_codes(architectures))
        else:
            if isinstance(architectures, str) or not isinstance(architectures, Iterable):
                raise BadArchitecture(
                    f"{shortened(architectures)} is no list: accuracies takes several architectures"
                )
            self.space.refuse_a_row(architectures)
            flat = read_many(list(architectures), space=self.space)[1]
        return self.levels[-1].read(flat, trial)[0]

    @cached_property
    def _places(self) -> dict[Any, int]:
        """Official text or official index → flat index, of a space small enough to keep all."""
        if self.space.size > MEMO_LIMIT:
            return {}
        return self.space.flat_by_text | dict(enumerate(self.space.official_to_flat.tolist()))

    @cached_property
    def _context(self) -> tuple[str, str, Fidelity]:
        return self.dataset, "valid", self.levels[-1].at

    @cached_property
    def _items(self):
        # of memory views: the fastest way to one Python number
        level = self.levels[-1]
        arrays = (level.mean_flat, level.trials.count, level.seconds, self.space.flat_to_official)
        return tuple(np.ascontiguousarray(array).data.__getitem__ for array in arrays)

    def answerable(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray:
        """bool [N]: which of codes [N, D] were measured. Raises NotMeasured for a trial that nothing has."""
        level, which = self._level(at), self.trial if trial is None else trial
        flat = self.space.flat(self.space.check_codes(codes))
        return level.trials.has(flat, which)

    def test_accuracy(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray | None:
        """float64 [N] percent, for the mean over trials at the final fidelity; else None."""
        which = self.trial if trial is None else trial
        if self.test is None or which != "mean" or self._level(at) is not self.final:
            return None
        return self.test[self.space.flat(self.space.check_codes(codes))]

    # --- helpers -----------------------------------------------------------------------------------

    def _level(self, at: Fidelity | None) -> FidelityTable:
        at = self.fidelity(at)
        return next(level for level in self.levels if level.at == at)

    @property
    def missing(self) -> int:
        """Architectures that cannot be asked for in the evaluator's trial, at some level."""
        every = [self.answerable(self.space.all_codes, at=at) for at in self.ladder()]
        return int((~np.all(every, axis=0)).sum())

    @cached_property
    def optimum(self) -> float:
        """The best final validation accuracy of the table, percent."""
        return float(np.nanmax(self.final.mean_flat))

    @cached_property
    def _loss(self) -> np.ndarray:
        """float64 [A]: what gradients descend."""
        level = self.levels[-1]
        values = level.accuracy if self.objective == "error" else level.loss
        if values is None:
            raise NotMeasured(f"{self.dataset} has no stored loss; use objective 'error'")
        mean = level.trials.numbers(values, self.trial)
        if not np.isfinite(mean).all():
            missing = int((~np.isfinite(mean)).sum())
            raise NotMeasured(
                f"an exact slope needs every architecture; {missing} were not measured at {level.at}"
            )
        return 1.0 - mean / 100.0 if self.objective == "error" else mean

    @cached_property
    def _multilinear(self) -> Multilinear:
        return Multilinear(self._loss, self.space.choices)
