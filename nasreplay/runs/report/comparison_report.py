"""A comparison in words and numbers: tables for the terminal, Markdown for a paper trail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasreplay.files import columns
from nasreplay.runs.report import pairwise, published_rows
from nasreplay.runs.report.rows import Row, average_ranks, rows
from nasreplay.runs.result import Comparison, TableFacts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

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
SAID = ("notes", "printed", "departures")
"""Settings that a report tells in words; "printed" is of older files."""


# --- the terminal ----------------------------------------------------------------------------------


def print_report(comparison: Comparison, console: Console) -> None:
    """The notes, a table per data set with its tests, and the average ranks. Numbers are never cut short."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False)

    every = rows(comparison)
    for note in comparison.notes:
        say(note)
    for dataset in comparison.datasets:
        mine = [row for row in every if row.dataset == dataset]
        say(f"\n{_title(mine)}", "bold")
        for line in _meanings(comparison.tables[dataset]):
            say(line, "dim")
        _print_whole(console, _table(mine, plain=not console.is_terminal))
        for line in _footnotes(mine):
            say(line)
        say(f"Beats at {pairwise.TEST}:")
        width = max(len(row.searcher) for row in mine)
        for row in _ranked(mine):
            say(f"  {row.searcher:<{width}}  {pairwise.in_words(row, _ranked(mine))}")
    if len(comparison.datasets) > 1:
        say("\nAverage rank over the data sets", "bold")
        for name, rank in average_ranks(every).items():
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
        style = "bold" if k == 0 and row.rank is not None else "dim" if row.apart else ""
        cells = _cells(row)
        last_ranked = row.rank is not None and k + 1 < len(mine) and mine[k + 1].rank is None
        table.add_row(*(Text(cells[i]) for i in kept), style=style, end_section=last_ranked)
    return table


def _print_whole(console: Console, table: Table) -> None:
    """Print at the table's natural width even where the terminal is narrower."""
    natural = console.measure(table, options=console.options.update(max_width=1000)).maximum
    table.width = natural if natural > console.width else None
    console.print(table, crop=False)


# --- Markdown --------------------------------------------------------------------------------------


def markdown(comparison: Comparison, figures: Sequence[str] = ()) -> str:
    """The report as Markdown, with the settings and the meaning of each number.

    figures: paths of pictures relative to where the text will lie, shown where a file name is
    `regret-<dataset>.png`.
    """
    every = rows(comparison)
    lines = ["# Comparison of searchers", "", *[f"- {note}" for note in comparison.notes]]
    for dataset in comparison.datasets:
        mine = [row for row in every if row.dataset == dataset]
        lines += ["", f"## {_title(mine)}", ""]
        lines += [f"- {line}" for line in _meanings(comparison.tables[dataset])]
        lines += ["", *_markdown_table(mine), "", *[f"- {line}" for line in _footnotes(mine)]]
        lines += ["", f"Beats at {pairwise.TEST}:", ""]
        lines += [f"- **{row.searcher}**: {pairwise.in_words(row, _ranked(mine))}" for row in _ranked(mine)]
        pictures = [path for path in figures if path.rsplit("/", 1)[-1] == f"regret-{dataset}.png"]
        lines += [line for path in pictures for line in ("", f"![Mean regret on {dataset}]({path})")]
    if len(comparison.datasets) > 1:
        ranks = [(name, f"{rank:.2f}") for name, rank in average_ranks(every).items()]
        lines += ["", "## Average rank over the data sets", ""]
        lines += columns.markdown([("searcher", "rank"), *ranks], "lr")
    if cells := published_rows.beside(comparison, every):
        lines += ["", "## Beside the published rows (accuracy %)", ""]
        lines += columns.markdown([published_rows.HEADINGS, *cells])
        lines += ["", *published_rows.footnotes(comparison)]
    lines += ["", "## What the numbers mean", "", MEANING_OF_SCORE[comparison.score], ""]
    lines += [f"- {_one_line(heading)}: {text}" for heading, text in HEADINGS.items()]
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in comparison.settings.items()}
    shown = [(name, f"`{value}`") for name, value in values.items() if name not in SAID]
    lines += ["", "## Settings", "", *columns.markdown([("setting", "value"), *shown])]
    return "\n".join(lines) + "\n"


def _markdown_table(mine: Sequence[Row]) -> list[str]:
    headings, kept = [_one_line(heading) for heading in HEADINGS], _kept_columns(mine)
    table = [headings, *map(_cells, mine)]
    return columns.markdown([[line[k] for k in kept] for line in table], "l".ljust(len(kept), "r"))


def _one_line(heading: str) -> str:
    return heading.replace("-\n", "").replace("\n", " ")


# --- words and cells that both share ---------------------------------------------------------------


def _title(mine: Sequence[Row]) -> str:
    first, counts = mine[0], sorted({row.replicas for row in mine})
    replicas = (
        "1 replica" if counts == [1] else f"{'–'.join(map(str, counts[:: len(counts) - 1 or 1]))} replicas"
    )
    budget = "" if first.budget_s is None else f", budget {first.budget_s / 3600:,.1f} simulated hours"
    return f"{first.dataset}: best of the table {first.table_optimum:.2f} %, {replicas}{budget}"


def _meanings(truth: TableFacts) -> list[str]:
    """What the accuracies of the table are: validation, and test where it has one."""
    shown = ("valid",) if truth.test is None else ("valid", "test")
    return [truth.meaning[split] for split in shown if split in truth.meaning]


def _cells(row: Row) -> list[str]:
    """The texts of one row, in the order of HEADINGS."""
    low, high = row.validation_accuracy_low95, row.validation_accuracy_high95
    rank = row.rank
    return [
        row.searcher,
        _spread(row, row.validation_accuracy_mean, row.validation_accuracy_std),
        "–" if low is None else f"{low:.2f}–{high:.2f}",
        _spread(row, row.test_accuracy_mean, row.test_accuracy_std),
        _number(row.regret_mean, 2),
        f"{rank:.2f}" if rank is not None else "oracle" if row.oracle else "apart",
        _number(row.evaluations_mean, 0 if row.evaluations_mean >= 1000 else 1),
        _number(row.simulated_hours_mean, 1),
        _number(row.wall_s_per_500_replicas, 2 if row.wall_s_per_500_replicas < 100 else 0),
    ]


def _kept_columns(mine: Sequence[Row]) -> list[int]:
    without_test = all(row.test_accuracy_mean is None for row in mine)
    return [k for k, heading in enumerate(HEADINGS) if not (heading.startswith("test") and without_test)]


def _spread(row: Row, mean: float | None, std: float | None) -> str:
    if mean is None:
        return "–"
    return f"{mean:.2f} ± {std:.2f}" if row.replicas > 1 else f"{mean:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"  # + 0.0: no minus zero


def _footnotes(mine: Sequence[Row]) -> list[str]:
    """One line per reason why rows stand apart."""
    reasons: dict[str, list[str]] = {}
    for row in mine:
        if row.apart:
            why = row.apart.replace("oracle", "oracle (exact slope of the whole table)", row.oracle)
            reasons.setdefault(why, []).append(row.searcher)
    return [f"{', '.join(names)}: {why}; not ranked" for why, names in reasons.items()]


def _ranked(mine: Sequence[Row]) -> list[Row]:
    return [row for row in mine if row.rank is not None]
