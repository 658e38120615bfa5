"""A comparison in words and numbers: flat rows for machines, tables for the terminal, Markdown for a paper trail.

`rows` computes everything once; the other two only format it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.files import columns
from nasreplay.runs.report import pairwise, published_rows, statistics
from nasreplay.runs.result import Result
from nasreplay.runs.store import Comparison, TableFacts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WALL_REPLICAS = 500  # wall seconds are scaled to this many replicas
Row = dict[str, Any]

HEADINGS = {  # column heading (a line break where the terminal breaks it): what the number is
    "searcher": "name; the best rank stands first",
    "validation\naccuracy %": "mean ± population standard deviation over the replicas",
    "95 %\ninterval": "of that mean, percentile bootstrap over replicas",
    "test\naccuracy %": "mean ± population standard deviation over the replicas",
    "regret": "best validation accuracy of the table minus the mean, in percent points",
    "rank": "expected rank when one replica of each searcher is drawn independently (ties shared, 1 is best)",
    "evalu-\nations": "accuracies asked and charged for, mean over the replicas",
    "simul.\nhours": "simulated hours spent, mean over the replicas",
    "wall s\nper 500": "wall seconds of all replicas together, scaled to 500 replicas",
}
MEANING_OF_SCORE = {
    "last": "Final accuracy (mean over trials) of the architecture that each replica ended with.",
    "published": "Final accuracy (mean over trials) at the budget, interpolated in time between the two recorded "
    "points nearest to it, as published for NATS-Bench.",
}


# --- rows ------------------------------------------------------------------------------------------


def rows(comparison: Comparison) -> list[Row]:
    """One flat dictionary per data set and searcher: ranked ones first, best rank first, the others below.

    Percent, percent points, seconds and hours as the keys say; None where there is no number. `beats` names,
    with spaces between, the searchers that are worse at a Holm-corrected p below 0.05; `p_NAME` is that p of the test
    against each searcher; `apart` says why a row has no
    rank.
    """
    return [row for dataset in comparison.datasets for row in _dataset_rows(comparison, dataset)]


def average_ranks(comparison: Comparison, rows_: Sequence[Row] | None = None) -> dict[str, float]:
    """Mean rank over the data sets by searcher, best first; only searchers ranked on all of them."""
    every = rows(comparison) if rows_ is None else rows_
    ranks = [
        {
            row["searcher"]: row["rank"]
            for row in every
            if row["dataset"] == dataset and row["rank"] is not None
        }
        for dataset in comparison.datasets
    ]
    return dict(sorted(statistics.average_ranks(ranks).items(), key=lambda item: item[1]))


def _dataset_rows(comparison: Comparison, dataset: str) -> list[Row]:
    truth, how = comparison.tables[dataset], comparison.settings.get("score", "last")
    results = comparison.of(dataset)
    scores = {r.searcher: statistics.score(r, truth, truth.budget_s, how) for r in results}
    ranked = {r.searcher: scores[r.searcher] for r in results if not statistics.apart(r)}
    ranked = {
        name: sample[np.isfinite(sample)] for name, sample in ranked.items() if np.isfinite(sample).any()
    }
    ranks = statistics.expected_ranks(ranked)
    pairs = statistics.compare_pairs(ranked)
    made = [_row(result, truth, scores[result.searcher], how) for result in results]
    for row in made:
        row["rank"] = ranks.get(row["searcher"])
        row["beats"] = pairwise.beaten_by(row["searcher"], pairs)
        row |= pairwise.p_values(row["searcher"], pairs, [result.searcher for result in comparison.results])
    return sorted(made, key=lambda row: (row["rank"] is None, row["rank"] or 0.0))


def _row(result: Result, truth: TableFacts, scores: np.ndarray, how: str) -> Row:
    valid, test = statistics.summarise(scores), None
    if truth.test is not None:
        test = statistics.summarise(statistics.score(result, truth, truth.budget_s, how, "test"))
    row = {
        "dataset": result.dataset,
        "searcher": result.searcher,
        "oracle": result.oracle,
        "apart": statistics.apart(result),
        "replicas": len(result.found),
        "score": how,
        "validation_accuracy_mean": valid.mean,
        "validation_accuracy_std": valid.std,
        "validation_accuracy_low95": valid.low,
        "validation_accuracy_high95": valid.high,
        "test_accuracy_mean": test.mean if test else None,
        "test_accuracy_std": test.std if test else None,
        "regret_mean": statistics.summarise(truth.optimum - scores).mean,
        "table_optimum": truth.optimum,
        "rank": None,
        "beats": "",
        "evaluations_mean": float(result.evaluations.mean()),
        "simulated_hours_mean": float(result.final_clock.mean()) / 3600,
        "budget_s": truth.budget_s,
        "wall_s": result.wall_s,
        "wall_s_per_500_replicas": result.wall_s * WALL_REPLICAS / len(result.found),
    }
    return {key: None if isinstance(n, float) and np.isnan(n) else n for key, n in row.items()}


# --- the terminal ----------------------------------------------------------------------------------


def print_report(comparison: Comparison, console: Console) -> None:
    """The notes, a table per data set with its tests, and the average ranks. Numbers are never cut short."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False)

    every = rows(comparison)
    for note in comparison.settings.get("notes", []):
        say(note)
    for dataset in comparison.datasets:
        mine = [row for row in every if row["dataset"] == dataset]
        say(f"\n{_title(mine)}", "bold")
        for line in _meanings(comparison.tables[dataset]):
            say(line, "dim")
        _print_whole(console, _table(mine, plain=not console.is_terminal))
        for line in _footnotes(mine):
            say(line)
        say(f"Beats at {pairwise.TEST}:")
        width = max(len(row["searcher"]) for row in mine)
        for row in _ranked(mine):
            say(f"  {row['searcher']:<{width}}  {pairwise.in_words(row, _ranked(mine))}")
    if len(comparison.datasets) > 1:
        say("\nAverage rank over the data sets", "bold")
        for name, rank in average_ranks(comparison, every).items():
            say(f"  {rank:5.2f}  {name}")
    if cells := published_rows.beside(comparison, every):
        say("\nBeside the published rows (accuracy %)", "bold")
        for line in (
            *columns.aligned([published_rows.HEADINGS, *cells]),
            *published_rows.footnotes(comparison),
        ):
            say(line)


def _table(mine: Sequence[Row], plain: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    line = "-" if plain else "─"  # plain text where no terminal draws it
    ruled = box.Box(f"    \n    \n {line * 2} \n    \n {line * 2} \n    \n    \n    \n")
    table = Table(box=ruled, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    headings, kept = list(HEADINGS), _kept_columns(mine)
    for k in kept:
        table.add_column(headings[k], justify="right" if k else "left", no_wrap=True, vertical="bottom")
    for k, row in enumerate(mine):
        style = "bold" if k == 0 and row["rank"] is not None else "dim" if row["apart"] else ""
        cells = _cells(row)
        last_ranked = row["rank"] is not None and k + 1 < len(mine) and mine[k + 1]["rank"] is None
        table.add_row(*(Text(cells[i]) for i in kept), style=style, end_section=last_ranked)
    return table


def _print_whole(console: Console, table: Table) -> None:
    """Print at the table's natural width even where the terminal is narrower."""
    natural = console.measure(table, options=console.options.update(max_width=1000)).maximum
    table.width = natural if natural > console.width else None
    console.print(table, crop=False)


# --- Markdown --------------------------------------------------------------------------------------


def markdown(comparison: Comparison, figures: Sequence[str] = ()) -> str:
    """The same content as Markdown, with the settings and the meaning of each number.

    figures: paths of pictures relative to where the text will lie, shown where a file name is
    `regret-<dataset>.png`.
    """
    every, settings = rows(comparison), comparison.settings
    lines = ["# Comparison of searchers", "", *[f"- {note}" for note in settings.get("notes", [])]]
    for dataset in comparison.datasets:
        mine = [row for row in every if row["dataset"] == dataset]
        lines += ["", f"## {_title(mine)}", ""]
        lines += [f"- {line}" for line in _meanings(comparison.tables[dataset])]
        lines += ["", *_markdown_table(mine), "", *[f"- {line}" for line in _footnotes(mine)]]
        lines += ["", f"Beats at {pairwise.TEST}:", ""]
        lines += [
            f"- **{row['searcher']}**: {pairwise.in_words(row, _ranked(mine))}" for row in _ranked(mine)
        ]
        pictures = [path for path in figures if path.rsplit("/", 1)[-1] == f"regret-{dataset}.png"]
        lines += [line for path in pictures for line in ("", f"![Mean regret on {dataset}]({path})")]
    if len(comparison.datasets) > 1:
        lines += ["", "## Average rank over the data sets", ""]
        means = [(name, f"{rank:.2f}") for name, rank in average_ranks(comparison, every).items()]
        lines += columns.markdown([("searcher", "rank"), *means], "lr")
    if cells := published_rows.beside(comparison, every):
        table = columns.markdown([published_rows.HEADINGS, *cells])
        lines += ["", "## Beside the published rows (accuracy %)", "", *table]
        lines += ["", *published_rows.footnotes(comparison)]
    lines += ["", "## What the numbers mean", "", MEANING_OF_SCORE[settings.get("score", "last")], ""]
    lines += [f"- {_one_line(heading)}: {text}" for heading, text in HEADINGS.items()]
    lines += ["", "## Settings", ""]
    shown = {key: value for key, value in settings.items() if key not in ("notes", "printed", "departures")}
    values = [(key, f"`{json.dumps(value, ensure_ascii=False)}`") for key, value in shown.items()]
    lines += columns.markdown([("setting", "value"), *values])
    return "\n".join(lines) + "\n"


def _markdown_table(mine: Sequence[Row]) -> list[str]:
    headings, kept = [_one_line(heading) for heading in HEADINGS], _kept_columns(mine)
    return columns.markdown(
        [[row[k] for k in kept] for row in (headings, *map(_cells, mine))], "l".ljust(len(kept), "r")
    )


def _one_line(heading: str) -> str:
    return heading.replace("-\n", "").replace("\n", " ")


# --- words and cells that both share ---------------------------------------------------------------


def _title(mine: Sequence[Row]) -> str:
    first, counts = mine[0], sorted({row["replicas"] for row in mine})
    replicas = (
        "1 replica" if counts == [1] else f"{'–'.join(map(str, counts[:: len(counts) - 1 or 1]))} replicas"
    )
    budget = "" if first["budget_s"] is None else f", budget {first['budget_s'] / 3600:,.1f} simulated hours"
    return f"{first['dataset']}: best of the table {first['table_optimum']:.2f} %, {replicas}{budget}"


def _meanings(truth: TableFacts) -> list[str]:
    """What the accuracies of the table are: validation, and test where it has one."""
    shown = ("valid",) if truth.test is None else ("valid", "test")
    return [truth.meaning[split] for split in shown if split in truth.meaning]


def _cells(row: Row) -> list[str]:
    """The texts of one row, in the order of HEADINGS."""
    low, high = row["validation_accuracy_low95"], row["validation_accuracy_high95"]
    rank = row["rank"]
    return [
        row["searcher"],
        _spread(row, "validation_accuracy"),
        "–" if low is None else f"{low:.2f}–{high:.2f}",
        _spread(row, "test_accuracy"),
        _number(row["regret_mean"], 2),
        f"{rank:.2f}" if rank is not None else "oracle" if row["oracle"] else "apart",
        _number(row["evaluations_mean"], 0 if row["evaluations_mean"] >= 1000 else 1),
        _number(row["simulated_hours_mean"], 1),
        _number(row["wall_s_per_500_replicas"], 2 if row["wall_s_per_500_replicas"] < 100 else 0),
    ]


def _kept_columns(mine: Sequence[Row]) -> list[int]:
    without_test = all(row["test_accuracy_mean"] is None for row in mine)
    return [k for k, heading in enumerate(HEADINGS) if not (heading.startswith("test") and without_test)]


def _spread(row: Row, what: str) -> str:
    mean, std = row[f"{what}_mean"], row[f"{what}_std"]
    if mean is None:
        return "–"
    return f"{mean:.2f} ± {std:.2f}" if row["replicas"] > 1 else f"{mean:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"  # + 0.0: no minus zero


def _footnotes(mine: Sequence[Row]) -> list[str]:
    """One line per reason why rows stand apart."""
    reasons: dict[str, list[str]] = {}
    for row in mine:
        if row["apart"]:
            why = row["apart"].replace("oracle", "oracle (exact slope of the whole table)", row["oracle"])
            reasons.setdefault(why, []).append(row["searcher"])
    return [f"{', '.join(names)}: {why}; not ranked" for why, names in reasons.items()]


def _ranked(mine: Sequence[Row]) -> list[Row]:
    return [row for row in mine if row["rank"] is not None]
