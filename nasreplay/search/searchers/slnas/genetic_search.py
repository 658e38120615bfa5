"""The genetic algorithm of SLNAS, in place of its controller: half of the parents are new, masks are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import Live, Question, on_batch, register_searcher
from nasreplay.search.searchers.slnas.shared_epochs import LIVE_ONLY, SOURCE, SharedEpochs
from nasreplay.seeds import Draws
from nasreplay.settings import setting
from nasreplay.spaces.base import Space

TWICE = 10
"""Generations of which the first mutates twice."""


@register_searcher
@dataclass
class SLNASGenetic(SharedEpochs):
    """A population of architectures; fitness is the accuracy in percent, and parents are drawn by its square.

    Half of the parents are drawn from the population, with replacement, the others are new and uniform. A child takes
    each position from its parent with probability cross_rate, else from the individual in its row of the shuffled old
    population; then positions mutate to uniform options, in generations 0, 10, … twice. As released one mask over the
    positions of a cell is shared by all individuals and cells (masks "individual": each has its own).
    On a table a step is a generation, and the answer is the best seen. On shared weights `generations` of them stand
    before the first step of every epoch, each individual on a batch of its own; the weights learn on uniform
    architectures, the first one that which takes most memory, where the space names one; random members of the
    population are validated. Ours: without any fitness parents are uniform, and what the release stores and never
    uses is tried in the end: the answer is the best of the last generations' `elite` on the reward images.
    """

    population: int = setting(200, most=10_000)
    """Individuals of a generation."""
    cross_rate: float = 0.7
    """Probability of a position to come from the parent."""
    mutation_rate: float = 0.001
    """Probability of a position to mutate."""
    masks: str = "shared"
    """Which positions are crossed and mutate: shared, the same of all individuals, as released; or individual."""
    elite: int = 5
    """Individuals that are kept of a generation."""
    epochs: int = 150  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of a search on shared weights."""
    generations: int = 10
    """Generations at the start of each epoch."""
    valid_samples: int = 20
    """Members of the population validated at the end of an epoch; the best is the epoch's answer."""
    final_samples: int = 100
    """Individuals tried after the last epoch: the elite of the last generations."""
    final_images: int = 2000
    """Most images that these are tried on; 0: all that judge."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "SLNAS-SEARCH"
    listed: ClassVar[int] = 11
    live_only: ClassVar[frozenset[str]] = LIVE_ONLY | {"generations"}
    name: ClassVar[str] = "slnas-ga"
    source: ClassVar[str] = f"{SOURCE} (genetic search)"

    def __post_init__(self):
        positive(self, "population", "elite", "epochs", "generations", "valid_samples", "final_samples")
        within(self, 0.0, 1.0, "cross_rate", "mutation_rate")
        within(self, 0.0, 1e9, "final_images")
        within(self, 1, self.population, "elite")
        one_of(self, "masks", ("shared", "individual"))

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A uniform population."""
        super().begin(space, ladder, seed, replicas)
        state, count = self.state, len(replicas)
        cells = 1 + max((place.cell for place in space.places), default=0)
        self._positions = space.decisions // cells if space.decisions % cells == 0 else space.decisions
        state.codes = self._uniform(self.stream.at(), self.population)
        state.generation = np.zeros(count, dtype=np.int64)
        state.bred = np.zeros(count, dtype=np.int64)  # epochs whose generations are over
        kept = -(-self.final_samples // self.elite)
        state.kept = np.zeros((count, kept, self.elite, space.decisions), dtype=np.int8)
        state.fittest = state.codes[:, 0].copy()
        state.fitness = np.full((count, 3), -np.inf)  # of the fittest; best and mean of the last generation
        self.start_epochs(count)

    def _uniform(self, draws: Draws, count: int) -> np.ndarray:
        return np.stack([self.space.sample(draws) for _ in range(count)], axis=1)

    def ask(self, live: Live) -> Question:
        """The whole population."""
        codes = self.state.codes[live.rows].reshape(-1, self.space.decisions)
        return Question(codes, np.repeat(live.rows, self.population), on_batch(self.ladder))

    def tell(self, answers: Evaluations, live: Live) -> None:
        """The next generation of those replicas whose whole population was answered."""
        whole = np.bincount(answers.replica, minlength=len(self.state.codes)) == self.population
        mine = whole[answers.replica]
        shape = (-1, self.population)
        codes = answers.codes[mine].reshape(*shape, self.space.decisions)
        self.breed(np.flatnonzero(whole), codes, answers.accuracy[mine].reshape(shape))

    def breed(self, rows: np.ndarray, codes: np.ndarray, fitness: np.ndarray) -> None:
        """Replace the populations [n, P, D] of these rows, of fitness [n, P] in percent."""
        if not len(rows):
            return
        state, draws, each = self.state, self.draws(rows), np.arange(len(rows))[:, None]
        self._keep(rows, codes, fitness)
        square = np.where((fitness > 0).any(axis=1, keepdims=True), fitness**2, 1.0)
        bounds = np.cumsum(square, axis=1)
        mark = draws.uniform(self.population // 2)[:, :, None] * bounds[:, None, -1:]
        chosen = (mark >= bounds[:, None, :-1]).sum(axis=2)
        new = self._uniform(draws, self.population - chosen.shape[1])
        parents = np.concatenate([codes[each, chosen], new], axis=1)
        old = codes[each, draws.permutation(self.population)]
        children = np.where(self._mask(draws, self.cross_rate), parents, old)
        twice = state.generation[rows[0]] % TWICE == 0  # all that run are in the same generation
        for _ in range(1 + twice):
            mutating = self._mask(draws, self.mutation_rate)
            children = np.where(mutating, self._uniform(draws, self.population), children)
        state.codes[rows] = children
        state.generation[rows] += 1

    def _mask(self, draws: Draws, rate: float) -> np.ndarray:
        """bool [n, P or 1, D]: positions, each with this probability."""
        if self.masks == "individual":
            shape = (len(draws), self.population, self.space.decisions)
            return (draws.uniform(shape[1] * shape[2]) < rate).reshape(shape)
        shared = draws.uniform(self._positions) < rate
        return np.tile(shared, self.space.decisions // self._positions)[:, None]

    def _keep(self, rows: np.ndarray, codes: np.ndarray, fitness: np.ndarray) -> None:
        """Keep the elite of a generation, and the fittest of all."""
        state, each = self.state, np.arange(len(rows))[:, None]
        best = np.argsort(-fitness, axis=1, kind="stable")[:, : self.elite]
        state.kept[rows, state.generation[rows] % state.kept.shape[1]] = codes[each, best]
        top = fitness.max(axis=1)
        fitter = top > state.fitness[rows, 0]
        state.fittest[rows[fitter]] = codes[fitter, best[fitter, 0]]
        state.fitness[rows] = np.stack(
            [np.maximum(top, state.fitness[rows, 0]), top, fitness.mean(axis=1)], axis=1
        )

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One weight step on a uniform architecture, an epoch's first after its generations; or one generation."""
        self.sampled = []
        if "weights" not in evaluator.abilities:
            return super().step(evaluator, live)
        rows, state = live.rows, self.state
        if (state.bred[rows] <= live.epoch).all():
            for _ in range(self.generations):
                self._generation(evaluator, rows)
            state.bred[rows] = live.epoch + 1
        evaluator.begin_step()
        self.train(evaluator, rows, self.space.sample(self.draws(rows)))
        return None

    def _generation(self, evaluator: Evaluator, rows: np.ndarray) -> None:
        """One generation on shared weights, each individual on a batch of its own."""
        codes, at = self.state.codes[rows], on_batch(self.ladder)
        fitness = np.empty(codes.shape[:2])
        for place in range(self.population):
            evaluator.begin_step(learns=False)
            answers = evaluator.evaluate(codes[:, place], at=at, replica=rows)
            if not answers.answered.all():  # the budget is over
                return
            fitness[:, place] = answers.accuracy
        self.breed(rows, codes, fitness)

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Validate members of the population, and choose after the last epoch, where there are weights."""
        if "weights" not in evaluator.abilities:
            return
        state, rows = self.state, live.rows
        members = self.draws(rows).integers(self.population, self.valid_samples)
        if last := live.epoch + 1 == live.epochs:
            evaluator.begin_choice(self.final_images)
        self.validate(evaluator, rows, state.codes[rows[:, None], members])
        bred = int(state.generation[rows].min(initial=state.kept.shape[1]))
        if last and bred:
            kept = state.kept[rows, :bred].reshape(len(rows), -1, self.space.decisions)
            self.choose(evaluator, rows, kept[:, : self.final_samples])

    def epoch_facts(self, epoch: int, epochs: int) -> dict[str, float]:
        """Best and mean fitness of the last generation, and mean accuracy of the validated members, percent."""
        return self.known(best_fitness=self.state.fitness[:, 1], mean_fitness=self.state.fitness[:, 2])

    def other_answers(self) -> dict[str, np.ndarray]:
        """The individual of highest fitness, which was measured on one batch."""
        return {"fittest": self.state.fittest[0]}
