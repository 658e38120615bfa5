"""The gap between a live search and the table of the same data set.

Total gap: what the same searcher finds with the table's exact slope (its oracle) minus what the live run found,
both read from the table. Rank error: Kendall's tau between shared-weight accuracies and the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nasreplay.data.agreement import correlations
from nasreplay.errors import LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.jobs.health import table_facts
from nasreplay.search import make
from nasreplay.search.base import Searcher
from nasreplay.search.driver import run as run_on
from nasreplay.seeds import Stream

EVALUATIONS = 150  # of a sampling searcher on the table, about a published budget


def total_gap(run: Mapping[str, Any], found: np.ndarray, truth: TableEvaluator) -> dict[str, Any]:
    """Table rows of the live answer `found` [1, D] and of the same searcher on the table, and their difference.

    run: the settings of the live run's result. On the table the searcher has the settings of `on_table`; a gradient
    searcher follows the exact slope for its epochs, a sampling searcher has 150 looks.
    """
    searcher, own = on_table(run["searcher"])
    budget = Budget() if "slope" in searcher.needs else Budget(evaluations=EVALUATIONS)
    result = run_on(searcher, truth, budget, seed=run["seed"])
    looks, best = int(result.evaluations[0]), truth.space.codes(result.found)
    live, oracle = table_facts(truth, found), table_facts(truth, best)
    return {
        "found": truth.space.format(found[0].tolist()),
        "live": live,
        "on_table": truth.space.format(best[0].tolist()),
        "oracle": result.oracle,
        "settings": searcher.settings(),
        "own_settings": own,
        "cut": budget.evaluations is not None and searcher.epochs is not None and looks >= EVALUATIONS,
        "table": oracle,
        "gap": oracle["table_valid"] - live["table_valid"],
    }


def on_table(recorded: Mapping[str, Any]) -> tuple[Searcher, dict[str, Any]]:
    """A live run's searcher for a table, and the settings that it keeps of that run's own.

    Those are what the run changed of the live settings. What a table has other values for, and what is counted in
    epochs of training, stays the table's: a step there is no step of training.
    """
    name = recorded["name"]
    live, table = make(name, preset="live").settings(), make(name).settings()
    stays = {"epochs", "warmup"} | {key for key, value in table.items() if value != live[key]}
    plain = json.loads(json.dumps(live))  # as it was recorded: lists for tuples
    own = {key: recorded[key] for key in live.keys() - stays if recorded.get(key, plain[key]) != plain[key]}
    return make(name, own), dict(sorted(own.items()))


def rank_error(evaluator: Evaluator, truth: TableEvaluator, sample: int | None, seed: int) -> dict[str, Any]:
    """Kendall's tau-b and Spearman's rho between an evaluator's accuracies and the table's.

    sample: how many uniform architectures, None for all. Raises LacksCapability where the spaces differ.
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
    told = evaluator.evaluate(codes, replica=np.zeros(len(codes), dtype=np.int64)).accuracy
    known = truth.report(codes).valid
    tau, rho, _ = correlations(told, known)
    return {
        "architectures": len(codes),
        "kendall_tau": tau,
        "spearman_rho": rho,
        "ties_for_best": int((told == told.max()).sum()),
        "best_by_shared_weights": table_facts(truth, codes[told.argmax()][None]),
    }
