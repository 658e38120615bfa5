"""`nasreplay query`: what a table knows about architectures, and the best ones under constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli.inputs import given
from nasreplay.errors import BadSetting, NotMeasured

if TYPE_CHECKING:
    from nasreplay.data.sheet import Sheet


@click.command()
@click.argument("architectures", metavar="ARCH…", nargs=-1)
@click.option("--dataset", "datasets", multiple=True, help="Only this data set (may be repeated).")
@click.option("--recipe", help="Only this training recipe; default: all that the table holds.")
@click.option("--epochs", type=int, metavar="N", help="Only recipes of this length.")
@click.option("--trial", default="mean", show_default=True, metavar="SEED|mean", help="Which training run.")
@click.option("--table", metavar="PACK", help="A name or file; default: the embedded NAS-Bench-201 table.")
@click.option("--index", is_flag=True, help="Every ARCH is an official index.")
@click.option("--best", metavar="DATASET", help="Instead of ARCH: the best architectures of a data set.")
@click.option(
    "--max-params", type=float, metavar="M", help="With --best: at most so many million parameters."
)
@click.option(
    "--max-flops", type=float, metavar="M", help="With --best: at most so many million multiply-adds."
)
@click.option("--max-latency", type=float, metavar="MS", help="With --best: at most so many ms a batch.")
@click.option("-n", "count", type=int, metavar="N", help="With --best: how many; default 10.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; a list for several architectures.")
@click.option("--csv", "as_csv", is_flag=True, help="One row per architecture, data set and split.")
def query(
    architectures: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    best: str | None,
    trial: str,
    **options: Any,
) -> None:
    """Accuracy with its exact meaning, rank, neighbours and costs of architectures.

    ARCH is a string such as '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|' (in
    quotes), a six-digit key, an official index of one to five digits, or widths such as 8:16:24:32:40.
    `-` reads architectures from standard input, one a line.

    \b
    nasreplay query 9930 333133
    nasreplay query --best cifar100 --max-params 0.5
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    limits = {name: options.pop(f"max_{name}") for name in ("params", "flops", "latency")}
    count = options.pop("count")
    form = "json" if as_json else "csv" if as_csv else "text"
    choice = {"recipe": options["recipe"], "epochs": options["epochs"], "trial": _trial(trial)}
    if best is not None:
        if architectures or options["datasets"] or options["index"]:
            raise click.UsageError("--best DATASET takes no ARCH, --dataset or --index: leave them out")
        _best({**options, "best": best}, choice, limits, 10 if count is None else count, form)
        return
    if count is not None or any(limit is not None for limit in limits.values()):
        raise click.UsageError("--max-params, --max-flops, --max-latency and -n need --best DATASET")
    if not architectures:
        raise click.UsageError("name an architecture, or - for standard input, or --best DATASET")
    _query(architectures, options, choice, form)


def _query(architectures: Sequence[str], options: dict[str, Any], choice: dict[str, Any], form: str) -> None:
    from nasreplay.data import facts, semantics
    from nasreplay.data.locate import open_table
    from nasreplay.data.sheet import fill
    from nasreplay.spaces import TOPOLOGY
    from nasreplay.spaces.read import read_many

    pack = open_table(options["table"]) if options["table"] else None
    space, flat = read_many(given(architectures), index=options["index"], space=pack.space if pack else None)
    if pack is None and space is TOPOLOGY:
        pack = open_table()
    why = "" if pack else _why_no_accuracy(space.name, choice)
    if pack:
        measured = facts.held(pack, options["datasets"], **choice)
    else:
        measured = {semantics.dataset_named(name): [] for name in options["datasets"] or facts.PUBLISHED}
    sheet = fill(space, flat, pack, measured)
    if form == "text":
        from nasreplay.cli.views import query_text

        click.echo("\n".join(query_text.lines(sheet, why)))
        return
    _echo_data(sheet, form, why, single=len(flat) == 1)
    if why and form == "csv":
        click.echo(f"nasreplay: {why}", err=True)


def _best(
    options: dict[str, Any], choice: dict[str, Any], limits: dict[str, float | None], count: int, form: str
) -> None:
    from nasreplay.data.best import Limits, best
    from nasreplay.data.facts import held
    from nasreplay.data.locate import open_table
    from nasreplay.data.sheet import fill

    pack, allowed = open_table(options["table"]), Limits(**limits)
    ((name, accuracies),) = held(pack, [options["best"]], **choice).items()
    flat, qualify = best(pack, accuracies[0], allowed, count)
    if not qualify:
        text = f"no architecture of {name} has {allowed}: raise the limit"
        click.echo(f"nasreplay: {text}", err=True)
    sheet = fill(pack.space, flat, pack, {name: accuracies[:1]})
    if form != "text":
        _echo_data(sheet, form)
    elif qualify:
        from nasreplay.cli.views.query_text import best_lines

        click.echo("\n".join(best_lines(sheet, qualify, str(allowed))))


def _echo_data(sheet: Sheet, form: str, why_no_accuracy: str = "", single: bool = False) -> None:
    from nasreplay.cli.views import query_data

    if form == "json":
        click.echo(query_data.json_text(sheet, why_no_accuracy, single))
    else:
        click.echo(query_data.csv_of(sheet), nl=False)


def _trial(text: str) -> int | str:
    if text == "mean":
        return text
    if not (text.isascii() and text.isdecimal()):
        raise BadSetting(f"--trial {text!r}: must be a seed, such as 777, or mean")
    return int(text)


def _why_no_accuracy(space: str, choice: dict[str, Any]) -> str:
    why = (
        f"no accuracy: the embedded table holds the topology space only; make a table of the {space} space from "
        f"your own CSV file with `nasreplay data import-csv FILE --space {space} …`, then add --table PACK"
    )
    if choice["recipe"] is not None or choice["epochs"] is not None or choice["trial"] != "mean":
        raise NotMeasured(why)
    return why
