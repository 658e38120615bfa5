"""One trained network measured on its test images: what `nasreplay evaluate` does, callable from Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nasreplay.jobs import rank_zero, silent
from nasreplay.jobs.named_files import training_folder
from nasreplay.jobs.training import published, table_of, target_of
from nasreplay.jobs.training.training_settings import EvaluateSettings
from nasreplay.jobs.training.training_target import Target, read_target
from nasreplay.runs.folder import read_header
from nasreplay.settings import Json, chosen, settings_of, with_settings
from nasreplay.spaces.read import Named

if TYPE_CHECKING:
    from nasreplay.jobs.training.compare_to_table import TableComparison
    from nasreplay.jobs.training.training_setup import NetworkFacts, Training
    from nasreplay.spaces.genotypes.published_results import Published
    from nasreplay.train.scores import Score

SIZES = {"channels", "cells", "layers", "config", "side", "stem_level", "shuffle_groups"}
SIZES |= {"blocks", "stem", "stem_padding"}
"""Settings of a network that an evaluation takes from a training."""
ALIKE = {"cells", "layers"}
"""Two words for one size."""
TRAINING = ("seed", "recipe")
"""What a training's header has and an evaluation doesn't depend on."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation came to."""

    training: Training
    """Target, data and network, as a training would have them."""
    facts: NetworkFacts
    """Size and work of the network."""
    weights: Path
    """The file, or run folder, of the weights."""
    digest: str
    """Its sha256 sum."""
    warning: str
    """What is wrong of the file that carries the name of released weights; "" for nothing."""
    scores: dict[str, Score]
    """Evaluation set → loss, top-1 and top-5 accuracy."""
    table: TableComparison | None
    """What a table knows of the same cell; None for genotypes."""

    @property
    def published(self) -> tuple[Published, ...]:
        """What was published of the target on this data set."""
        return published(self.training)

    def plain(self) -> Json:
        """The result as JSON values."""
        training = self.training
        return {
            "target": str(training.target),
            "where": training.target.where,
            "dataset": training.source.name,
            "network": training.network.words,
            "parameters": self.facts.parameters,
            "auxiliary_parameters": self.facts.auxiliary_parameters,
            "multiply_adds": self.facts.multiply_adds,
            "weights": str(self.weights),
            "sha256": self.digest,
            "warning": self.warning,
            "note": training.source.note,
            "fraction": training.settings.fraction,
            "images": {name: len(part) for name, part in training.sets.items()},
            "scores": {name: score._asdict() for name, score in self.scores.items()},
            "published": [one._asdict() for one in self.published],
            **({"table": self.table.plain()} if self.table else {}),
        }


@with_settings(EvaluateSettings)
def evaluate(
    target: Named | Path | Target | None = None,
    *,
    started: Callable[[Training, NetworkFacts, Path], None] = silent,
    tell: Callable[[str], None] = silent,
    progress: Callable[[int, int, str], None] = silent,
    settings: EvaluateSettings,
) -> Evaluation:
    """Measure a trained network on the test images of a data set.

    target: as for `retrain`; `weights` must be those of its network, by name and shape. The folder of a training is
    both, and says what network and images are meant where the settings don't. started: called with what
    is evaluated, the network's facts and the file before the first image; tell: gets warnings; progress: gets (images
    done, images of the set, its name). Raises BadInput and its kinds.
    """
    from nasreplay.jobs.training import released
    from nasreplay.jobs.training.evaluation_sums import EvaluationSums
    from nasreplay.jobs.training.training_images import dataset_of
    from nasreplay.jobs.training.training_setup import prepare
    from nasreplay.train.foreign.weights_file import HEAD, digest_of, take_weights, weights_of
    from nasreplay.train.scores import Epoch
    from nasreplay.train.step_memory import check_weights

    target, settings, begun = _as_trained(target, settings)
    target = target_of(target, settings)
    one = target.entry
    if one and one.weights and not (settings.weights or settings.dataset):
        settings = replace(settings, dataset=one.weights[0].dataset)
    dataset = dataset_of(target, settings)
    file = settings.weights or rank_zero.broadcast(
        lambda: released.find_for(one, dataset, download=settings.download, tell=tell)
    )
    state = weights_of(file, Path(dataset).name)
    head = any(key.startswith(HEAD) for key in state)
    training = prepare(target, settings.network(auxiliary=head), begun, trains=False)
    if warning := released.warning_of(one, file):
        tell(f"warning: {warning}")
    check_weights(training.network.build)
    network = training.network.build()
    take_weights(network, state, file)
    network = training.device.move(network)
    facts = training.facts_of(network)
    started(training, facts, file)
    digest = digest_of(file)
    about = {**training.header(), "weights": digest}
    sums = EvaluationSums(
        settings.out, {name: about[name] for name in about if name not in TRAINING}, training.device
    )
    scores = {
        name: sums.score(network, part, name, settings.batch, progress)
        for name, part in training.sets.items()
    }
    # as a table's rows are: trained by the whole recipe
    last = Epoch(training.recipe.total, 0.0, next(iter(scores.values())), scores)
    table = table_of(training, last)
    return Evaluation(training, facts, file, digest, warning, scores, table)


def _as_trained(
    target: Named | Path | Target | None, settings: EvaluateSettings
) -> tuple[Named | Path | Target | None, EvaluateSettings, Json | None]:
    """Target and settings; what is not given is that of the training whose folder the weights are, or the target.

    Then also the header of that training, whose recipe says how images are normalized.
    """
    folder = training_folder(settings.weights or target)
    if not folder:
        return target, settings, None
    trained, recorded = read_target(folder), read_header(folder)
    begun = recorded.get("settings", {})
    given = {name for name in SIZES if getattr(settings, name) is not None}
    own = {name: begun[name] for name in SIZES - given if begun.get(name) is not None}
    if given & ALIKE:
        own = {name: value for name, value in own.items() if name not in ALIKE}
    images = {} if settings.dataset else {"dataset": trained.dataset, "data": settings.data or trained.data}
    dialect = settings.dialect or trained.dialect or None
    known = {name: getattr(settings, name) for name in settings_of(EvaluateSettings)}
    about = {**known, **own, **images, "dialect": dialect, "weights": settings.weights or folder}
    return target or folder, chosen(EvaluateSettings, about), recorded
