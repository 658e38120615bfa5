"""Tables out of evaluators: what is asked, in which part, and the parts joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.errors import BadSetting, shortened
from nasreplay.evaluate.kinds import EvaluatorSettings
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.jobs import silent
from nasreplay.jobs.evaluator_kinds import BUILT_IN, SupernetSettings, kind_of
from nasreplay.numerals import LARGEST, counted
from nasreplay.runs.folder import continues
from nasreplay.settings import Json, by_field, check_kind, chosen, list_settings, setting
from nasreplay.train.images.recorded_images import RecordedImages

if TYPE_CHECKING:
    from nasreplay.data.pack import Pack
    from nasreplay.spaces import Space
    from nasreplay.spaces.read import Named


@dataclass(frozen=True, kw_only=True)
class TabulationSettings:
    """Which architectures are asked for, and in which trials."""

    trial: int | str | None = setting(None, metavar="mean|SEED[,SEED…]")
    """What to ask for. Default: the mean of a table."""
    sample: int | None = setting(None, metavar="N")
    """Only N architectures, drawn uniformly with --seed."""
    seed: int = setting(0, least=0, most=LARGEST)
    """Seed of --sample."""
    shard: str = setting("1/1", metavar="i/n")
    """Only the i-th of n parts, counted from 1."""
    at: str | None = setting(None, metavar="EPOCH[,EPOCH…]")
    """Kept epochs of the run --run, which become the epochs of one table. Default: its last weights."""
    all_images: bool = False
    """All validation images answer, not the search's batches; of --run."""

    @property
    def trials(self) -> tuple[int, ...] | int | str | None:
        """Seeds, or mean; None for what the evaluator is set to. Raises BadSetting."""
        if self.trial is None or self.trial == "mean":
            return self.trial
        seeds = [counted(seed.strip()) for seed in str(self.trial).split(",")]
        if None in seeds:
            raise BadSetting(
                f"--trial {shortened(self.trial)}: must be mean, or seeds such as 777 or 777,888"
            )
        return tuple(seed for seed in seeds if seed is not None)

    @property
    def epochs(self) -> tuple[int, ...]:
        """The kept epochs, each once, in order; () for the last weights. Raises BadSetting."""
        found = (
            {counted(epoch.strip()) for epoch in str(self.at).split(",")} if self.at is not None else set()
        )
        if not all(found):
            raise BadSetting(f"--at {shortened(self.at)}: must be epochs, counted from 1, such as 5,10")
        return tuple(sorted(epoch for epoch in found if epoch))

    @property
    def part(self) -> tuple[int, int]:
        """Number of the part, and of all. Raises BadSetting."""
        number, parts = (counted(text) for text in self.shard.partition("/")[::2])
        if number is None or parts is None:
            raise BadSetting(f"--shard {shortened(self.shard)}: must be i/n, such as 1/4 to 4/4")
        return number, parts


def tabulate(
    out: Path | str,
    evaluator: str | Evaluator = "table",
    *,
    run: Path | None = None,
    data: Path | None = None,
    archs: Iterable[Named] | None = None,
    tell: Callable[[str], None] = silent,
    show: Callable[[int, int], None] | None = None,
    command: str = "",
    **values: Any,
) -> Pack:
    """Ask an evaluator for every architecture and write the answers as a pack.

    out: the .h5 file; evaluator: a kind, `my.py:score`, or an object; run: a live run whose last shared weights are
    asked instead; data: folder of the images, where they are not where the run or the evaluator looks; archs: only
    these, in any spelling; tell: gets what was read; values: fields of `TabulationSettings` and of the kind's
    settings. The answers so far are kept in OUT.log, beside `command`; what was killed goes on with the same call.
    Raises BadSetting, NotMeasured or BadOutput.
    """
    from nasreplay.evaluate.tabulate import tabulate as fill

    for name, path in (("out", out), ("run", run)):
        if path is not None or name == "out":
            check_kind(name, path, Path)
    if archs is not None and (isinstance(archs, str) or not isinstance(archs, Iterable)):
        raise BadSetting(f"archs is {shortened(archs)}: it must be a list of architectures")
    check_kind("tell", tell, Callable)  # pyright: ignore[reportArgumentType]  # a class at run time
    kind = kind_of(evaluator)
    if run is None:
        values = by_field(values, f"evaluator {evaluator!r}", TabulationSettings, *kind.owners())
    else:
        threads = {"threads": values.pop("threads", None)}
        values = by_field(values, "a tabulation of a run", TabulationSettings) | threads
    settings = chosen(TabulationSettings, values)
    trials, part, epochs = settings.trials, settings.part, settings.epochs
    if run is None and (epochs or settings.all_images):
        raise BadSetting(
            f"{'--at' if epochs else '--all-images'} is of a run: give --run DIR, or leave it out"
        )
    archs = None if archs is None else list(archs)

    def open_at(epoch: int | None = None) -> tuple[Evaluator, np.ndarray | None]:
        asked = _evaluator(kind, run, data, {**values, "trial": None}, epoch)
        asked.space.count()  # refuses spaces that no table can hold
        return asked, _codes(asked.space, archs, settings)

    if len(epochs) > 1:
        if part != (1, 1):
            raise BadSetting("--shard divides the table of one epoch: give one --at, or no --shard")
        with continues(Path(out), ".log"):
            return _landscape(Path(out), epochs, open_at, tell, show, command)
    asked, codes = open_at(*epochs)
    if isinstance(source := getattr(asked, "source", None), RecordedImages):
        tell(source.about)
    with continues(Path(out), ".log"):
        return fill(asked, codes, out, trial=trials, shard=part, progress=show, command=command)


list_settings(tabulate, tabulate, TabulationSettings, *BUILT_IN)


def _landscape(
    out: Path,
    epochs: Sequence[int],
    open_at: Callable[[int], tuple[Evaluator, np.ndarray | None]],
    tell: Callable[[str], None],
    show: Callable[[int, int], None] | None,
    command: str,
) -> Pack:
    """Fill a table of each epoch beside `out`, and join them."""
    from nasreplay.evaluate.tabulate import tabulate as fill
    from nasreplay.evaluate.tabulate.landscape import join_epochs, landscape_of
    from nasreplay.evaluate.tabulate.log import AnswerLog

    log_file = out.with_name(f"{out.name}.log")
    if out.exists() and not log_file.exists():
        return landscape_of(out, {epoch: open_at(epoch)[0] for epoch in epochs})
    parts = [out.with_name(f"{out.name}.epoch-{epoch:05d}.h5") for epoch in epochs]
    with AnswerLog(log_file, command) as log:
        log.resume({"at": list(epochs)}, np.empty(0, dtype=np.int64))  # what `nasreplay resume` goes on from
        for number, (epoch, part) in enumerate(zip(epochs, parts, strict=True), 1):
            asked, codes = open_at(epoch)
            tell(f"epoch {epoch:,}, {number} of {len(epochs)}")
            fill(asked, codes, part, progress=show)
        pack = join_epochs(parts, out)
        log.remove()
    for part in parts:
        part.unlink()
    return pack


def _evaluator(
    kind: type[EvaluatorSettings], run: Path | None, data: Path | None, values: Json, at: int | None = None
) -> Evaluator:
    if run is not None:
        from nasreplay.live.trained import trained

        return trained(Path(run), data, values.get("threads"), at, bool(values.get("all_images")))[0]
    values |= {} if data is None else {"data": data}
    settings = kind.of({**values, "trial": "mean"})
    if isinstance(settings, SupernetSettings) and settings.weights is None:
        raise BadSetting(
            "a fresh supernet has learned nothing: give --run DIR, a search whose weights answer"
        )
    return settings.open()


def _codes(space: Space, archs: Iterable[Named] | None, settings: TabulationSettings) -> np.ndarray | None:
    """Codes int8 [N, D] of the chosen architectures; None for the whole space."""
    from nasreplay.seeds import Stream
    from nasreplay.spaces.read import read_many

    count = settings.sample
    if archs is not None:
        if count is not None:
            raise BadSetting("--archs and --sample exclude each other")
        return space.from_flat(read_many(list(archs), space=space)[1])
    if count is None:
        return None
    if not 1 <= count <= space.size:
        raise BadSetting(f"--sample {count}: must be 1 to {space.size:,}, the size of the {space.name} space")
    return space.from_flat(Stream(settings.seed, "sample").at().permutation(space.size)[0, :count])
