"""What cells take under the softmax of the logits, and at a sample: numbers for the record, by kind of cell.

Names are those of the released SNAS: size, flops, mac. Each is a sum over the edges of a cell, the mean over cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasreplay.search.parts.samplers import Sample
from nasreplay.spaces.costs.expected import CellKind, WholeNetwork
from nasreplay.spaces.genotypes.derivation import softmax

WORDS = ("size", "flops", "mac")
Kinds = Sequence[CellKind | WholeNetwork]


def expected(kinds: Kinds, logits: np.ndarray) -> dict[str, float]:
    """Expected resources of a cell under the softmax of logits [E, O]: normal_size, …"""
    facts: dict[str, float] = {}
    for kind in kinds:
        sums = kind.measure(softmax(logits)[None]).values[0].mean(axis=0).sum(axis=0)
        facts |= _named(kind.name, "{}", sums)
    return facts


def sampled(kinds: Kinds, logits: np.ndarray, sample: Sample) -> dict[str, float]:
    """The released scalars of a step: what is expected, and the first sample's resources in several forms."""
    facts = {f"iter_{name}_baseline": value for name, value in expected(kinds, logits).items()}
    density = sample.density(False).value[:1] if sample.density else None
    for kind in kinds:
        values = kind.measure(sample.mixture.weights[:1]).values[0]
        logs = np.log(np.maximum(values, 1.0))
        means = {"{}_mc": values, "log_{}": logs}
        means["{}-avg"] = values - kind.average
        means["ln_{0}-ln_avg"] = logs - np.log(np.maximum(kind.average, 1.0))
        if density is not None:
            own = density[0, kind.rows][None, :, None]
            means |= {"logP_{}": own * values, "logP_log_{}": own * logs}
        for form, each in means.items():
            facts |= _named(f"iter_{kind.name}", form, each.mean(axis=0).sum(axis=0))
    return facts


def _named(first: str, form: str, values: np.ndarray) -> dict[str, float]:
    return {f"{first}_{form.format(word)}": float(one) for word, one in zip(WORDS, values, strict=True)}
