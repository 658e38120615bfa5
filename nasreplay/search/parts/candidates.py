"""How a search on shared weights answers: at the end of an epoch it tries some architectures and takes the best."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nasreplay.evaluate.protocol import Evaluator


def answer_first(state: SimpleNamespace, codes: np.ndarray) -> None:
    """Answer codes [R, D] until candidates have been tried."""
    state.best_codes = codes.astype(np.int8)
    state.best_accuracy = np.full(len(codes), np.nan)


def answer_best(
    state: SimpleNamespace, evaluator: Evaluator, rows: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """Evaluate candidates [n, K, D] at the last fidelity; each row's best becomes its answer, whatever it was before.

    First one on ties. Rows whose budget was over keep the answer they had. Returns the accuracies float64 [n, K],
    percent; −inf where a budget was over.
    """
    count, candidates, decisions = codes.shape
    if not count:
        return np.zeros((0, candidates))
    answers = evaluator.evaluate(codes.reshape(-1, decisions), replica=np.repeat(rows, candidates))
    accuracy = np.where(answers.answered, answers.accuracy, -np.inf).reshape(count, candidates)
    best = accuracy.argmax(axis=1)
    told = np.isfinite(accuracy[np.arange(count), best])
    state.best_codes[rows[told]] = codes[told, best[told]]
    state.best_accuracy[rows[told]] = accuracy[told, best[told]]
    return accuracy
