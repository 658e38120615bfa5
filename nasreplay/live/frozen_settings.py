"""What searches on the shared weights of a run can be told: weights that stay, or a table of their accuracies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from nasreplay.errors import BadSetting
from nasreplay.evaluate.kinds import Asker, EvaluatorSettings
from nasreplay.live.evaluator_settings import LiveSettings, SupernetSettings
from nasreplay.settings import setting

if TYPE_CHECKING:
    from nasreplay.evaluate.table import TableEvaluator
    from nasreplay.live.frozen import FrozenBatches
    from nasreplay.search import Searcher

OF_NOW = ("device", "threads", "download", "keep", "weights")  # of this search, not of the run


@dataclass(frozen=True, kw_only=True)
class FrozenSettings(SupernetSettings, kind="frozen"):
    """The shared weights of the run --weights, which stay as they are (`live.frozen`); it has the run's settings."""

    processes = False

    slopes: Literal["split", "batches"] = "split"
    """What a slope of fixed weights is measured on: all images of the architecture's part, or the published
    mini-batches."""

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings of these values, and of the run where they say nothing. Raises BadSetting without a run."""
        from nasreplay.live.trained import recorded_settings, run_of

        if not values.get("weights"):
            raise BadSetting(
                "--evaluator frozen has no weights: give --weights RUN, a live run that has trained some"
            )
        _, run = recorded_settings(run_of(str(values["weights"]))[0])
        given = {name: value for name, value in values.items() if value is not None}
        made = super().of(
            {name: value for name, value in run.plain().items() if name not in OF_NOW} | given, asker
        )
        told = given.keys() & run.network.settings().keys()
        return made if told else replace(made, network=run.network)

    @property
    def leaves_checkpoint(self) -> bool:
        """False: nothing was trained."""
        return False

    def folder(self, searcher: Searcher) -> Path:
        """The default folder of a search's runs."""
        return LiveSettings.folder(self, searcher)

    def evaluator(self) -> type[FrozenBatches]:
        """The class of the evaluator."""
        from nasreplay.live.frozen import FrozenBatches, FrozenSplit

        return FrozenSplit if self.slopes == "split" else FrozenBatches


@dataclass(frozen=True, kw_only=True)
class SharedTableSettings(EvaluatorSettings, kind="shared-table"):
    """A table of the accuracies with the weights of the run --weights (`live.shared_table`), kept in its folder."""

    weights: str | None = setting(None, metavar="RUN[@EPOCH]")
    """The live run whose weights answer: its last ones, or those of a kept epoch."""
    data: Path | None = None
    """Folder of the images, where they are not where the run had them."""
    threads: int | None = setting(None, least=1, most=1024)
    """CPU threads. Default: PyTorch's."""
    gradient: str = "exact"
    """Slopes of a table: exact (an oracle) or sampled."""
    samples: int = 6
    """Look-ups of one sampled slope."""

    live = False

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings of these values. Raises BadSetting without a run, and for a data set or table beside it."""
        if not values.get("weights"):
            raise BadSetting(
                "--evaluator shared-table is made of a run: give --weights RUN, with shared weights"
            )
        for name in ("dataset", "table"):
            if values.get(name) is not None:
                raise BadSetting(
                    f"--{name} has no effect with --evaluator shared-table: the run says it; leave it out"
                )
        return super().of(values, asker)

    def prepare(self, show: Callable[[int, int], None] | None = None) -> None:
        """Tabulate what is not there yet."""
        self._table(show)

    def open(self, asker: Asker | None = None) -> TableEvaluator:
        """The table."""
        return self._table()

    def _table(self, show: Callable[[int, int], None] | None = None) -> TableEvaluator:
        from nasreplay.live.shared_table import shared_table
        from nasreplay.live.trained import run_of

        assert self.weights
        return shared_table(
            *run_of(self.weights),
            data=self.data,
            threads=self.threads,
            gradient=self.gradient,
            samples=self.samples,
            show=show,
        )
