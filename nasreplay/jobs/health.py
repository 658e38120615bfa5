"""How a live search is doing: what it would answer now, what a table says of it, and whether it collapses."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.search.base import Searcher
from nasreplay.search.parts.samplers import softmax

COLLAPSE = 0.5  # share of skip connections from which on a cell counts as collapsed
WARNING = (
    "collapsing to skip connections, as is known of differentiable search "
    "(Dong & Yang, NAS-Bench-201, ICLR 2020, section 5; Zela et al., Understanding and Robustifying DARTS, ICLR 2020)"
)


def epoch_facts(searcher: Searcher, evaluator: Evaluator, truth: TableEvaluator | None) -> dict[str, Any]:
    """What is recorded of an epoch: JSON values; accuracies in percent, entropy in nats.

    truth: a table of the same data set, or None.
    """
    codes = searcher.incumbent()[:1]
    facts: dict[str, Any] = {"found": evaluator.space.format(codes[0].tolist())}
    facts |= evaluator.epoch_metrics()
    names = evaluator.space.operations_of(codes[0].tolist())
    if names:
        facts["skip_share"] = names.count("skip_connect") / len(names)
    logits = getattr(searcher.state, "logits", None)
    if logits is not None and logits.shape[1:] == evaluator.space.mask.shape:
        facts["entropy"] = edge_entropy(logits[0]).tolist()
    return facts | (table_facts(truth, codes) if truth else {})


def table_facts(truth: TableEvaluator, codes: np.ndarray) -> dict[str, Any]:
    """The table's row of codes [1, D]: accuracies in percent, rank (1 = best), regret in points."""
    report = truth.report(codes)
    valid = float(report.valid[0])
    facts = {
        "table_valid": valid,
        "table_rank": int((truth.final.mean > valid).sum()) + 1,
        "table_regret": truth.optimum - valid,
    }
    return facts if report.test is None else {**facts, "table_test": float(report.test[0])}


def edge_entropy(logits: np.ndarray) -> np.ndarray:
    """float64 [E] nats: entropy of the softmax of logits [E, O]."""
    p = softmax(logits)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)


def warning(facts: dict[str, Any]) -> str:
    """A sentence when the epoch's cell has collapsed, else empty."""
    share = facts.get("skip_share", 0.0)
    return f"{share:.0%} skip connections: {WARNING}" if share >= COLLAPSE else ""


def line(epoch: int, epochs: int, facts: dict[str, Any]) -> str:
    """One line of progress."""
    parts = [f"epoch {epoch + 1}/{epochs}"]
    for key, name, unit in (
        ("train_loss", "loss", ""),
        ("train_accuracy", "train", " %"),
        ("arch_loss", "arch loss", ""),
        ("arch_accuracy", "arch", " %"),
        ("table_valid", "table", " %"),
        ("table_rank", "rank", ""),
        ("table_regret", "regret", ""),
    ):
        if key in facts:
            value = facts[key]
            parts.append(f"{name} {value:,}{unit}" if isinstance(value, int) else f"{name} {value:.2f}{unit}")
    if "entropy" in facts:
        parts.append(f"entropy {np.mean(facts['entropy']):.2f}")
    return ", ".join([*parts, facts["found"]])
