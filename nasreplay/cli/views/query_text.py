"""What `nasreplay query` prints for people: aligned plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nasreplay.cli.views.fold import WHOLE, width
from nasreplay.data.query_result import Accuracy, QueryResult
from nasreplay.data.trials import MEAN, NOT_KNOWN
from nasreplay.files.columns import aligned
from nasreplay.spaces import Space

WORDS = {"valid": "validation", "test": "test", "valtest": "validation + test", "train": "training"}
SECTIONS = 20  # more architectures than this become a list
UNKNOWN = "–"
SPARED = " accuracy, %"  # of labels where the terminal is narrow: the percent sign says it

Cells = dict[tuple, str]  # (*place of the row, label) → cell


def lines(result: QueryResult) -> Iterator[str]:
    """The text of a query: architectures side by side if they fit the terminal, else sections; many are a list."""
    missing = [result.why_no_test] if result.why_no_test else []
    if result.best_of is not None:
        yield from best_lines(result, missing)
    elif len(result) > SECTIONS:
        result = result.firsts()
        yield from (*listing(result), "", *missing)
    else:
        yield from _in_full(result, missing)
    yield ""
    yield from ([result.note] if result.table is None else notes(result))


def _in_full(result: QueryResult, missing: list[str]) -> list[str]:
    columns = side_by_side(result)
    if len(result) > 1 and max(map(len, columns)) <= (
        110 if width(piped=True) == WHOLE else width(piped=True)
    ):
        return [*(_heading(result, which) for which in range(len(result))), *missing, "", *columns]
    return [line for which in range(len(result)) for line in ["", *section(result, which, missing)]][1:]


def section(result: QueryResult, which: int, missing: Sequence[str] = ()) -> list[str]:
    """One architecture: its data sets are the columns."""
    columns = [(name, _cells(result, name, which)) for name in result.datasets]
    space, each = result.space, result.space.at(result.index[which])
    about = f"{space.name} space · index {each.index}{f' · key {each.key}' if each.key else ''}"
    return [each.text, about, *missing, "", *_blocks(columns), *_neighbor_lines(result, which)]


def _blocks(columns: list[tuple[str, Cells]]) -> list[str]:
    """A grid of the columns, or several below each other where the terminal is narrow."""
    for count in range(len(columns), 0, -1):
        rows = grid(columns[:count])
        if count == 1 or max(map(len, rows)) <= width(piped=True):
            return rows + (["", *_blocks(columns[count:])] if columns[count:] else [])
    return []


def side_by_side(result: QueryResult) -> list[str]:
    """A grid of several architectures: they are the columns, the data sets stand below each other."""
    several = range(len(result))
    headings = [f"#{official}" for official in result.index]
    stacked: list[Cells] = [{} for _ in several]
    for place, name in enumerate(result.datasets):
        for which in several:
            cells = _cells(result, name, which)
            stacked[which][place, -1, name] = ""
            stacked[which] |= {(place, *row, f"  {label}"): cell for (*row, label), cell in cells.items()}
    return grid(list(zip(headings, stacked, strict=True)))


def listing(result: QueryResult) -> list[str]:
    """One line per architecture: the first accuracy, its rank and the test accuracy on every data set."""
    head = ["index"]
    for name, known in result.datasets.items():
        labels = [f"{WORDS[each.split]} %" for each in known.accuracies]
        head += [f"{name} {labels[0]}", "rank", *labels[1:]] if labels else [f"{name} params M", "FLOPs M"]
    rows = [[*head, "architecture"]]
    for which, (index, text) in enumerate(zip(result.index, result.architectures, strict=True)):
        cells = [f"#{index}"]
        for known in result.datasets.values():
            if known.accuracies:
                each, *tests = known.accuracies
                cells += [_plus_minus(each, which), f"{each.rank[which]:,}" if each.rank[which] else UNKNOWN]
                cells += [_plus_minus(test, which) for test in tests]
            else:
                cells += [_millions(known.parameters[which]), _number(known.flops[which] / 1e6)]
        rows.append([*cells, text])
    return _text_last(rows, width())  # thousands go into a pipe


def best_lines(result: QueryResult, missing: Sequence[str] = ()) -> Iterator[str]:
    """The best architectures, one line each."""
    ((name, known),) = result.datasets.items()
    each, head = known.accuracies[0], ["rank", *(f"{WORDS[one.split]} %" for one in known.accuracies)]
    rows = [[*head, "params M", "FLOPs M", "latency ms", "index", "architecture"]]
    for which, (index, text) in enumerate(zip(result.index, result.architectures, strict=True)):
        cells = [f"{each.rank[which]:,}", *(_plus_minus(one, which) for one in known.accuracies)]
        cells += [_millions(known.parameters[which])]
        cells += [_number(known.flops[which] / 1e6), _number(known.latency[which] * 1e3)]
        rows.append([*cells, f"#{index}", text])
    among = f"{result.best_of:,} architectures with {result.limits}"
    among = among if result.limits else f"{each.measured:,} measured architectures"
    yield f"{name}: the best {len(result)} of {among}"
    yield from missing
    yield ""
    yield from _text_last(rows, width(piped=True))


def notes(result: QueryResult) -> Iterator[str]:
    """The exact meaning of every accuracy that was shown."""
    yield f"What the accuracies are (table: {result.table})"
    every = [each for known in result.datasets.values() for each in known.accuracies]
    titles = [f"{each.dataset} {WORDS[each.split]}" for each in every]
    meanings = {title: each.meaning.sentence for title, each in zip(titles, every, strict=True)}
    yield from (f"  {line}" for line in aligned(list(meanings.items())))
    for title, group in _grouped(every, titles).items():
        yield f"  {', '.join(group)}: {title}" if len(group) < len(every) else f"  {title}"
    yield "  rank 1 = best of all measured, ties share the better rank; ± is the population standard deviation"


def _grouped(every: list[Accuracy], titles: list[str]) -> dict[str, list[str]]:
    """How it was trained and averaged → the accuracies that this holds for."""
    groups: dict[str, list[str]] = {}
    for each, title in zip(every, titles, strict=True):
        at = f"recipe {each.recipe}, epoch {each.epochs} of {each.epochs}, {trials_phrase(each)}"
        groups.setdefault(at, []).append(title)
    return groups


def trials_phrase(each: Accuracy) -> str:
    """Which trials an accuracy averages."""
    if each.averaged_by_source:
        return NOT_KNOWN
    if each.trial != MEAN:
        return f"trial {each.trial} alone"
    return f"mean of the trials an architecture has out of {', '.join(map(str, each.seeds))}"


# --- the cells of one architecture on one data set -------------------------------------------------


def _cells(result: QueryResult, name: str, which: int) -> Cells:
    known = result.datasets[name]
    cells: Cells = {}
    for each in known.accuracies:
        cells |= _accuracy_cells(each, which)
    costs = {"parameters, M": _millions(known.parameters[which])}
    costs["FLOPs, M multiply-adds"] = _number(known.flops[which] / 1e6)
    if result.table is not None:
        costs["latency, ms a batch"] = _number(known.latency[which] * 1e3)
    cells |= {(1, row, label): cell for row, (label, cell) in enumerate(costs.items())}
    if known.accuracies:
        cells |= _around_cells(result, known.accuracies[0], which)
    return cells


def _accuracy_cells(each: Accuracy, which: int) -> Cells:
    length = (
        f"{each.epochs} epochs" if each.recipe.lstrip("0") == str(each.epochs) else f"recipe {each.recipe}"
    )
    trial = "" if each.trial == MEAN else f" of trial {each.trial}"
    measured = each.rank[which] > 0
    rows = {f"{WORDS[each.split]} accuracy{trial}, %, {length}": _plus_minus(each, which)}
    rows["  rank"] = f"{each.rank[which]:,} of {each.measured:,}" if measured else UNKNOWN
    rows["  better than"] = f"{each.percentile[which]:.2f} %" if measured else UNKNOWN
    trials = zip(each.seeds, each.trials[which], strict=True)
    rows |= {f"  trial {seed}": _number(value) for seed, value in trials}
    rows["  training, s"] = _number(each.training_seconds[which], 0)
    place = (0, -each.epochs, each.recipe, list(WORDS).index(each.split))
    return {(*place, row, label): cell for row, (label, cell) in enumerate(rows.items())}


def _around_cells(result: QueryResult, each: Accuracy, which: int) -> Cells:
    """The best neighbor and the equivalent cells, by the first accuracy."""
    beside, gain = each.neighbor_accuracy[which], each.gain[which]
    neighbor, known = each.neighbor[which], beside == beside
    rows = {
        "best one-edit neighbor": f"{_number(beside)} ({_number(gain, sign='+')})" if known else UNKNOWN,
        "  its edit": edit(result.space, result.index[which], neighbor) if known else UNKNOWN,
        "  its index": f"#{neighbor}" if known else UNKNOWN,
    }
    if result.equivalent is not None:
        rows["equivalent cells"] = str(result.equivalent[which])
    same = zip(each.equivalents[which], each.equivalents_accuracy[which], strict=True)
    for label, (index, value) in zip(("  the best", "  second", "  third"), same, strict=True):
        if index >= 0:
            rows[label] = f"{_number(value)} #{index}"
    return {(2, row, label): cell for row, (label, cell) in enumerate(rows.items())}


def edit(space: Space, before: int, after: int) -> str:
    """What one edit turns an architecture into another, such as `3←1 skip_connect`."""
    old, new = space.codes([before, after])
    decision = int(np.argmax(old != new))
    return f"{space.labels[decision]} {space.options[decision][new[decision]]}"


def _neighbor_lines(result: QueryResult, which: int) -> list[str]:
    owners: dict[int, list[str]] = {}
    for name, known in result.datasets.items():
        for each in known.accuracies[:1]:
            if not np.isnan(each.neighbor_accuracy[which]):
                owners.setdefault(int(each.neighbor[which]), []).append(name)
    if not owners:
        return []
    rows = [(f"#{index:<5}", result.text(index), ", ".join(names)) for index, names in owners.items()]
    return ["", "Best one-edit neighbor", *(f"  {line}" for line in aligned(rows))]


# --- alignment -------------------------------------------------------------------------------------


def grid(columns: Sequence[tuple[str, Cells]]) -> list[str]:
    """Lines of labeled rows; a blank line where the first part of a row's place changes."""
    rows, last = [["", *(heading for heading, _ in columns)]], None
    for place in sorted({place for _, cells in columns for place in cells}):
        rows += [[""] * len(rows[0])] if last not in (None, place[0]) else []
        rows.append([place[-1], *(cells.get(place, UNKNOWN) for _, cells in columns)])
        last = place[0]
    lines = aligned(rows, "l".ljust(len(rows[0]), "r"))
    if max(map(len, lines)) <= width(piped=True) or not any(SPARED in row[0] for row in rows):
        return lines
    spared = [
        (heading, {(*place, label.replace(SPARED, " %")): cell for (*place, label), cell in cells.items()})
        for heading, cells in columns
    ]
    return grid(spared)


def _text_last(rows: list[list[str]], columns: int) -> list[str]:
    """Rows whose last cell is an architecture, which stands below its row where there are fewer columns."""
    lines = aligned(rows, "r" * (len(rows[0]) - 1))
    if max(map(len, lines)) <= columns:
        return lines
    rows = [[cell.replace(f" {WORDS['valid']} %", " %") for cell in rows[0]], *rows[1:]]
    head, *short = aligned([row[:-1] for row in rows], "r" * (len(rows[0]) - 1))
    return [
        head,
        *(line for row, own in zip(rows[1:], short, strict=True) for line in (own, f"      {row[-1]}")),
    ]


def _heading(result: QueryResult, which: int) -> str:
    index = result.index[which]
    return f"{f'#{index}':6}  {result.text(index)}"


def _plus_minus(each: Accuracy, which: int) -> str:
    value, std = _number(each.accuracy[which]), each.std[which]
    return f"{value} ± {std:.2f}" if std == std else value


def _number(value: Any, digits: int = 2, sign: str = "") -> str:
    return f"{value:{sign},.{digits}f}" if value == value else UNKNOWN


def _millions(count: Any) -> str:
    return _number(count / 1e6, 3)
