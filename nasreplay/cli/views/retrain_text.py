"""What `nasreplay retrain` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasreplay.spaces import Genotype

if TYPE_CHECKING:
    from nasreplay.jobs.training_job import Job
    from nasreplay.jobs.training_target import Target
    from nasreplay.train.images.catalogue import ImageSource
    from nasreplay.train.images.streamed import StreamedSource


def resolved(
    target: Target,
    source: ImageSource | StreamedSource,
    job: Job,
    facts: dict[str, Any],
    until: int,
    seed: int,
) -> str:
    """What will be done, in full."""
    import torch

    recipe = job.recipe
    images = ", ".join(f"{name} {len(part):,}" for name, part in job.sets.items())
    size = f"{facts['parameters']:,} parameters, {facts['multiply_adds'] / 1e6:.1f} M multiply-adds"
    size += f", auxiliary head {facts['auxiliary_parameters']:,}" if facts["auxiliary_parameters"] else ""
    more = {
        f"auxiliary loss {recipe.auxiliary:g}": recipe.auxiliary,
        f"drop path to {recipe.drop_path:g}": recipe.drop_path,
        f"cutout {recipe.cutout}": recipe.cutout,
        f"label smoothing {recipe.smooth:g}": recipe.smooth,
        f"gradient clip {recipe.clip:g}": recipe.clip,
        f"averaged weights {recipe.ema:g}": recipe.ema,
        "biases don't decay": recipe.no_bias_decay,
        f"{recipe.micro_batches} micro-batches": recipe.micro_batches > 1,
        "common batch statistics": recipe.sync_bn,
    }
    processes = f", {job.device.group.world_size} processes" if job.device.group.world_size > 1 else ""
    lines = [
        f"target     {target}",
        f"           {target.where}" if target.where else "",
        f"network    {job.words}; {size}",
        f"data       {source.name}, seed {seed}: trains on {len(job.images):,} images, evaluates on {images}",
        f"recipe     {recipe.name}: {until} of {recipe.total} epochs, warm-up {recipe.warmup}, learning rate "
        f"{recipe.lr:g} to {recipe.eta_min:g} ({recipe.schedule}), batch {recipe.batch}, decay {recipe.decay:g}",
        f"           {', '.join(name for name, on in more.items() if on)}" if any(more.values()) else "",
        f"machine    {torch.get_num_threads()} threads, {job.device.words}{processes}",
        f"memory     {facts['memory_mb']:,.0f} MB for weights and steps of {recipe.batch} images",
        *(f"published  {told(one)}" for one in facts["published"]),
        f"note: {source.note}" if source.note else "",
        *_twice(target),
    ]
    return "\n".join(line for line in lines if line)


def _twice(target: Target) -> list[str]:
    """A search of AutoDL-Projects may put two operations on one edge; its network uses the later one twice."""
    cells = target.cell.cells() if isinstance(target.cell, Genotype) and target.searched else {}
    return [
        f"note: {where}, node {place + 2}: both operations read state {node[0][1]}"
        for where, cell in cells.items()
        for place, node in enumerate(cell.nodes)
        if len(node) == 2 and node[0][1] == node[1][1]
    ]


def told(one: dict[str, Any]) -> str:
    """A published result, as an accuracy."""
    spread = "" if one["std"] is None else f" ± {one['std']:.2f}"
    size = "" if one["parameters"] is None else f", {one['parameters']:g} M parameters"
    return f"{100 - one['error']:.2f}{spread} % on the test images{size} [{one['source']}]"


def outcome(facts: dict[str, Any]) -> str:
    """What came of it, beside what was published or a table knows."""
    last = facts["epochs"][-1]
    lines = [f"after epoch {last['epoch']} of recipe {facts['recipe']['name']}, the checkpoint reloaded:"]
    for name, score in last["sets"].items():
        lines.append(f"  {name:<9}{score['top1']:6.2f} %  here (top 5 {score['top5']:.2f} %)")
        for known in facts.get("table", {"numbers": []})["numbers"]:
            if known["set"] == name:
                lines.append(f"  {'':<9}{known['accuracy']:6.2f} %  in the table: {known['meaning']}")
    lines += [f"  published {told(one)}" for one in facts["published"]]
    lines += [f"  {reason}" for reason in _reasons(facts)]
    lines += [f"  {reason}" for reason in facts.get("table", {"reasons": []})["reasons"]]
    lines += [f"note: {facts['note']}"] if facts["note"] else []
    lines += [f"exported {path}" for path in facts["exports"]]
    return "\n".join([*lines, f"run      {facts['folder']}"])


def _reasons(facts: dict[str, Any]) -> list[str]:
    """Why the published accuracy is not what this training could have reached."""
    if not facts["published"]:
        return []
    recipe, last = facts["recipe"], facts["epochs"][-1]["epoch"]
    total, millions = recipe["epochs"] + recipe["warmup"], facts["parameters"] / 1e6
    sizes = [one["parameters"] for one in facts["published"] if one["parameters"] is not None]
    found = [f"not the whole training: ours ends after epoch {last} of {total}"] if last < total else []
    if any(abs(size - millions) > 0.1 * size for size in sizes):
        found.append(f"not the same network: ours has {millions:.2f} M parameters")
    if facts["fraction"] < 1:
        found.append(f"not the same data: ours is {100 * facts['fraction']:g} % of the images of every set")
    return found
