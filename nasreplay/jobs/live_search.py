"""A live search: what `nasreplay search` does with a supernet or with scratch training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nasreplay.cli import evaluators, live, options
from nasreplay.errors import BadSetting
from nasreplay.jobs import rank_zero

SAVE_EVERY_S = 30.0


def run_live(name: str, out: Path | None, resume: bool, seed: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """Run and record a live search; returns what was found, as JSON values. Raises what its parts raise."""
    from nasreplay.jobs import health
    from nasreplay.runs.record import RunFolder, result_of
    from nasreplay.runs.store import save_result
    from nasreplay.runs.tensorboard import Board
    from nasreplay.search import run
    from nasreplay.train.distributed import process_group

    group = process_group()
    searcher = _searcher(name, chosen)
    chosen = {**chosen, "searcher": searcher.name}
    evaluators.refuse_idle(chosen["evaluator"])
    evaluator = evaluators.evaluator_of(chosen)
    if "weights" in evaluator.abilities and not searcher.learns and not chosen["weights"]:
        raise BadSetting(
            f"{searcher.name} trains no shared weights: give --weights RUN, a live run that has trained them"
        )
    if "slope" in searcher.needs and hasattr(searcher, "samples"):
        evaluator.check_samples(searcher.samples)
    truth = live.truth(chosen)
    own = searcher.epochs_on(evaluator)
    epochs = own and min(own, chosen["epochs"] or own)
    folder = out or default_folder(searcher, evaluator, chosen) / f"seed-{seed}"
    checkpoint = (
        _checkpoint(searcher, evaluator, chosen, folder, seed, resume) if group.is_rank_zero else None
    )
    click.echo(f"{searcher.name}, seed {seed}: {live.resolved(evaluator, epochs)}", err=True)
    if "weights" in evaluator.abilities:
        click.echo(live.memory(evaluator, searcher), err=True)
    if chosen.get("valid_on") == "test":
        click.echo(f"warning: {evaluator.source.note}", err=True)
    board = Board(folder / "tensorboard")

    def each_epoch(epoch: int, searcher: Any, evaluator: Any) -> dict[str, Any]:
        facts = health.epoch_facts(searcher, evaluator, truth)
        board.add(epoch, facts)
        click.echo(health.line(epoch, epochs or 0, facts), err=True)
        if warning := health.warning(facts):
            click.echo(f"warning: {warning}", err=True)
        return facts

    record = RunFolder(
        folder,
        {"command": options.command_line(), "options": _plain(chosen)},
        resume=resume,
        save_every_s=SAVE_EVERY_S,
        each_epoch=each_epoch if epochs else None,
        keep_epoch=checkpoint.save if checkpoint else None,
        files=live.checkpoint_files(),
    )
    recorder = rank_zero.RankZeroRecorder(group, record if group.is_rank_zero else None)
    with _bar(evaluator, epochs) as progress:
        outcome = run(
            searcher,
            evaluator,
            _budget(chosen, epochs),
            seed=seed,
            recorder=recorder,
            progress=progress,
            agree=recorder.agree,
        )
    board.close()
    if not outcome.finished:
        raise click.ClickException(f"interrupted; continue with: --out {folder} --resume")

    def told() -> dict[str, Any]:
        result = result_of(folder)
        save_result(folder / "results.h5", result)
        facts = _facts(searcher, evaluator, truth, result, seed, folder)
        saved = {"checkpoint": str(checkpoint.path)} if checkpoint and checkpoint.path.exists() else {}
        return facts | saved

    return group.broadcast(told)


def default_folder(searcher: Any, evaluator: Any, chosen: dict[str, Any]) -> Path:
    """Where the published scripts save.

    output/search-cell-nas-bench-201/GDAS-cifar10-BN1, output/search-sss/cifar10/tas-affine0_BN0-AWD0.001-WARM0.3-E2,
    output/search-cell-darts/GDAS-FRC-cifar10-BN1.
    """
    dataset = Path(chosen["dataset"]).name
    if chosen["evaluator"] != "supernet":
        return Path("output/search") / f"{searcher.name}-{dataset}-{chosen['evaluator']}"
    facts = {**searcher.settings(), "epochs": chosen["epochs"]}
    return Path("output") / evaluator.network.run_folder(searcher.name, dataset, facts)


def _searcher(name: str, chosen: dict[str, Any]) -> Any:
    from nasreplay.search import make

    name = make(name).name
    changes = options.changes_of(chosen["configs"], chosen["sets"], (name,)).get(name, {})
    searcher = make(name, changes, preset="live")
    if chosen["epochs"] and hasattr(searcher, "epochs") and searcher.epochs is not None:
        changes = {"epochs": chosen["epochs"], **changes}
    return make(name, changes, preset="live")


def _budget(chosen: dict[str, Any], epochs: int | None) -> Any:
    from nasreplay.search import Budget

    return Budget(
        simulated_s=chosen["budget"],
        evaluations=chosen["evaluations"],
        epochs=chosen["epochs"] if epochs else None,
    )


class _bar:
    """A progress bar of the current epoch's steps on a terminal; nothing elsewhere."""

    def __init__(self, evaluator: Any, epochs: int | None):
        self.steps, self.epochs, self.bar = evaluator.steps_per_epoch, epochs, None

    def __enter__(self) -> Callable[[Any], None] | None:
        import sys

        if not sys.stderr.isatty() or not self.epochs:
            return None
        from rich.console import Console
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True)
        self.bar.start()
        task = self.bar.add_task("searching", total=self.steps * self.epochs)
        bar = self.bar
        return lambda now: bar.update(task, completed=now.step)

    def __exit__(self, *exception: object) -> None:
        if self.bar:
            self.bar.stop()


def _plain(chosen: dict[str, Any]) -> dict[str, Any]:
    """The options as JSON values, so that `gap` and `tabulate` can build the same evaluator again."""
    return {key: str(value.resolve()) if isinstance(value, Path) else value for key, value in chosen.items()}


def _checkpoint(
    searcher: Any, evaluator: Any, chosen: dict[str, Any], folder: Path, seed: int, resume: bool
) -> Any:
    """The published checkpoint of a NASNet search, beside the default run folders or in the chosen one; else None."""
    from nasreplay.jobs.search_checkpoint import SearchCheckpoint

    if "weights" not in evaluator.abilities or not evaluator.network.leaves_checkpoint:
        return None
    default = default_folder(searcher, evaluator, chosen)
    beside = default if folder.resolve() == (default / f"seed-{seed}").resolve() else folder
    path = beside / "checkpoint" / f"seed-{seed}-basic.pth"
    return SearchCheckpoint(path, folder, _plain(chosen), resume)


def _facts(searcher: Any, evaluator: Any, truth: Any, result: Any, seed: int, folder: Path) -> dict[str, Any]:
    from nasreplay.jobs.gap_measurement import total_gap

    space, found = evaluator.space, result.codes(result.found[:1])
    facts = {
        "searcher": result.searcher,
        "dataset": result.dataset,
        "seed": seed,
        "found": space.format(found[0].tolist()),
        **({"official_index": int(space.flat_to_official[result.found[0]])} if space.indexed else {}),
        "points": int(result.points[0]),
        "wall_s": result.wall_s,
        "folder": str(folder),
        **({"note": evaluator.source.note} if evaluator.source.note else {}),
    }
    return facts if truth is None else {**facts, "gap": total_gap(result.settings, found, truth)}


def text(facts: dict[str, Any]) -> str:
    """What was found, for people."""
    from nasreplay.jobs.gap_measurement import gap_lines

    at = f"  (index {facts['official_index']})" if "official_index" in facts else ""
    lines = [
        f"{facts['searcher']} on {facts['dataset']}, seed {facts['seed']}: {facts['points']:,} steps, "
        f"{facts['wall_s']:,.1f} s",
        f"{'found':<20} {facts['found']}{at}",
    ]
    if "gap" in facts:
        lines += gap_lines(facts["gap"])
    elif at:
        lines.append("no table of this space knows this data set: `nasreplay tabulate` makes one")
    if "note" in facts:
        lines.append(f"{'note':<20} {facts['note']}")
    if "checkpoint" in facts:
        lines.append(f"{'checkpoint':<20} {facts['checkpoint']}")
    return "\n".join([*lines, f"{'run':<20} {facts['folder']}"])
