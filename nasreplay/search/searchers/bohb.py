"""BOHB: Hyperband's brackets with configurations proposed by a pair of kernel density estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.evaluate.protocol import Evaluations, Fidelity
from nasreplay.search.base import Live, register_searcher
from nasreplay.search.parts.kde import KERNELS, Model
from nasreplay.search.searchers.hyperband import Hyperband
from nasreplay.settings import setting
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class BOHB(Hyperband):
    """Hyperband whose new configurations come from a model of the best points seen.

    On a table with one fidelity every configuration is a model proposal at full cost.
    Deviation besides Hyperband's: the budget ends the run (the published script runs all brackets and applies the
    budget when scoring).
    """

    num_samples: int = setting(4, most=10_000)
    """Candidates of a proposal, of which the model takes the best. Default: NATS-Bench's."""
    min_bandwidth: float = 0.3
    """Smallest bandwidth of a kernel. Default: NATS-Bench's."""
    top_fraction: float = 0.15
    """Share of the points that count as good. Default: the paper's."""
    random_fraction: float = 0.0
    """Share of proposals without the model. Default: NATS-Bench's."""
    kernels: str = "released"
    """Kernels: released (hpbandster 0.7.4's: no upper bound of bandwidths, options that occur are counted) or legal
    (kernels stay positive, all options are counted)."""

    name: ClassVar[str] = "bohb"
    source: ClassVar[str] = (
        "Falkner et al., BOHB, ICML 2018, algorithms 1 and 2; settings of NATS-Bench, TPAMI 2021"
    )
    compared: ClassVar[bool] = True
    on_one_rung: ClassVar[str] = "model only"

    def __post_init__(self):
        super().__post_init__()
        positive(self, "num_samples", "min_bandwidth")
        one_of(self, "kernels", KERNELS)
        within(self, 0.0, 1.0, "random_fraction")
        within(self, 0.01, 0.5, "top_fraction")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Begin without points."""
        super().begin(space, ladder, seed, replicas)
        self.model = Model(
            space.choices, self.num_samples, self.min_bandwidth, self.top_fraction, self.kernels
        )
        self.model.begin(self.state, len(replicas), len(self.ladder))

    def propose(self, rows: np.ndarray) -> np.ndarray:
        """int8 [n, D]: by the model once there is one, uniform before."""
        draws = self.draws(rows)
        codes = self.space.sample(draws)
        guided = self.model.propose(self.state, rows, codes, draws)
        chance = draws.uniform(1)[:, 0] >= self.random_fraction
        return np.where(chance[:, None], guided, codes)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Add the points to the model, and go on in the bracket."""
        if len(answers.replica):
            rung = int(self.state.at[answers.replica[0], 1])
            self.model.add(self.state, answers.replica, rung, answers.codes, answers.accuracy)
        super().tell(answers, live)
