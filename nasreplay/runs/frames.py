"""Results as long pandas tables, for whoever wants to ask their own questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

try:
    import pandas as pd
except ModuleNotFoundError:
    raise ModuleNotFoundError("frames need pandas: pip install 'nasreplay[frames]'", name="pandas") from None

from nasreplay.runs.result import Result, TableFacts


def to_frame(results: Iterable[Result], tables: Mapping[str, TableFacts]) -> pd.DataFrame:
    """One row per replica: what it found, how good that is, and what it spent.

    `architecture` is what it found, `official_index` its index; accuracies and regret are percent (final fidelity,
    mean over trials); `simulated_s` is seconds. A replica that found nothing has the index −1 and NaN.
    """
    frames = [_replicas(result, tables.get(result.dataset)) for result in results]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def trajectory_frame(result: Result, truth: TableFacts) -> pd.DataFrame:
    """One row per replica and recorded point, in the units of `Result`; architectures are official indices.

    `incumbent_accuracy` and `regret` are of the incumbent (percent, final fidelity, mean over trials);
    `observed` is what the searcher was told. Results whose points are steps lack `evaluated`, `observed`, `trial`.
    """
    replica, point = np.nonzero(result.incumbent_flat >= 0)
    columns = {"dataset": result.dataset, "searcher": result.searcher, "replica": replica, "point": point}
    for name in ("clock", "queries", "incumbent", "evaluated", "observed", "trial"):
        array = getattr(result, name)
        if array.shape == result.incumbent_flat.shape:  # points that are questions
            columns[name] = array[replica, point]
    accuracy = truth.final_mean[result.incumbent_flat[replica, point]]
    return pd.DataFrame({**columns, "incumbent_accuracy": accuracy, "regret": truth.optimum - accuracy})


def _replicas(result: Result, truth: TableFacts | None) -> pd.DataFrame:
    found, some = result.found_flat, result.found_flat >= 0
    columns = {
        "dataset": result.dataset,
        "searcher": result.searcher,
        "oracle": result.oracle,
        "replica": np.arange(len(found)),
        "architecture": [None if one is None else one.text for one in result.found],
        "evaluations": result.evaluations,
        "simulated_s": result.final_clock,
    }
    if result.space.indexed:
        columns["official_index"] = np.where(some, result.space.flat_to_official[found], -1)
    if truth is not None:
        columns["validation_accuracy"] = np.where(some, truth.final_mean[found], np.nan)
        columns["regret"] = truth.optimum - columns["validation_accuracy"]
        if truth.test is not None:
            columns["test_accuracy"] = np.where(some, truth.test[found], np.nan)
    return pd.DataFrame(columns)
