"""Checking a pack against the official package `nats_bench`: `nasreplay data verify PACK --official ARCHIVE`.

Both are asked the same official calls. The official package unpickles whatever a file holds: only for archives that
one trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench import create
from nasreplay.compat.nats_bench.api_utils import NASBenchMetaAPI
from nasreplay.compat.nats_bench.arguments import NoSuchKey
from nasreplay.data.importers.nats.archive import Archive
from nasreplay.data.importers.nats.verify_archive import sample
from nasreplay.data.pack import Pack

TOLERANCE = 1e-9  # relative: times are sums over epochs there, and products here


def compare(
    pack: Pack, archive: Archive, *, full: bool = False, progress: Callable[[int, int], None] | None = None
) -> tuple[int, list[str]]:
    """How many architectures were compared, and a line for each of which the official package answers otherwise.

    Asked are `get_more_info` of every trial and of their mean, and `get_cost_info`, of every data set and recipe that
    the pack has. Without `full` a sample of the architectures. Raises BadInput for an archive of another space, and
    ModuleNotFoundError without `nats_bench`.
    """
    flats = sample(pack, archive, full)
    ours, official = create(pack, pack.space.name, verbose=False), _official(archive)
    recipes = dict.fromkeys(recipe for stored in pack.datasets for recipe in pack.recipes(stored))
    found = []
    for done, index in enumerate(pack.space.flat_to_official[flats].tolist(), start=1):
        if different := next(_differences(ours, official, index, recipes), None):
            found.append(f"architecture {index}: {different}")
        if progress:
            progress(done, len(flats))
    return len(flats), found


def _official(archive: Archive) -> Any:
    import nats_bench  # of the extra [official]

    return nats_bench.create(str(archive.path), archive.space.name, fast_mode=True, verbose=False)


def _differences(ours: NASBenchMetaAPI, official: Any, index: int, recipes: Iterable[str]) -> Iterator[str]:
    """What differs, in words."""
    for hp in recipes:
        try:
            results = ours.query_meta_info_by_index(index, hp)
        except NoSuchKey:
            continue
        for dataset in results.get_dataset_names():
            costs = [each.get_cost_info(index, dataset, hp) for each in (ours, official)]
            yield from (f"{key} of {dataset} at recipe {hp}" for key in _different(*costs))
            for trial in (False, *results.get_dataset_seeds(dataset)):
                said = f"{'the mean' if trial is False else f'trial {trial}'} of {dataset} at recipe {hp}"
                answers = [
                    each.get_more_info(index, dataset, hp=hp, is_random=trial) for each in (ours, official)
                ]
                yield from (f"{key} of {said}" for key in _different(*answers))


def _different(ours: Mapping[str, Any], official: Mapping[str, Any]) -> list[str]:
    """The keys whose numbers differ; what is None, NaN or absent is missing on either side."""
    keys = [key for key in {**ours, **official} if key != "comment"]
    one, other = (np.array([side.get(key) for key in keys], np.float64) for side in (ours, official))
    same = np.isclose(one, other, rtol=TOLERANCE, atol=0, equal_nan=True)
    return [key for key, equal in zip(keys, same, strict=True) if not equal]
