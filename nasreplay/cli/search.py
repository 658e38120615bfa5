"""`nasreplay search`: one searcher, one replica, with its full event log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli import evaluators, live, options
from nasreplay.errors import BadSetting
from nasreplay.jobs import rank_zero


@click.command(short_help="Run one searcher, with its full event log.")
@click.argument("searcher")
@options.together(evaluators.EVALUATOR, evaluators.DATASET)
@options.together(options.TABLE, options.RECIPE, options.TRIAL, options.BUDGET, options.EVALUATIONS)
@options.together(options.GRADIENT, options.SAMPLES, options.SEED, options.SET, options.CONFIG)
@options.together(*live.ALL)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder. Default: under output/, named after searcher, data set and seed.",
)
@click.option("--resume", is_flag=True, help="Continue the run that --out holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def search(searcher: str, out: Path | None, resume: bool, as_json: bool, **chosen: Any) -> None:
    """Run SEARCHER until its budget or its epochs end, and record everything that it did.

    The run folder holds run.json (settings), events.jsonl (every evaluation or step), checkpoint/ and
    results.h5. A killed run continues with --resume, and its log equals the uninterrupted one.
    """
    from nasreplay.runs.record import RunFolder, read_header, result_of
    from nasreplay.runs.store import save_result
    from nasreplay.search import run
    from nasreplay.seeds import root_seed

    if resume and out is None:
        raise BadSetting("--resume needs --out, the folder of the run")
    if rank_zero.several() and chosen["evaluator"] != "supernet":
        raise BadSetting(
            f"--evaluator {chosen['evaluator']} works in one process; several train a supernet: --evaluator supernet"
        )
    kept = out if resume and chosen["seed"] == -1 else None
    seed = rank_zero.broadcast(lambda: read_header(kept)["seed"] if kept else root_seed(chosen["seed"]))
    if chosen["evaluator"] != "table":
        from nasreplay.jobs import live_search

        facts = live_search.run_live(searcher, out, resume, seed, chosen)
        click.echo(json.dumps(facts, indent=1) if as_json else live_search.text(facts))
        return
    evaluators.refuse_idle("table")
    made, table, budget = _build(searcher, chosen)
    folder = out or Path("output/search") / f"{made.name}-{table.dataset}-seed{seed}"
    recorder = RunFolder(folder, {"command": options.command_line()}, resume=resume)
    outcome = run(made, table, budget, seed=seed, recorder=recorder)
    if not outcome.finished:
        raise click.ClickException(f"interrupted; continue with: --out {folder} --resume")
    result = result_of(folder)
    save_result(folder / "results.h5", result)
    facts = _facts(made, table, result)
    facts |= {"seed": seed, "folder": str(folder)}
    click.echo(json.dumps(facts, indent=1) if as_json else _text(facts))


def _build(name: str, chosen: dict[str, Any]) -> tuple[Any, Any, Any]:
    from nasreplay.replay.budgets import time_budget
    from nasreplay.search import Budget, make

    name = make(name).name
    made = make(name, options.changes_of(chosen["configs"], chosen["sets"], (name,)).get(name))
    table = evaluators.evaluator_of({**chosen, "rungs": made.rungs})
    if chosen["budget"] is None and chosen["evaluations"] is None:
        return made, table, Budget(simulated_s=time_budget(table).seconds)
    return made, table, Budget(simulated_s=chosen["budget"], evaluations=chosen["evaluations"])


def _facts(searcher: Any, table: Any, result: Any) -> dict[str, Any]:
    """What was found, as named numbers."""
    import numpy as np

    found = int(result.found[0])
    codes = table.space.codes([found])
    report = table.report(codes)
    valid = float(report.valid[0])
    facts = {
        "searcher": result.searcher,
        "dataset": result.dataset,
        "oracle": result.oracle,
        "found": table.space.format(codes[0].tolist()),
        "official_index": int(table.space.flat_to_official[found]),
        "validation_accuracy": valid,
        "meaning": report.meaning["valid"],
        "rank": int((table.final.mean > valid).sum()) + 1,
        "of": table.space.size,
        "regret": table.optimum - valid,
        "evaluations": int(result.evaluations[0]),
        "points": int(result.points[0]),
        "simulated_s": float(result.final_clock[0]),
        "wall_s": result.wall_s,
    }
    if report.test is not None:
        facts |= {"test_accuracy": float(report.test[0]), "test_meaning": report.meaning["test"]}
    if hasattr(searcher, "derive"):
        derived = table.report(searcher.derive(10)[0]).valid
        facts["derived_validation_accuracy"] = float(np.max(derived))
    return facts


def _text(facts: dict[str, Any]) -> str:
    what = "oracle steps" if facts["oracle"] else "evaluations"
    count = facts["points"] if facts["oracle"] else facts["evaluations"]
    lines = [
        f"{facts['searcher']} on {facts['dataset']}, seed {facts['seed']}: {count:,} {what}, "
        f"{facts['simulated_s'] / 3600:,.1f} simulated hours, {facts['wall_s']:.1f} s here",
        f"found    {facts['found']}  (index {facts['official_index']})",
        f"valid    {facts['validation_accuracy']:.2f} %, regret {facts['regret']:.2f}, "
        f"rank {facts['rank']:,} of {facts['of']:,}",
        f"         {facts['meaning']}",
    ]
    if "test_accuracy" in facts:
        lines += [f"test     {facts['test_accuracy']:.2f} %", f"         {facts['test_meaning']}"]
    if "derived_validation_accuracy" in facts:
        lines.append(
            f"derived  {facts['derived_validation_accuracy']:.2f} %, best of 10 samples of the final policy"
        )
    return "\n".join([*lines, f"run      {facts['folder']}"])
