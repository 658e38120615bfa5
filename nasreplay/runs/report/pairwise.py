"""Who beats whom: the pairwise tests of a comparison in words."""

from __future__ import annotations

from collections.abc import Sequence

from nasreplay.runs.report.rows import SIGNIFICANT, Row

TEST = f"p < {SIGNIFICANT} (two-sided Mann–Whitney, Holm-corrected over the pairs)"


def in_words(row: Row, ranked: Sequence[Row]) -> str:
    """The beaten searchers or, if shorter, the others, with the largest p; then the lower ranked that are not beaten.

    ranked: the rows of a data set that have a rank, best first; `row` is one of them.
    """
    names = [each.searcher for each in ranked]
    others = [name for name in names if name != row.searcher]
    beaten = [name for name in others if name in row.beats]
    spared = [name for name in others if name not in beaten]
    below = names[names.index(row.searcher) + 1 :]
    unclear = [f"{name} p = {_p(row, name)}" for name in below if name in spared]
    text = ", ".join(beaten) if len(beaten) <= len(spared) else f"all but {', '.join(spared)}"
    if not spared:
        text = "all others"
    text = f"{text} (p ≤ {_p(row, *beaten)})" if beaten else "none"
    return "; ".join([text, *unclear])


def _p(row: Row, *names: str) -> str:
    return f"{max(row.p[name] or 0.0 for name in names):.2g}"
