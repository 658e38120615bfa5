"""The gap between a live search and the table of the same data set.

Total gap: what the same searcher finds with the table's exact slope (its oracle) minus what the live run found,
both read from the table. Rank error: Kendall's tau between shared-weight accuracies and the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.data.agreement import correlations
from nasreplay.errors import BadSetting, LacksCapability, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.jobs import silent
from nasreplay.jobs.searches.published_searches import PublishedSearch, published_searches
from nasreplay.jobs.searches.table_facts import TableRow, table_facts
from nasreplay.jobs.searches.task import Found, Show
from nasreplay.search import make
from nasreplay.search.base import SEARCHERS, Searcher
from nasreplay.search.driver import run as run_on
from nasreplay.seeds import Stream
from nasreplay.settings import Json, check_kind, setting, with_settings
from nasreplay.spaces import Space

if TYPE_CHECKING:
    from nasreplay.live.evaluator_settings import LiveSettings

EVALUATIONS = 150  # of a sampling searcher on the table, about a published budget
AT_ONCE = 4  # architectures between two reports of progress


@dataclass(frozen=True, kw_only=True)
class GapSettings:
    """The table, the seeds and the sample with which a live run is compared."""

    sample: int = 100
    """Architectures for Kendall's tau."""
    every: bool = setting(False, flags=("--all",))
    """Tau over the whole space."""
    table: str | None = setting(None, metavar="PACK")
    """The table to compare with. Default: the embedded one."""
    seed: int = 0
    """Seed of the sample."""
    data: Path | None = None
    """Folder of the run's images, where they have moved. Default: the one that it has recorded."""

    def __post_init__(self):
        if self.sample < 2:
            raise BadSetting(f"--sample {self.sample}: tau needs at least 2 architectures")


@dataclass(frozen=True)
class TotalGap(Found):
    """What the run found and what its searcher finds on the table."""

    found: str
    """The live answer."""
    live: TableRow
    """Its row of the table."""
    on_table: str
    """The answer on the table."""
    oracle: bool
    """Whether that search followed the exact slope."""
    settings: Mapping[str, Any]
    """Hyper-parameters of the search on the table."""
    own_settings: Mapping[str, Any]
    """Hyper-parameters that were taken from the live run."""
    cut: bool
    """Whether the looks ended it before its epochs."""
    table: TableRow
    """The row of the answer on the table."""
    published: tuple[PublishedSearch, ...] = ()
    """What was published of the searcher on this data set."""

    @property
    def gap(self) -> float:
        """Points of validation accuracy."""
        return self.table.table_valid - self.live.table_valid

    def plain(self) -> Json:
        """The gap as JSON values."""
        published = [row._asdict() for row in self.published]
        return {**super().plain(), "gap": self.gap, "published": published}


@dataclass(frozen=True)
class RankError(Found):
    """How shared-weight accuracies order the architectures, against the table."""

    architectures: int
    """Number of architectures that were compared."""
    kendall_tau: float
    """Tau-b."""
    spearman_rho: float
    """Rho."""
    ties_for_best: int
    """Architectures with the highest shared-weight accuracy."""
    best_by_shared_weights: TableRow
    """Row of the first of these."""


@dataclass(frozen=True)
class Gap:
    """The whole answer about a live run."""

    total: TotalGap
    """The live search beside one on the table."""
    rank_error: RankError
    """The shared weights' error."""
    note: str
    """What is unusual of the run's images; "" for nothing."""

    def plain(self) -> Json:
        """Both gaps as JSON values."""
        return {**self.total.plain(), "rank_error": self.rank_error.plain()}


@with_settings(GapSettings)
def gap(run: Path | str, *, show: Show = silent, settings: GapSettings) -> Gap:
    """Analyze the finished live run in the folder `run`.

    show: gets (architectures done, all). Raises BadOutput for a folder without shared weights, NotMeasured where no
    table knows the data set.
    """
    check_kind("run", run, Path)
    from nasreplay.live.trained import trained
    from nasreplay.runs.record import result_of

    folder = Path(run)
    evaluator, own = trained(folder, settings.data)
    truth = known_truth(own, evaluator.space, settings.table)
    result = result_of(folder)
    total = total_gap(result.settings, result.from_flat(result.found_flat[:1]), truth)
    error = rank_error(evaluator, truth, None if settings.every else settings.sample, settings.seed, show)
    return Gap(total, error, evaluator.source.note)


def known_truth(own: LiveSettings, space: Space, table: str | None) -> TableEvaluator:
    """The table of a run's data set, or the named one; raises NotMeasured where none knows it."""
    truth = own.truth(space, table)
    space.count()  # refuses spaces that no table can hold
    if truth is None:
        raise NotMeasured(
            f"no table of the {space.name} space knows {own.dataset_name}: make one with "
            "`nasreplay tabulate`, then --table PACK"
        )
    return truth


def total_gap(run: Mapping[str, Any], found: np.ndarray, truth: TableEvaluator) -> TotalGap:
    """Table rows of the live answer `found` int8 [1, D] and of the same searcher on the table.

    run: the settings of the live run's result. On the table the searcher has the settings of `on_table`; a gradient
    searcher follows the exact slope for its epochs, a sampling searcher has 150 looks.
    """
    searcher, own = on_table(run["searcher"])
    budget = Budget() if "slope" in searcher.needs else Budget(evaluations=EVALUATIONS)
    result = run_on(searcher, truth, budget, seed=run["seed"])
    looks, best = int(result.evaluations[0]), truth.space.from_flat(result.found_flat)
    return TotalGap(
        found=truth.space.format(found[0].tolist()),
        live=table_facts(truth, found),
        on_table=truth.space.format(best[0].tolist()),
        oracle=result.oracle,
        settings={key: value for key, value in searcher.settings().items() if key not in searcher.live_only},
        own_settings=own,
        cut=budget.evaluations is not None and searcher.epochs is not None and looks >= EVALUATIONS,
        table=table_facts(truth, best),
        published=published_searches(truth.space.name, truth.dataset, searcher.name),
    )


def on_table(recorded: Mapping[str, Any]) -> tuple[Searcher, Mapping[str, Any]]:
    """A live run's searcher for a table, and the settings that it keeps of that run's own.

    Those are what the run changed of the live settings. What a table has other values for, and what is counted in
    epochs of training, stays the table's: a step there is no step of training.
    """
    name = recorded["name"]
    live, table = make(name, preset="live").settings(), make(name).settings()
    stays = (
        {"epochs", "warmup"}
        | SEARCHERS[name].live_only
        | {key for key, value in table.items() if value != live[key]}
    )
    plain = json.loads(json.dumps(live))  # as it was recorded: lists for tuples
    own = {key: recorded[key] for key in live.keys() - stays if recorded.get(key, plain[key]) != plain[key]}
    return make(name, own), dict(sorted(own.items()))


def rank_error(
    evaluator: Evaluator, truth: TableEvaluator, sample: int | None, seed: int, show: Show = silent
) -> RankError:
    """Kendall's tau-b and Spearman's rho between an evaluator's accuracies and the table's.

    sample: how many uniform architectures, None for all; show: gets (architectures done, all). Raises LacksCapability
    where the spaces differ.
    """
    if evaluator.space is not truth.space:
        raise LacksCapability(
            f"a {evaluator.space.name} evaluator and a {truth.space.name} table do not compare"
        )
    space = evaluator.space
    codes = space.all_codes
    if sample is not None:
        order = Stream(seed, "rank error").at().permutation(space.size)[0]
        codes = codes[np.sort(order[:sample])]
    evaluator.begin_step(learns=False)
    told = np.empty(len(codes))
    for first in range(0, len(codes), AT_ONCE):
        some = codes[first : first + AT_ONCE]
        answers = evaluator.evaluate(some, replica=np.zeros(len(some), dtype=np.int64))
        told[first : first + len(some)] = answers.accuracy
        show(first + len(some), len(codes))
    known = truth.report(codes).valid
    tau, rho, _ = correlations(told, known)
    best = table_facts(truth, codes[told.argmax()][None])
    return RankError(len(codes), tau, rho, int((told == told.max()).sum()), best)
