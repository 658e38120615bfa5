"""Who beats whom: the pairwise tests of a comparison as values of its rows, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nasreplay.runs.report.statistics import Pair

SIGNIFICANT = 0.05
TEST = f"p < {SIGNIFICANT} (two-sided Mann–Whitney, Holm-corrected over the pairs)"


def beaten_by(name: str, pairs: Sequence[Pair]) -> str:
    """The searchers that are clearly worse, with spaces between."""
    clear = [pair for pair in pairs if pair.corrected < SIGNIFICANT]
    beaten = [pair.second for pair in clear if pair.first == name and pair.better > 0.5]
    beaten += [pair.first for pair in clear if pair.second == name and pair.better < 0.5]
    return " ".join(beaten)


def p_values(name: str, pairs: Sequence[Pair], every: Iterable[str]) -> dict[str, float | None]:
    """`p_NAME` against each of the searchers `every`, Holm-corrected; None where there was no test."""
    tested = {
        pair.second if pair.first == name else pair.first: pair.corrected
        for pair in pairs
        if name in (pair.first, pair.second)
    }
    return {f"p_{other}": tested.get(other) for other in every}


def in_words(row: Mapping[str, Any], ranked: Sequence[Mapping[str, Any]]) -> str:
    """The beaten searchers or, if shorter, the others, with the largest p; then the lower ranked that are not beaten.

    ranked: the rows of a data set that have a rank, best first; `row` is one of them.
    """
    names = [each["searcher"] for each in ranked]
    others = [name for name in names if name != row["searcher"]]
    beaten = [name for name in others if name in row["beats"].split()]
    spared = [name for name in others if name not in beaten]
    below = names[names.index(row["searcher"]) + 1 :]
    unclear = [f"{name} p = {_p(row, name)}" for name in below if name in spared]
    text = ", ".join(beaten) if len(beaten) <= len(spared) else f"all but {', '.join(spared)}"
    if not spared:
        text = "all others"
    text = f"{text} (p ≤ {_p(row, *beaten)})" if beaten else "none"
    return "; ".join([text, *unclear])


def _p(row: Mapping[str, Any], *names: str) -> str:
    return f"{max(row[f'p_{name}'] for name in names):.2g}"
