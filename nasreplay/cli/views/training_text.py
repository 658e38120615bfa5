"""What `nasreplay retrain` and `nasreplay train` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nasreplay.spaces import Architecture, Genotype
from nasreplay.spaces.costs.network_plan import Plan, lost_operations, narrow_gate

if TYPE_CHECKING:
    from pathlib import Path

    from nasreplay.jobs.training import TrainingResult
    from nasreplay.jobs.training.evaluation import Evaluation
    from nasreplay.jobs.training.training_setup import NetworkFacts, Training
    from nasreplay.spaces.genotypes.published_results import Published
    from nasreplay.train.device import Device
    from nasreplay.train.scores import Score


def resolved(training: Training, facts: NetworkFacts, seed: int) -> str:
    """What will be done, in full."""
    from nasreplay.jobs.training import published
    from nasreplay.train.augment import blanks

    recipe, source, device = training.recipe, training.source, training.device
    sets = ", ".join(f"{name} {len(part):,}" for name, part in training.sets.items())
    risen = (
        f", from {recipe.drop_path_until:.0%} of the epochs on as it is" if recipe.drop_path_until < 1 else ""
    )
    more = {
        f"auxiliary loss {recipe.auxiliary:g}": recipe.auxiliary,
        f"drop path to {recipe.drop_path:g}{risen}": recipe.drop_path,
        f"cutout {recipe.cutout}": recipe.cutout,
        f"label smoothing {recipe.smooth:g}": recipe.smooth and source.classes >= recipe.smooth_from,
        f"gradient clip {recipe.clip:g}": recipe.clip,
        f"averaged weights {recipe.ema:g}": recipe.ema,
        "biases don't decay": recipe.no_bias_decay,
        "biases and batch norms don't decay": recipe.no_vector_decay,
        f"{recipe.evaluations} evaluations": recipe.evaluations,
        f"{recipe.micro_batches} micro-batches": recipe.micro_batches > 1,
        "common batch statistics": recipe.sync_bn,
    }
    begun = f"weights    {training.settings.weights}" if training.settings.weights else ""
    lines = [
        *_network(training, facts),
        f"data       {source.name}, seed {seed}: trains on {len(training.images):,} images, evaluates on {sets}",
        f"           {source.about}",
        f"recipe     {recipe.name}: {training.until} of {recipe.total} epochs, warm-up {recipe.warmup}, "
        f"learning rate {recipe.lr:g} to {recipe.eta_min:g} ({recipe.schedule}), batch {recipe.batch}, "
        f"decay {recipe.decay:g}",
        f"           {', '.join(name for name, on in more.items() if on)}" if any(more.values()) else "",
        begun,
        _machine(device),
        f"memory     {facts.memory_mb:,.0f} MB for weights and steps of {recipe.batch} images",
        *(f"published  {accuracy(one)}" for one in published(training)),
        f"note: {source.note}" if source.note else "",
        *(f"note: {remark}" for remark in _remarks(training)),
        f"warning: {blank}" if (blank := blanks(recipe.cutout, source.side)) else "",
    ]
    return "\n".join(line for line in lines if line)


def resolved_weights(training: Training, facts: NetworkFacts, weights: Path) -> str:
    """What `nasreplay evaluate` will measure."""
    source = training.source
    sets = ", ".join(f"{name} {len(part):,}" for name, part in training.sets.items())
    lines = [
        *_network(training, facts),
        f"weights    {weights}",
        f"data       {source.name}: evaluates on {sets}",
        f"           {source.about}",
        _machine(training.device),
        f"note: {source.note}" if source.note else "",
        *(f"note: {remark}" for remark in _remarks(training)),
    ]
    return "\n".join(line for line in lines if line)


def _network(training: Training, facts: NetworkFacts) -> Iterator[str]:
    yield f"target     {training.target}"
    yield f"           {training.target.where}" if training.target.where else ""
    yield f"network    {training.network.words}; {_size(facts)}"


def _size(facts: NetworkFacts) -> str:
    head = f", auxiliary head {facts.auxiliary_parameters:,}" if facts.auxiliary_parameters else ""
    return f"{facts.parameters:,} parameters, {facts.multiply_adds / 1e6:.1f} M multiply-adds{head}"


def _machine(device: Device) -> str:
    import torch

    processes = f", {device.group.world_size} processes" if device.group.world_size > 1 else ""
    return f"machine    {torch.get_num_threads()} threads, {device.words}{processes}, device {device.title}"


def resolved_briefly(training: Training, seed: int) -> str:
    """What `nasreplay train` will do."""
    import torch

    recipe, source, cell = training.recipe, training.source, training.target.cell
    index = f"  (index {cell.index})" if isinstance(cell, Architecture) else ""
    part = training.settings.fraction
    lines = [
        f"{training.target}{index} on {source.name}, seed {seed}",
        f"recipe {recipe.name}: {training.until} of {recipe.total} epochs, learning rate {recipe.lr:g} to "
        f"{recipe.eta_min:g}, batch {recipe.batch}; {torch.get_num_threads()} threads, {training.device.words}, "
        f"device {training.device.title}",
        source.about,
        f"on {100 * part:g} % of the images of every set" if part < 1 else "",
        f"note: {source.note}" if source.note else "",
    ]
    return "\n".join(line for line in lines if line)


def _remarks(training: Training) -> list[str]:
    """What the network lacks of the target, or of its release."""
    cell, plan = training.target.cell, training.network.sizes
    if not isinstance(cell, Genotype) or not isinstance(plan, Plan):
        return []
    operations = {operation for one in cell.cells().values() for _, operation, _ in one.edges()}
    return [*lost_operations(cell, plan.dialect), *filter(None, [narrow_gate(operations, plan.channels)])]


def accuracy(one: Published) -> str:
    """A published result, as an accuracy."""
    spread = "" if one.std is None else f" ± {one.std:.2f}"
    size = "" if one.parameters is None else f", {one.parameters:g} M parameters"
    top5 = "" if one.top5_error is None else f" (top 5 {100 - one.top5_error:.2f} %)"
    return f"{100 - one.error:.2f}{spread} %{top5} on the test images{size} [{one.source}]"


def outcome(result: TrainingResult) -> str:
    """What came of it, beside what was published or a table knows."""
    last, training = result.epochs[-1], result.training
    total = training.recipe.total
    lines = [f"after epoch {last.epoch} of recipe {training.recipe.name}, the checkpoint reloaded:"]
    shorter = f"not the whole training: ours ends after epoch {last.epoch} of {total}"
    lines += _beside(last.sets, result, [shorter] if last.epoch < total else [])
    lines += [f"exported {path}" for path in result.exports]
    return "\n".join([*lines, f"run      {result.folder}"])


def measured(found: Evaluation) -> str:
    """What an evaluation came to, beside what was published or a table knows."""
    lines = [f"with the weights of sha256 {found.digest[:8]}…:", *_beside(found.scores, found)]
    return "\n".join(lines)


def _beside(
    sets: Mapping[str, Score], result: TrainingResult | Evaluation, reasons: Sequence[str] = ()
) -> list[str]:
    """Accuracies of ours, then those of a table and of publications, and why they may differ."""
    lines = []
    for name, score in sets.items():
        lines.append(f"  {name:<9}{score.top1:6.2f} %  here (top 5 {score.top5:.2f} %)")
        for known in result.table.numbers if result.table else ():
            if known.set == name:
                lines.append(f"  {'':<9}{known.accuracy:6.2f} %  in the table: {known.meaning}")
    lines += [f"  published {accuracy(one)}" for one in result.published]
    lines += [f"  {reason}" for reason in ([*reasons, *_reasons(result)] if result.published else ())]
    return lines + [f"  {reason}" for reason in (result.table.reasons if result.table else ())]


def _reasons(result: TrainingResult | Evaluation) -> list[str]:
    """Why the published accuracy is not what this network could have reached."""
    found = []
    millions = result.facts.parameters / 1e6
    sizes = [one.parameters for one in result.published if one.parameters is not None]
    part = result.training.settings.fraction
    if any(abs(size - millions) > 0.1 * size for size in sizes):
        found.append(f"not the same network: ours has {millions:.2f} M parameters")
    if part < 1:
        found.append(f"not the same data: ours is {100 * part:g} % of the images of every set")
    return found
