"""What a table knows about architectures, and the best ones under limits: behind `nasreplay query`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.embedded import SPACE
from nasreplay.data.locate import open_table
from nasreplay.data.measured import PUBLISHED, Limits, Measured, best, held
from nasreplay.data.pack import Pack
from nasreplay.data.query_result import QueryResult, answer, with_test
from nasreplay.data.trials import MEAN
from nasreplay.errors import BadSetting, NotMeasured, shortened
from nasreplay.jobs.architectures import given
from nasreplay.numerals import counted
from nasreplay.settings import setting, with_settings
from nasreplay.spaces import Space, space_named
from nasreplay.spaces.read import Named, read_many


@dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """What to ask of which table."""

    datasets: tuple[str, ...] = setting((), flags=("--dataset",))
    """Only this data set (may be repeated)."""
    recipe: str | None = None
    """Only this training recipe; default: all that the table holds."""
    epochs: int | None = setting(None, metavar="N")
    """Only recipes of this length."""
    trial: int | str = setting(MEAN, metavar="SEED|mean")
    """Which training run."""
    table: str | None = setting(None, metavar="PACK")
    """A name or file; default: the embedded NAS-Bench-201 table."""
    space: str | None = None
    """A space of yours that the table is of, as my.py:SPACE."""
    index: bool = False
    """Every ARCH is an official index."""
    best: str | None = setting(None, metavar="DATASET")
    """Instead of ARCH: the best architectures of a data set."""
    max_params: float | None = setting(None, metavar="M")
    """Largest number of parameters with --best, millions."""
    max_flops: float | None = setting(None, metavar="M")
    """Largest number of multiply-adds with --best, millions."""
    max_latency: float | None = setting(None, metavar="MS")
    """Longest latency with --best, ms a batch."""
    count: int | None = setting(None, flags=("-n",), metavar="N")
    """Number of architectures with --best; default 10."""

    def __post_init__(self) -> None:
        trial = str(self.trial)
        seed = counted(trial)
        if trial != MEAN and seed is None:
            raise BadSetting(f"--trial {shortened(trial)}: must be a seed, such as 777, or mean")
        object.__setattr__(self, "trial", MEAN if seed is None else seed)
        limited = (self.count, self.max_params, self.max_flops, self.max_latency) != (None,) * 4
        if self.best is None and limited:
            raise BadSetting("--max-params, --max-flops, --max-latency and -n need --best DATASET")


@with_settings(QuerySettings)
def query(
    *architectures: Named,
    settings: QuerySettings,
    faults: list[str] | None = None,
    unmeasured: list[str] | None = None,
) -> QueryResult:
    """The numbers of architectures of one space, or with `best` those of the best of a table.

    An architecture is a text in any notation (`nasreplay.spaces.read`), a file, a run folder or a search checkpoint
    (`nasreplay.jobs.architectures`), an official index, or a value of its class.
    faults: is told what names no architecture, which is left out then; unmeasured: likewise what the table does not
    hold, whose numbers are NaN otherwise. Raises BadArchitecture, UnknownName, BadPack, and NotMeasured, which lists
    what was measured.
    """
    if settings.space:
        space_named(settings.space)  # a table is of a space that is known
    if settings.best is None:
        return _named(architectures, settings, faults, unmeasured)
    if architectures or settings.datasets or settings.index:
        raise BadSetting("--best DATASET takes no ARCH, --dataset or --index: leave them out")
    return _best(settings.best, settings)


def _named(
    architectures: Sequence[Named],
    settings: QuerySettings,
    faults: list[str] | None,
    unmeasured: list[str] | None,
) -> QueryResult:
    pack = open_table(settings.table) if settings.table else None
    every, home = given(architectures), pack.space if pack else None
    space, flat = read_many(every, index=settings.index, space=home, faults=faults)
    if pack is None and space is SPACE:
        pack = open_table()
    if pack is None:
        note = _why_no_accuracy(space, settings)
        known = {semantics.dataset_named(name): [] for name in settings.datasets or PUBLISHED}
        return replace(answer(space, flat, None, known), note=note)
    chosen = held(
        pack, settings.datasets, recipe=settings.recipe, epochs=settings.epochs, trial=settings.trial
    )
    if unmeasured is not None:
        flat = _measured(pack, flat, [each for known in chosen.values() for each in known], unmeasured)
    return answer(space, flat, pack, chosen)


def _measured(pack: Pack, flat: np.ndarray, every: Sequence[Measured], told: list[str]) -> np.ndarray:
    """The flat indices of [N] that have a trial of any accuracy; others are told."""
    there = np.any([each.choice.count > 0 for each in every], axis=0)
    told += [
        f"#{official} is not among the {there.sum():,} measured of {pack.space.size:,} architectures of the table"
        for official in pack.column("official_index")[flat[~there[flat]]].tolist()
    ]
    return flat[there[flat]]


def _best(dataset: str, settings: QuerySettings) -> QueryResult:
    pack = open_table(settings.table)
    limits = Limits(settings.max_params, settings.max_flops, settings.max_latency)
    chosen = held(pack, [dataset], recipe=settings.recipe, epochs=settings.epochs, trial=settings.trial)
    ((name, accuracies),) = chosen.items()
    flat, qualify = best(pack, accuracies[0], limits, 10 if settings.count is None else settings.count)
    note = "" if qualify else f"no architecture of {name} has {limits}: raise the limit"
    if not np.isfinite(accuracies[0].value).any():
        note = f"no accuracy of {name} was measured in the table {pack.title!r}"
    found = answer(pack.space, flat, pack, {name: with_test(accuracies)})
    return replace(found, note=note, best_of=qualify, limits=str(limits))


def _why_no_accuracy(space: Space, settings: QuerySettings) -> str:
    why = (
        f"no accuracy: the embedded table holds the {SPACE.name} space only; make a table of the {space.name} space "
        f"from your own CSV file with `nasreplay data import-csv FILE --space {space.name} …`, then add --table PACK"
    )
    if not space.indexed:
        why = f"no accuracy: no table can hold the {space.size:.1e} architectures of the {space.name} space"
    if settings.recipe is not None or settings.epochs is not None or settings.trial != MEAN:
        raise NotMeasured(why)
    return why
