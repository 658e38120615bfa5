"""A live search: what `nasreplay search` does with a supernet or with scratch training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nasreplay.cli import evaluators, live, options

SAVE_EVERY_S = 30.0


def run_live(name: str, out: Path | None, resume: bool, seed: int, chosen: dict[str, Any]) -> dict[str, Any]:
    """Run and record a live search; returns what was found, as JSON values. Raises what its parts raise."""
    from nasreplay.runs.board import Board
    from nasreplay.runs.record import RunFolder, result_of
    from nasreplay.runs.store import save_result
    from nasreplay.search import health, run

    searcher = _searcher(name, chosen)
    evaluator = evaluators.evaluator_of({**chosen, "searcher": searcher.name})
    truth = live.truth(chosen)
    epochs = searcher.epochs_on(evaluator)
    folder = out or default_folder(searcher.name, chosen) / f"seed-{seed}"
    click.echo(f"{searcher.name}, seed {seed}: {live.resolved(evaluator, epochs)}", err=True)
    board = Board(folder / "tensorboard")

    def each_epoch(epoch: int, searcher: Any, evaluator: Any) -> dict[str, Any]:
        facts = health.epoch_facts(searcher, evaluator, truth)
        board.add(epoch, facts)
        click.echo(health.line(epoch, epochs or 0, facts), err=True)
        if warning := health.warning(facts):
            click.echo(f"warning: {warning}", err=True)
        return facts

    recorder = RunFolder(
        folder,
        {"command": options.command_line(), "options": _plain({**chosen, "searcher": searcher.name})},
        resume=resume,
        save_every_s=SAVE_EVERY_S,
        each_epoch=each_epoch if epochs else None,
        files=live.checkpoint_files(),
    )
    with _bar(evaluator, epochs) as progress:
        outcome = run(
            searcher, evaluator, _budget(chosen, epochs), seed=seed, recorder=recorder, progress=progress
        )
    board.close()
    if not outcome.finished:
        raise click.ClickException(f"interrupted; continue with: --out {folder} --resume")
    result = result_of(folder)
    save_result(folder / "results.h5", result)
    return _facts(searcher, evaluator, truth, result, seed, folder)


def default_folder(name: str, chosen: dict[str, Any]) -> Path:
    """Where the published scripts save: output/search-cell-nas-bench-201/GDAS-cifar10-BN1."""
    if chosen["evaluator"] != "supernet":
        return Path("output/search") / f"{name}-{chosen['dataset']}-{chosen['evaluator']}"
    dataset = Path(chosen["dataset"]).name
    return Path("output/search-cell-nas-bench-201") / f"{name.upper()}-{dataset}-BN{chosen['bn']}"


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
    return {key: str(value) if isinstance(value, Path) else value for key, value in chosen.items()}


def _facts(searcher: Any, evaluator: Any, truth: Any, result: Any, seed: int, folder: Path) -> dict[str, Any]:
    from nasreplay.search.gap import total_gap

    found = evaluator.space.codes(result.found[:1])
    facts = {
        "searcher": result.searcher,
        "dataset": result.dataset,
        "seed": seed,
        "found": evaluator.space.format(found[0].tolist()),
        "official_index": int(evaluator.space.flat_to_official[result.found[0]]),
        "points": int(result.points[0]),
        "wall_s": result.wall_s,
        "folder": str(folder),
    }
    return facts if truth is None else {**facts, "gap": total_gap(result.searcher, found, truth, seed)}


def text(facts: dict[str, Any]) -> str:
    """What was found, for people."""
    from nasreplay.search.gap import gap_lines

    lines = [
        f"{facts['searcher']} on {facts['dataset']}, seed {facts['seed']}: {facts['points']:,} steps, "
        f"{facts['wall_s']:,.1f} s",
        f"{'found':<20} {facts['found']}  (index {facts['official_index']})",
    ]
    if "gap" in facts:
        lines += gap_lines(facts["gap"])
    else:
        lines.append("no table knows this data set: `nasreplay tabulate` makes one")
    return "\n".join([*lines, f"{'run':<20} {facts['folder']}"])
