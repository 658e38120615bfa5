"""`nasreplay gap`: how far a live search is from the table, and why."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nasreplay.errors import BadSetting, NotMeasured


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
    from nasreplay.jobs.gap_measurement import gap_lines, rank_error, total_gap
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
    error = facts["rank_error"]
    best = error["best_by_shared_weights"]
    click.echo("\n".join(gap_lines(facts)))
    click.echo(
        f"{'rank error':<20} Kendall tau {error['kendall_tau']:.3f}, Spearman {error['spearman_rho']:.3f} between "
        f"shared-weight accuracy and table, {error['architectures']:,} architectures"
    )
    click.echo(
        f"{'best by weights':<20} {best['table_valid']:6.2f} % valid, rank {best['table_rank']:,}, "
        f"regret {best['table_regret']:.2f}{_ties(error['ties_for_best'])}"
    )
    if evaluator.source.note:
        click.echo(f"{'note':<20} {evaluator.source.note}")


def _ties(count: int) -> str:
    return f"; the first of {count:,} with equal shared-weight accuracy" if count > 1 else ""
