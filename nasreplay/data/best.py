"""The best architectures of a table under limits on their costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasreplay.data import facts
from nasreplay.data.facts import Measured
from nasreplay.data.pack import Pack
from nasreplay.errors import BadSetting, NotMeasured


class Limits(NamedTuple):
    """The largest cost allowed, inclusive; None = any. Millions of parameters and multiply-adds, ms a batch."""

    params: float | None = None
    flops: float | None = None
    latency: float | None = None

    def __str__(self) -> str:
        named = zip(("parameters", "FLOPs", "latency"), self, ("M", "M", "ms"), strict=True)
        return ", ".join(f"{name} ≤ {limit:g} {unit}" for name, limit, unit in named if limit is not None)


def best(pack: Pack, each: Measured, limits: Limits, count: int) -> tuple[np.ndarray, int]:
    """Flat indices [≤ count], best accuracy first (ties: lower official index), and how many qualify.

    Raises BadSetting for a negative limit or count, NotMeasured for a limit on a latency that is not known.
    """
    if count < 1:
        raise BadSetting(f"-n {count}: must be 1 or more")
    qualify = np.isfinite(each.value)
    parameters, flops = facts.costs(pack.space, np.arange(pack.space.size), each.dataset, pack.custom)
    latency = facts.latency(pack, [each]) * 1e3
    for name, limit, cost in zip(
        Limits._fields, limits, (parameters / 1e6, flops / 1e6, latency), strict=True
    ):
        if limit is None:
            continue
        if not limit >= 0:
            raise BadSetting(f"--max-{name} {limit:g}: must be 0 or more")
        if np.isnan(cost).all():
            what = "latency" if name == "latency" else "parameters and FLOPs (classes and pixels not stated)"
            raise NotMeasured(
                f"the table {pack.title!r} has no {what} on {each.dataset}: leave out --max-{name}"
            )
        qualify = qualify & (cost <= limit)
    order = np.lexsort((pack.column("official_index"), -each.value))
    return order[qualify[order]][:count], int(qualify.sum())
