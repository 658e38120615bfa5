"""`nasreplay gap`: how far a live search is from the table, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.files.columns import aligned
from nasreplay.jobs.gap_measurement import EVALUATIONS, rank_error, total_gap


@click.command(short_help="The gap between a live run and the table.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--sample", default=100, show_default=True, help="Architectures for Kendall's tau.")
@click.option("--all", "every", is_flag=True, help="Tau over the whole space.")
@click.option("--table", metavar="PACK", help="The table to compare with. Default: the embedded one.")
@click.option("--seed", default=0, show_default=True, help="Of the sample.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gap(run: Path, sample: int, every: bool, table: str | None, seed: int, as_json: bool) -> None:
    """Analyse the finished live run in the folder RUN.

    The total gap is what the same searcher finds on the table minus what the run found, both read from the table.
    Kendall's tau between shared-weight accuracies and the table says how much of it is rank error.
    """
    from nasreplay.cli import live
    from nasreplay.runs.record import result_of

    if sample < 2:
        raise BadSetting(f"--sample {sample}: tau needs at least 2 architectures")
    evaluator, chosen = live.of_run(run)
    truth = live.truth({**chosen, "table": table or chosen["table"]})
    evaluator.space.count()  # refuses spaces that no table can hold
    if truth is None:
        raise NotMeasured(
            f"no table of the {evaluator.space.name} space knows {chosen['dataset']}: make one with "
            "`nasreplay tabulate`, then --table PACK"
        )
    result = result_of(run)
    facts = total_gap(result.settings, result.codes(result.found[:1]), truth)
    facts["rank_error"] = rank_error(evaluator, truth, None if every else sample, seed)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    rows = [*total_rows(facts), *_rank_rows(facts["rank_error"])]
    if evaluator.source.note:
        rows.append(("note", evaluator.source.note))
    click.echo("\n".join(aligned(rows)))


def total_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The total gap in words: a label and its text per row."""
    kind = "oracle (exact slope)" if facts["oracle"] else f"{EVALUATIONS} looks at the table"
    return [
        ("live found", _found(facts["live"], facts["found"])),
        (kind, _found(facts["table"], facts["on_table"])),
        ("with settings", _settings(facts)),
        ("total gap", f"{facts['gap']:6.2f} points of validation accuracy"),
    ]


def _number(row: dict[str, Any]) -> str:
    return f"{row['table_valid']:6.2f} % valid, rank {row['table_rank']:,}, regret {row['table_regret']:.2f}"


def _found(row: dict[str, Any], text: str) -> str:
    test = f", {row['table_test']:.2f} % test" if "table_test" in row else ""
    return f"{_number(row)}{test}  {text}"


def _settings(facts: dict[str, Any]) -> str:
    own = facts["own_settings"]
    others = [f"{key} {value}" for key, value in facts["settings"].items() if key not in own]
    parts = [f"the run's {', '.join(f'{key} {value}' for key, value in own.items())}"] if own else []
    parts += [f"the table's {', '.join(others)}"] if others else []
    parts += [f"cut at {EVALUATIONS} looks, before the end of its epochs"] if facts["cut"] else []
    return "; ".join(parts) or "it has none"


def _rank_rows(error: dict[str, Any]) -> list[tuple[str, str]]:
    best, ties = error["best_by_shared_weights"], error["ties_for_best"]
    equal = f"; the first of {ties:,} with equal shared-weight accuracy" if ties > 1 else ""
    return [
        (
            "rank error",
            f"Kendall tau {error['kendall_tau']:.3f}, Spearman {error['spearman_rho']:.3f} between "
            f"shared-weight accuracy and table, {error['architectures']:,} architectures",
        ),
        ("best by weights", f"{_number(best)}{equal}"),
    ]
