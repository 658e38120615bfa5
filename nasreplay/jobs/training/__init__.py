"""One network trained from scratch: what `nasreplay retrain` and `nasreplay train` do, callable from Python."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nasreplay.errors import BadSetting
from nasreplay.jobs import rank_zero, silent
from nasreplay.jobs.training.training_settings import NetworkSettings, RetrainSettings
from nasreplay.jobs.training.training_target import Target, read_target
from nasreplay.runs.earlier import EARLIER
from nasreplay.runs.folder import check_resume, continues, read_header
from nasreplay.settings import Json, with_settings
from nasreplay.spaces.read import Named

if TYPE_CHECKING:
    from nasreplay.jobs.training.compare_to_table import TableComparison
    from nasreplay.jobs.training.training_setup import NetworkFacts, Training
    from nasreplay.spaces.genotypes.published_results import Published
    from nasreplay.train.scores import Epoch


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to."""

    training: Training
    """Target, data, recipe, network."""
    facts: NetworkFacts
    """Size, work and memory of the network."""
    header: Json
    """The contents of run.json."""
    folder: Path
    """The run folder."""
    epochs: tuple[Epoch, ...]
    """Every epoch, those before a --resume included."""
    exports: tuple[Path, ...] = ()
    """Files that were written besides."""
    table: TableComparison | None = None
    """What a table knows of the same cell; None for genotypes."""

    @property
    def published(self) -> tuple[Published, ...]:
        """What was published of the target on this data set."""
        return published(self.training)

    def plain(self) -> Json:
        """The result as JSON values."""
        return {
            **self.header,
            "target": self.training.target.where,
            **self.facts._asdict(),
            "published": [one._asdict() for one in self.published],
            "note": self.training.source.note,
            "epochs": [epoch.plain() for epoch in self.epochs],
            "folder": str(self.folder),
            "exports": list(map(str, self.exports)),
            **({"table": self.table.plain()} if self.table else {}),
        }


def published(training: Training) -> tuple[Published, ...]:
    """What was published of a training's target on its data set."""
    entry = training.target.entry
    return tuple(one for one in entry.published if one.dataset == training.source.name) if entry else ()


@with_settings(RetrainSettings)
def retrain(
    target: Named | Path | Target | None = None,
    *,
    root: str = "output/retrain",
    command: str = "",
    started: Callable[[Training, NetworkFacts, int], None] = silent,
    tell: Callable[[str], None] = silent,
    progress: Callable[[int, int, str], None] = silent,
    settings: RetrainSettings,
) -> TrainingResult:
    """Train what a search found, or a published network, by the published recipe.

    target: a search checkpoint or run folder, a file or text with a genotype, an |op~0|… cell, a name of the zoo, or
    what a search found; None is the genotype that `config` names. root: where a run folder without a name is made.
    command: recorded in run.json. started: called with the training, the network's facts and the seed before the
    first epoch. tell: gets a line per epoch. progress: called with (images done, images of the epoch, "epoch N").

    Writes run.json, epochs.jsonl and checkpoint/ into the folder. Raises BadArchitecture, BadSetting, BadData,
    UnknownName or BadOutput before anything is trained, TrainingFailed or Interrupted during the training.
    """
    from nasreplay.jobs.training.training_folder import TrainingFolder
    from nasreplay.jobs.training.training_setup import prepare
    from nasreplay.train.export import check_export, export

    if settings.resume and settings.seed == -1 and "{seed}" in (settings.out or "{seed}"):
        raise BadSetting("--resume needs --out, the folder of the training, or its --seed")
    for path in settings.export:
        check_export(path)
    target = target_of(target, settings)
    place, recorded = _place(settings), None
    if place:
        recorded = rank_zero.broadcast(lambda: _recorded(place, settings.resume))
        settings = _as_begun(settings, recorded) if recorded else settings
    with continues(place) if place else nullcontext():
        training = prepare(target, settings, recorded)
        facts = training.facts()
        folder = TrainingFolder(
            settings.out or f"{root}/{target.name}-{training.source.name}-seed{{seed}}",
            training.header(),
            {**training.facts_of_run(), "command": command},
            training.until,
            resume=settings.resume,
            save_every_s=settings.save_every,
            tell=tell,
        )
        started(training, facts, folder.seed)
    with continues(folder.path):
        trainer = training.trainer(folder.seed)
        folder.run(trainer, training.sets, progress)
        folder.check(trainer, training.sets)
        epochs, table = tuple(folder.epochs), table_of(training, folder.epochs[-1])
        result = TrainingResult(training, facts, folder.header, folder.path, epochs, settings.export, table)
        for path in settings.export if folder.group.is_rank_zero else ():
            export(trainer.final, path, training.source.side, result.plain())
    return result


def target_of(target: Named | Path | Target | None, settings: NetworkSettings) -> Target:
    """What a command is asked to train or evaluate, as its settings want it. Raises BadInput and its kinds."""
    target = _configured(settings.config) if target is None else target
    found = target if isinstance(target, Target) else read_target(target, settings.which, settings.form)
    return found.compact() if settings.compact else found


def _place(settings: RetrainSettings) -> Path | None:
    """The folder of a training, where the settings name it."""
    if not settings.out or ("{seed}" in settings.out and settings.seed == -1):
        return None
    return Path(settings.out.replace("{seed}", str(settings.seed)))


def _as_begun(settings: RetrainSettings, header: Json) -> RetrainSettings:
    """The settings of a training that goes on with the layers, weights and images of then, whatever is default."""
    network = header.get("network")
    begun = network.get("dialect") if isinstance(network, dict) else None
    halves = settings.halves if "halves" in header.get("settings", {}) else EARLIER["halves"]
    init = settings.init or header.get("init", EARLIER["init"])
    return replace(settings, dialect=settings.dialect or begun, halves=halves, init=init)


def _recorded(place: Path, resume: bool) -> Json | None:
    """The header of the training that goes on; None for one that begins. Raises BadOutput."""
    check_resume(place, resume, "training")
    return read_header(place) if resume else None


def _configured(file: str | None) -> str:
    """The genotype that a configuration names."""
    from nasreplay.train.network_config import network_config

    name = network_config(Path(file)).genotype if file else ""
    if not name:
        raise BadSetting("name a TARGET, or with --config a file that names its genotype")
    return name


def table_of(training: Training, last: Epoch) -> TableComparison | None:
    """What a table knows of a training that has come to its `last` epoch; None for genotypes. Raises BadPack."""
    from nasreplay.jobs.training.compare_to_table import beside
    from nasreplay.spaces import Genotype
    from nasreplay.spaces.costs.network_plan import Plan

    cell, sizes = training.target.cell, training.network.sizes
    if isinstance(cell, Genotype) or isinstance(sizes, Plan) or not sizes.compared:
        return None
    return beside(cell, sizes, training, last, training.settings.table)
