"""`nasreplay zoo`: the published genotypes, what was published about them, and what their networks really cost."""

from __future__ import annotations

import json

import click

from nasreplay.cli.views import published_text
from nasreplay.cli.views.fold import show, width
from nasreplay.files.columns import aligned
from nasreplay.settings import Json
from nasreplay.spaces.costs.network_plan import DIALECTS, FIXED_REDUCTION
from nasreplay.spaces.genotypes.notation import WRITERS, to_mapping
from nasreplay.spaces.genotypes.published_genotypes import Entry, entry
from nasreplay.spaces.genotypes.published_genotypes import zoo as entries
from nasreplay.spaces.genotypes.published_results import ELSEWHERE, Published, Weights


@click.command()
@click.argument("name", required=False)
@click.option("--to", "form", type=click.Choice(list(WRITERS)), help="With NAME: the form of the genotype.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; a list without NAME.")
def zoo(name: str | None, form: str | None, as_json: bool) -> None:
    """Published NASNet-type architectures: all of them, or NAME's genotype and numbers.

    With --to only the genotype is printed, one line, in that form. Parameters are counted exactly for 36 channels,
    20 cells, 10 classes, without the auxiliary head, as the network of the genotype's own release has them. Below the
    list stand results of methods whose cells are no such genotype.
    """
    if form is not None and (name is None or as_json):
        raise click.UsageError("--to FORM needs NAME and excludes --json")
    if name is not None and (found := published_text.architecture_named(name)):
        show(published_text.told(found, form, as_json))
    elif name is None:
        rows = [*map(_facts, entries().values()), *(each.facts() for each in published_text.every())]
        click.echo(json.dumps(rows, indent=2)) if as_json else show(_listing())
    elif as_json:
        click.echo(json.dumps(_facts(entry(name)), indent=2))
    elif form is not None:
        click.echo(WRITERS[form](entry(name).genotype))
    else:
        show(_page(entry(name)))


def _facts(one: Entry) -> Json:
    counted = one.counted
    return {
        "name": one.name,
        "source": one.source,
        "dialect": one.dialect,
        "genotype": to_mapping(one.genotype),
        "parameters": counted.parameters,
        "multiply_adds": counted.multiply_adds,
        "published": [result._asdict() for result in one.published],
        "weights": [each._asdict() for each in one.weights],
    }


def _listing() -> list[str]:
    head, *rows = [["name", "params M", "MAdds M", "CIFAR-10 error", "source"]]
    for one in entries().values():
        counted = one.counted
        errors = [_percent(result) for result in one.published if result.dataset == "cifar10"]
        sizes = [f"{counted.parameters / 1e6:.3f}", f"{counted.multiply_adds / 1e6:.1f}"]
        rows.append([one.name, *sizes, (errors or ["–"])[0], one.source])
    lines = aligned([head, *rows], "lrr")
    others = [*published_text.listing(), "", "methods, as the README of SLNAS compares them:"]
    others += [f"{name}  {_line(result)}" for name, results in ELSEWHERE.items() for result in results]
    if max(map(len, lines)) <= width():
        return lines + others
    lines = aligned([head[:-1], *([f"  {row[0]}", *row[1:-1]] for row in rows)], "lrr")
    for place in reversed(range(len(rows))):  # the source stands above its genotypes
        if place == 0 or rows[place - 1][-1] != rows[place][-1]:
            lines.insert(place + 1, rows[place][-1])
    return lines + others


def _page(one: Entry) -> list[str]:
    counted = one.counted
    rows = [
        ("source", one.source),
        ("network", f"{one.dialect}: {DIALECTS[one.dialect].source}"),
        *((("", FIXED_REDUCTION),) if one.genotype.reduce is None else ()),
        (
            "counted",
            f"{counted.parameters:,} parameters, {counted.multiply_adds / 1e6:.1f} M multiply-adds "
            "(CIFAR-10, 36 channels, 20 cells, no auxiliary head)",
        ),
        *(("published", _line(result)) for result in one.published),
        *(("weights", _released(each)) for each in one.weights),
    ]
    return [WRITERS["darts"](one.genotype), "", *aligned(rows)]


def _line(result: Published) -> str:
    told = [f"{result.dataset}: {_percent(result)} test error"]
    if result.top5_error is not None:
        told.append(f"top-5 {result.top5_error:.1f} %")
    if result.parameters is not None:
        told.append(f"{result.parameters:g} M parameters")
    if result.multiply_adds is not None:
        told.append(f"{result.multiply_adds:.0f} M multiply-adds")
    if result.search_days is not None:
        told.append(f"search of {result.search_days:g} GPU days")
    return f"{', '.join(told)} [{result.source}]"


def _released(one: Weights) -> str:
    head = ", auxiliary head" if one.auxiliary else ""
    size = f"{one.channels} channels, {one.cells} cells{head}"
    return f"{one.dataset}: {one.file}, {size}, {one.digest} [{one.page}]"


def _percent(result: Published) -> str:
    spread = "" if result.std is None else f" ± {result.std:.2f}"
    return f"{result.error:.2f}{spread} %"
