"""What a search that tells its samples leaves beside its log: all of them, and its choice among the last ones."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nasreplay.errors import BadInput
from nasreplay.files.atomic import write_whole
from nasreplay.jobs.searches.task import Found
from nasreplay.live.evaluator_settings import LiveSettings
from nasreplay.live.scratch import ScratchEvaluator
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.child_networks import child_network_of
from nasreplay.models.module_cost import parameters
from nasreplay.runs.drawing.sample_figure import SAMPLES
from nasreplay.runs.record import RunFolder
from nasreplay.runs.recordable import AtEpoch
from nasreplay.search import Searcher
from nasreplay.search.samples import TellsSamples
from nasreplay.settings import Json
from nasreplay.spaces import Space
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.loop import initial

CHOICE = "final_arch.json"


class SampledRun(RunFolder[Searcher, SupernetEvaluator | ScratchEvaluator]):
    """A run folder that has a line for each sample, too, as SLNAS writes them; a resumed run cuts these back."""

    lines: BinaryIO | None = None

    def start(self, header: Json, searcher: Searcher, evaluator: SupernetEvaluator | ScratchEvaluator) -> int:
        """Open or continue the folder; raises BadOutput."""
        step = super().start(header, searcher, evaluator)
        if isinstance(searcher, TellsSamples) and searcher.epochs_on(evaluator):
            self.lines = self._opened.enter_context((self.folder / SAMPLES).open("a+b"))
            self.lines.seek(0)
            count = int(searcher.state.sampled[0])
            whole = [line for line in islice(self.lines, count) if line.endswith(b"\n")]
            self.lines.truncate(sum(map(len, whole)))
            if len(whole) < count and self.tell:
                self.tell(
                    f"{SAMPLES} holds {len(whole):,} of {count:,} earlier samples; it goes on without the rest"
                )
        return step

    def step(
        self, step: int, live: AtEpoch, searcher: Searcher, evaluator: SupernetEvaluator | ScratchEvaluator
    ) -> None:
        """Write the samples, before a checkpoint counts them, and what else the step has left; raises WriteFailed."""
        if self.lines and isinstance(searcher, TellsSamples):
            trained = evaluator.step_metrics().get("train_accuracy", np.nan)
            with self._writing():
                for codes, value, tag in searcher.sampled:
                    text = evaluator.space.format(codes.tolist())
                    self.lines.write(f"{trained if np.isnan(value) else value:.3f} {text} {tag}\n".encode())
                self.lines.flush()
        super().step(step, live, searcher, evaluator)


@dataclass(frozen=True)
class FinalChoice(Found):
    """What a finished search on shared weights has chosen, and how to go on."""

    arch: str
    """The architecture that was found."""
    accuracy: float
    """Percent, by which it was chosen."""
    images: int
    """Number of images that the candidates were tried on."""
    parameters: int | None
    """Number of parameters of its network, as retrain makes it by default; None where it makes none."""
    others: Mapping[str, str]
    """Further answers by name, such as the most probable architecture."""
    other_accuracies: Mapping[str, float]
    """Percent, theirs on all images that judge."""
    retrain: str
    """The command that trains it from scratch."""

    def rows(self) -> list[tuple[str, str]]:
        """What is printed of it: names and texts."""
        size = [] if self.parameters is None else [("parameters", f"{self.parameters:,}")]
        others = [
            (name, f"{text}, {self.other_accuracies[name]:.2f} %") for name, text in self.others.items()
        ]
        return [*size, *others, ("retrain", self.retrain)]


def _parameters(space: Space, codes: list[int], source: ImageSource | StreamedSource) -> int | None:
    """Number of the parameters that retrain trains by default, auxiliary heads too; None where it has no network."""
    with suppress(BadInput), initial(0):
        sizes = child_network_of(space)().sized(source.side)
        return parameters(sizes.build(codes, source.classes, source.side, auxiliary=True))
    return None


def final_choice(
    searcher: Searcher, evaluator: SupernetEvaluator | ScratchEvaluator, own: LiveSettings, folder: Path
) -> FinalChoice | None:
    """Write the choice of a finished search; None for searches that make none. Raises BadOutput."""
    if not (isinstance(searcher, TellsSamples) and isinstance(evaluator, SupernetEvaluator)):
        return None
    space, codes, others = evaluator.space, searcher.answer()[:1], searcher.other_answers()
    found = space.format(codes[0].tolist())
    where = [f"--dataset {shlex.quote(own.dataset_name)}"]
    where += [f"--data {shlex.quote(str(own.data))}"] if own.data else []
    where += [f"--side {own.side}"] if own.side else []
    choice = FinalChoice(
        arch=found,
        accuracy=float(searcher.state.best_accuracy[0]),
        images=max(round(evaluator.share * evaluator.judging_images), 1),
        parameters=_parameters(space, codes[0].tolist(), evaluator.source),
        others={name: space.format(other.tolist()) for name, other in others.items()},
        other_accuracies={
            name: float(evaluator.shared_accuracy(code[None])[0]) for name, code in others.items()
        },
        retrain=" ".join(["nasreplay retrain", shlex.quote(found), *where]),
    )
    facts = choice.plain() | choice.plain().pop("others")
    del facts["others"]
    for name in ("arch", *others):
        with suppress(ValueError):  # a text that is no JSON stays one
            facts[name] = json.loads(facts[name])
    write_whole(folder / CHOICE, json.dumps(facts).encode() + b"\n")
    return choice
