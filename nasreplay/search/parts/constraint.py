"""What costs do to a search by gradients: a penalty on resources, a bound on a named cost, and their record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from nasreplay.config import one_of
from nasreplay.errors import BadSetting, LacksCapability, shortened
from nasreplay.evaluate.protocol import MEAN, Fidelity, Slope
from nasreplay.numerals import real
from nasreplay.search.parts import resource_facts, samplers
from nasreplay.search.parts.bound import Bound
from nasreplay.search.parts.penalty import FORMS, METHODS, NORMS, TERMS, WEIGHTS, Penalty
from nasreplay.search.parts.samplers import Sample
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs.expected import Costs
from nasreplay.spaces.genotypes.derivation import softmax

NOWHERE = Fidelity("", 0)
TOLD = ("params", "flops", "size", "multiply-adds")
"""Costs of the answer that are told where costs are weighed: the first two that are known."""


class Pull(NamedTuple):
    """What costs add to a step."""

    value: np.ndarray
    """float64 [n]: to the loss."""
    gradient: np.ndarray
    """float64 [n, E, O]: to the gradient of the logits."""


@dataclass(kw_only=True)
class Constrained:
    """The settings of a search by gradients that weighs or bounds costs."""

    resource_weight: float | None = field(default=None, repr=False)
    """Weight of the resource penalty; 0: it is only recorded. Default: 0, or where a method is named the published
    one."""
    resource_method: str = field(default="", repr=False)
    """How the penalty reaches the logits: reparametrization (through the sample, if it has a derivative), discrete
    (through the softmax), policy-gradient (score function), policy-gradient-released (its published, biased form),
    none. Default: reparametrization, as in the published commands."""
    resource_form: str = field(default="log", repr=False)
    """Form of the penalty: log, as in the published commands, or linear."""
    resource_terms: str = field(default="all", repr=False)
    """What the penalty counts: all, size, multiply-adds or traffic."""
    resource_norm: str = field(default="original", repr=False)
    """What sums over cells are divided by: original (6 normal, 2 reduction cells) or cells (their number)."""
    resource_ratio: float = field(default=1.0, repr=False)
    """Weight of the reduction cells in the penalty."""
    resource_baseline: bool = field(default=False, repr=False)
    """Whether the penalty of a policy gradient is counted from a cell's average."""
    cost: str = field(default="", repr=False)
    """Name of a cost to be bounded: params, flops, latency, size, … Default: none."""
    bound: float = field(default=0.0, repr=False)
    """The largest cost that the answer may have, in the unit of the cost."""
    bound_weight: float = field(default=1.0, repr=False)
    """Loss for an expected cost of twice the bound. Default: ours."""

    name: ClassVar[str] = ""
    constraint: ClassVar[Constraint | None] = None
    """What the settings mean for the costs of the evaluator, once there is one."""

    def check_constraint(self) -> None:
        """Raise BadSetting for what cannot be; the weight of a named method becomes the published one."""
        for one, known in (
            ("resource_method", METHODS),
            ("resource_form", FORMS),
            ("resource_terms", TERMS),
            ("resource_norm", NORMS),
        ):
            if getattr(self, one) or one != "resource_method":  # which may be left open
                one_of(self, one, known)
        weight = self.resource_weight
        if weight is None:
            weight = WEIGHTS.get((self.resource_method, self.resource_form)) if self.resource_method else None
        elif not isinstance(weight, bool):
            try:
                weight = real(weight)
            except ValueError as problem:
                raise BadSetting(
                    f"{self.name}.resource_weight is {shortened(weight)}: it {problem}"
                ) from None
        self.resource_weight = weight
        for one in ("resource_weight", "resource_ratio", "bound", "bound_weight"):
            if (value := getattr(self, one)) is not None and not 0 <= value <= 1e12:
                raise BadSetting(f"{self.name}.{one} is {value}: it must be 0 or more")
        if self.resource_baseline and not self.resource_method.startswith("policy"):
            raise BadSetting(f"{self.name}.resource_baseline is for resource_method policy-gradient")
        if bool(self.cost) != bool(self.bound):
            raise BadSetting("a cost has a bound: --cost NAME --bound NUMBER")

    @property
    def penalized(self) -> bool:
        """Whether the penalty moves the logits."""
        return bool(self.resource_weight) and self.resource_method != "none"

    @property
    def constrained(self) -> bool:
        """Whether costs move the logits at all."""
        return self.penalized or bool(self.cost)

    @property
    def records_costs(self) -> bool:
        """Whether every epoch of a search on a table is recorded, for what it tells of costs."""
        return bool(self.cost) or self.resource_weight is not None

    def note_of(self, codes: np.ndarray) -> str:
        """What the answer, codes [1, D], costs, where costs are bounded or weighed."""
        if self.constraint is None or not (self.cost or self.resource_weight):
            return ""
        names = (
            [self.cost] if self.cost else [name for name in TOLD if name in self.constraint.costs.named][:2]
        )
        costs = [(name, self.constraint.costs.cost(name)) for name in names]
        told = [
            f"{name} {cost.of(codes)[0]:.6g} {cost.unit.removeprefix(name)}".rstrip() for name, cost in costs
        ]
        return ", ".join([*told, f"bound {self.bound:g}"] if self.cost else told)

    def constrain(self, costs: Costs, space: Space) -> None:
        """Make `constraint`, once, of an evaluator's costs. Raises LacksCapability, UnknownName or BadSetting."""
        if self.constraint is None or self.constraint.costs is not costs:
            vars(self)["constraint"] = Constraint(self, costs, space)


class Constraint:
    """The settings on the costs of an evaluator."""

    def __init__(self, settings: Constrained, costs: Costs, space: Space):
        self.settings, self.costs = settings, costs
        if settings.penalized and not costs.kinds:
            raise LacksCapability(
                f"{settings.name}.resource_weight: no resources are known of operations in the {space.name} space"
            )
        self.penalty = Penalty(
            settings.resource_form,
            settings.resource_terms,
            settings.resource_norm,
            settings.resource_ratio,
            settings.resource_baseline,
        )
        self.bound = None
        if settings.cost:
            cost = costs.cost(settings.cost)
            self.bound = Bound(space, cost, settings.cost, settings.bound, settings.bound_weight)

    def pull(self, logits: np.ndarray, sample: Sample, draws: Callable[[], Draws]) -> Pull:
        """What it adds at logits [n, E, O] and a sample of them. draws: random numbers of the replicas."""
        value, gradient = np.zeros(len(logits)), np.zeros(logits.shape)
        if self.settings.penalized:
            found = self._penalty(logits, sample, draws)
            weight = self.settings.resource_weight or 0.0
            value, gradient = value + weight * found.value, gradient + weight * found.gradient
        if self.bound:
            hinge, slope = self.bound.hinge(logits)
            value, gradient = value + hinge, gradient + slope
        return Pull(value, gradient)

    def _penalty(self, logits: np.ndarray, sample: Sample, draws: Callable[[], Draws]) -> Pull:
        method, kinds = self.settings.resource_method or METHODS[0], self.costs.kinds
        if method == "discrete":
            p = softmax(logits)
            found = self.penalty(kinds, p)
            return Pull(found.total, samplers.softmax_vjp(p, 1.0, found.gradient))
        if method == "reparametrization" and sample.pathwise:
            found = self.penalty(kinds, sample.mixture.weights)
            slope = Slope(found.total, found.gradient, True, NOWHERE, MEAN)
            return Pull(_mean(found.total, len(logits)), sample.vjp(slope))
        if sample.density is None:  # a mixture that is not random: an architecture is drawn
            sample = samplers.hard(logits, draws(), 1.0)
            assert sample.density
        each = self.penalty(kinds, sample.mixture.weights).each
        density = sample.density(method == "policy-gradient-released")
        value = (density.value * each).sum(axis=-1)
        return Pull(_mean(value, len(logits)), _mean(density.gradient * each[..., None], len(logits)))

    def facts(self, logits: np.ndarray) -> dict[str, float]:
        """Numbers of an epoch at logits [E, O], by name."""
        facts = resource_facts.expected(self.costs.kinds, logits)
        p, weight = softmax(logits)[None], self.settings.resource_weight
        if self.costs.kinds and weight is not None:
            facts["penalty"] = weight * float(self.penalty(self.costs.kinds, p).total[0])
        if self.bound:
            facts["expected_cost"] = float(self.bound.cost.expected(p)[0][0])
        return facts


def _mean(values: np.ndarray, replicas: int) -> np.ndarray:
    """Means over the samples of each replica, of values [S · n, …]."""
    return values.reshape(-1, replicas, *values.shape[1:]).mean(axis=0)
