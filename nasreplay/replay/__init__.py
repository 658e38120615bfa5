"""Replay: comparisons of searchers on tables with the simulated clock.

`nasreplay.replay("rea", "random", replicas=50)` calls `nasreplay.jobs.comparison.replay`.
"""

from __future__ import annotations

from nasreplay._callable import callable_package

__all__: list[str] = []  # it is called

callable_package(__name__, "nasreplay.jobs.comparison:replay")
