"""What `nasreplay query` prints for people: aligned plain text, made from a `Sheet`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nasreplay.data import facts
from nasreplay.data.facts import Measured, Numbers
from nasreplay.data.sheet import Sheet
from nasreplay.data.trials import MEAN
from nasreplay.files.columns import aligned
from nasreplay.spaces import TOPOLOGY, Space
from nasreplay.spaces.topology import EDGES

WORDS = {"valid": "validation", "test": "test", "valtest": "validation + test", "train": "training"}
SECTIONS = 20  # more architectures than this become a list
SHOWN = 3  # equivalent cells named
UNKNOWN = "–"

Cells = dict[tuple, str]  # (*place of the row, label) → cell


def lines(sheet: Sheet, why_no_accuracy: str = "") -> Iterator[str]:
    """The text of a query: architectures side by side if they fit the terminal, else sections; many are a list."""
    if len(sheet.flat) > SECTIONS:
        firsts = {
            name: known._replace(accuracies=known.accuracies[:1]) for name, known in sheet.datasets.items()
        }
        sheet = sheet._replace(datasets=firsts)
    yield from _body(sheet)
    yield ""
    yield from (notes(sheet) if sheet.pack else [why_no_accuracy])


def _body(sheet: Sheet) -> list[str]:
    if len(sheet.flat) > SECTIONS:
        return listing(sheet)
    columns = side_by_side(sheet)
    fits = max(map(len, columns[len(sheet.flat) :])) <= _terminal_width()  # the texts above may overflow
    if len(sheet.flat) > 1 and fits:
        return columns
    return [line for which in range(len(sheet.flat)) for line in ["", *section(sheet, which)]][1:]


def section(sheet: Sheet, which: int) -> list[str]:
    """One architecture: its data sets are the columns."""
    columns = {name: _cells(sheet, name, which) for name in sheet.datasets}
    space, official = sheet.space, sheet.official[sheet.flat[which]]
    key = f" · key {TOPOLOGY.key(space.codes(sheet.flat[which : which + 1])[0])}" if space is TOPOLOGY else ""
    about = f"{space.name} space · index {official}{key}"
    return [sheet.text(sheet.flat[which]), about, "", *grid(columns), *_neighbour_lines(sheet, which)]


def side_by_side(sheet: Sheet) -> list[str]:
    """Several architectures: they are the columns, the data sets stand below each other."""
    several = range(len(sheet.flat))
    headings = [f"#{sheet.official[flat]}" for flat in sheet.flat]
    stacked: list[Cells] = [{} for _ in several]
    for place, name in enumerate(sheet.datasets):
        for which in several:
            cells = _cells(sheet, name, which)
            stacked[which][place, -1, name] = ""
            stacked[which] |= {(place, *row, f"  {label}"): cell for (*row, label), cell in cells.items()}
    return [
        *(_heading(sheet, which) for which in several),
        "",
        *grid(list(zip(headings, stacked, strict=True))),
    ]


def listing(sheet: Sheet) -> list[str]:
    """One line per architecture: the first accuracy and its rank on every data set."""
    head = ["index"]
    for name, known in sheet.datasets.items():
        label = f"{name} {WORDS[known.accuracies[0][0].split]} %" if known.accuracies else f"{name} params M"
        head += [label, "rank"] if known.accuracies else [label, "FLOPs M"]
    rows = [[*head, "architecture"]]
    for which, flat in enumerate(sheet.flat):
        cells = [f"#{sheet.official[flat]}"]
        for known in sheet.datasets.values():
            if known.accuracies:
                numbers = known.accuracies[0][1]
                cells += [
                    _plus_minus(numbers, which),
                    f"{numbers.rank[which]:,}" if numbers.rank[which] else UNKNOWN,
                ]
            else:
                cells += [_millions(known.parameters[which]), _number(known.flops[which] / 1e6)]
        rows.append([*cells, sheet.text(flat)])
    return _text_last(rows)


def best_lines(sheet: Sheet, qualify: int, limits: str) -> Iterator[str]:
    """The best architectures, one line each, and what their accuracy is."""
    ((name, known),) = sheet.datasets.items()
    each, numbers = known.accuracies[0]
    head = ["rank", f"{WORDS[each.split]} %", "params M", "FLOPs M", "latency ms", "index", "architecture"]
    rows = [head]
    for which, flat in enumerate(sheet.flat):
        cells = [f"{numbers.rank[which]:,}", _plus_minus(numbers, which), _millions(known.parameters[which])]
        cells += [_number(known.flops[which] / 1e6), _number(known.latency[which] * 1e3)]
        rows.append([*cells, f"#{sheet.official[flat]}", sheet.text(flat)])
    which = f"{qualify:,} architectures with {limits}" if limits else f"{each.count:,} measured architectures"
    yield f"{name}: the best {len(sheet.flat)} of {which}"
    yield ""
    yield from _text_last(rows)
    yield ""
    yield from notes(sheet)


def notes(sheet: Sheet) -> Iterator[str]:
    """The exact meaning of every accuracy that was shown."""
    assert sheet.pack is not None
    yield f"What the accuracies are (table: {sheet.pack.title})"
    every = [each for known in sheet.datasets.values() for each, _ in known.accuracies]
    titles = [f"{each.dataset} {WORDS[each.split]}" for each in every]
    meanings = {title: each.meaning.sentence for title, each in zip(titles, every, strict=True)}
    yield from (f"  {line}" for line in aligned(list(meanings.items())))
    for title, group in _grouped(every, titles).items():
        yield f"  {', '.join(group)}: {title}" if len(group) < len(every) else f"  {title}"
    yield "  rank 1 = best of all measured, ties share the better rank; ± is the population standard deviation"


def _grouped(every: list[Measured], titles: list[str]) -> dict[str, list[str]]:
    """How it was trained and averaged → the accuracies that this holds for."""
    groups: dict[str, list[str]] = {}
    for each, title in zip(every, titles, strict=True):
        at = f"recipe {each.recipe}, epoch {each.epochs} of {each.epochs}, {trials_phrase(each)}"
        groups.setdefault(at, []).append(title)
    return groups


def trials_phrase(each: Measured) -> str:
    """Which trials an accuracy averages."""
    if each.averaged_by_source:
        return "averaged by its source, the trials are not known"
    if each.trial != MEAN:
        return f"trial {each.trial} alone"
    return f"mean of the trials an architecture has out of {', '.join(map(str, each.seeds))}"


# --- the cells of one architecture on one data set -------------------------------------------------


def _cells(sheet: Sheet, name: str, which: int) -> Cells:
    known = sheet.datasets[name]
    cells: Cells = {}
    for each, numbers in known.accuracies:
        cells |= _accuracy_cells(each, numbers, which)
    costs = {"parameters, M": _millions(known.parameters[which])}
    costs["FLOPs, M multiply-adds"] = _number(known.flops[which] / 1e6)
    if sheet.pack:
        costs["latency, ms a batch"] = _number(known.latency[which] * 1e3)
    cells |= {(1, row, label): cell for row, (label, cell) in enumerate(costs.items())}
    if known.accuracies:
        cells |= _around_cells(sheet, *known.accuracies[0], which)
    return cells


def _accuracy_cells(each: Measured, numbers: Numbers, which: int) -> Cells:
    length = (
        f"{each.epochs} epochs" if each.recipe.lstrip("0") == str(each.epochs) else f"recipe {each.recipe}"
    )
    trial = "" if each.trial == MEAN else f" of trial {each.trial}"
    measured = numbers.rank[which] > 0
    rows = {f"{WORDS[each.split]} accuracy{trial}, %, {length}": _plus_minus(numbers, which)}
    rows["  rank"] = f"{numbers.rank[which]:,} of {each.count:,}" if measured else UNKNOWN
    rows["  better than"] = f"{numbers.percentile[which]:.2f} %" if measured else UNKNOWN
    if not each.averaged_by_source:
        trials = zip(each.seeds, numbers.trials[which], strict=True)
        rows |= {f"  trial {seed}": _number(value) for seed, value in trials}
    rows["  training, s"] = _number(numbers.training_seconds[which], 0)
    place = (0, -each.epochs, each.recipe, list(WORDS).index(each.split))
    return {(*place, row, label): cell for row, (label, cell) in enumerate(rows.items())}


def _around_cells(sheet: Sheet, each: Measured, numbers: Numbers, which: int) -> Cells:
    """The best neighbour and the equivalent cells, by the first accuracy."""
    beside, gain = numbers.neighbour_accuracy[which], numbers.gain[which]
    neighbour, known = numbers.neighbour[which], beside == beside
    rows = {
        "best one-edit neighbour": f"{_number(beside)} ({_number(gain, sign='+')})" if known else UNKNOWN,
        "  its edit": edit(sheet.space, sheet.flat[which], neighbour) if known else UNKNOWN,
        "  its index": f"#{sheet.official[neighbour]}" if known else UNKNOWN,
    }
    if sheet.equivalent is not None:
        rows["equivalent cells"] = str(sheet.equivalent[which])
    same = facts.equivalents(sheet.pack, sheet.flat[which])
    value = each.value[same]
    for rank, place in enumerate(np.argsort(-value, kind="stable")[:SHOWN]):
        label = ("  the best", "  second", "  third")[rank]
        rows[label] = f"{_number(value[place])} #{sheet.official[same[place]]}"
    return {(2, row, label): cell for row, (label, cell) in enumerate(rows.items())}


def edit(space: Space, before: int, after: int) -> str:
    """What one edit turns an architecture into another, such as `3←1 skip_connect`."""
    old, new = space.codes([before, after])
    decision = int(np.argmax(old != new))
    where = "{}←{}".format(*EDGES[decision]) if space is TOPOLOGY else f"c{decision} ="
    return f"{where} {space.options[decision][new[decision]]}"


def _neighbour_lines(sheet: Sheet, which: int) -> list[str]:
    owners: dict[int, list[str]] = {}
    for name, known in sheet.datasets.items():
        for _, numbers in known.accuracies[:1]:
            if np.isnan(numbers.neighbour_accuracy[which]):
                continue
            owners.setdefault(int(numbers.neighbour[which]), []).append(name)
    if not owners:
        return []
    lines = (f"  #{sheet.official[f]:<5}  {sheet.text(f)}  {', '.join(names)}" for f, names in owners.items())
    return ["", "Best one-edit neighbour", *lines]


# --- alignment -------------------------------------------------------------------------------------


def grid(columns: dict[str, Cells] | Sequence[tuple[str, Cells]]) -> list[str]:
    """Lines of labelled rows; a blank line where the first part of a row's place changes."""
    columns = list(columns.items()) if isinstance(columns, dict) else columns
    rows, last = [["", *(heading for heading, _ in columns)]], None
    for place in sorted({place for _, cells in columns for place in cells}):
        rows += [[""] * len(rows[0])] if last not in (None, place[0]) else []
        rows.append([place[-1], *(cells.get(place, UNKNOWN) for _, cells in columns)])
        last = place[0]
    return aligned(rows, "l".ljust(len(rows[0]), "r"))


def _text_last(rows: list[list[str]]) -> list[str]:
    return aligned(rows, "r" * (len(rows[0]) - 1))


def _heading(sheet: Sheet, which: int) -> str:
    flat = sheet.flat[which]
    return f"{f'#{sheet.official[flat]}':6}  {sheet.text(flat)}"


def _plus_minus(numbers: Numbers, which: int) -> str:
    value, std = _number(numbers.accuracy[which]), numbers.std[which]
    return f"{value} ± {std:.2f}" if std == std else value


def _number(value: Any, digits: int = 2, sign: str = "") -> str:
    return f"{value:{sign},.{digits}f}" if value == value else UNKNOWN


def _millions(count: Any) -> str:
    return _number(count / 1e6, 3)


def _terminal_width() -> int:
    return shutil.get_terminal_size((110, 24)).columns
