"""`nasreplay data`: the tables on this machine, what they hold, are they sound; archives and CSV files to packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nasreplay.cli.convert_archive import convert
from nasreplay.files.columns import aligned

if TYPE_CHECKING:
    from nasreplay.data.pack import Pack


@click.group()
def data() -> None:
    """The benchmark tables: list, describe, check, convert and import them."""


data.add_command(convert)


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_tables(as_json: bool) -> None:
    """The embedded table and the packs in the cache folder."""
    from nasreplay.data.describe import summary
    from nasreplay.data.locate import EMBEDDED, cached_tables, open_table
    from nasreplay.errors import BadPack

    rows = [summary(open_table(), EMBEDDED)]
    for name, path in cached_tables().items():
        try:
            rows.append(summary(open_table(path), name))
        except BadPack as problem:
            click.echo(f"nasreplay: {problem}", err=True)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    header = ("table", "space", "data sets", "recipes", "MB", "title")
    click.echo("\n".join(aligned([header, *(_summary_cells(row) for row in rows)])))


@data.command()
@click.argument("pack", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(pack: str | None, as_json: bool) -> None:
    """Everything in PACK (a name or file; default: the embedded table) with its exact meaning."""
    from nasreplay.data.describe import description, description_lines
    from nasreplay.data.locate import open_table

    table = open_table(pack)
    click.echo(json.dumps(description(table), indent=2) if as_json else "\n".join(description_lines(table)))


@data.command()
@click.argument("pack", required=False)
@click.option(
    "--archive", metavar="PLACE", help="Compare with the official archive that it was made from, too."
)
@click.option("--full", is_flag=True, help="Compare with every file of the archive, not a sample of 256.")
def verify(pack: str | None, archive: str | None, full: bool) -> None:
    """Check every number of PACK (a name or file; default: the embedded table). Exit status 1 on problems."""
    from nasreplay.data.locate import open_table
    from nasreplay.data.pack.check import verify as problems_of
    from nasreplay.errors import BadSetting

    if full and not archive:
        raise BadSetting("--full has no effect without --archive: name the folder to compare with")
    table = open_table(pack)
    problems = problems_of(table)
    compared = ""
    if archive and not problems:
        count, problems = _compare(table, archive, full)
        compared = f", equal to {archive} in {count:,} architectures"
    for problem in problems:
        click.echo(problem)
    if problems:
        raise click.exceptions.Exit(1)
    held = f"{len(table.columns)} columns" + (f", {len(table.curves)} curves" if table.curves else "")
    click.echo(f"{table.path}: sound, {held}, fingerprint {table.fingerprint}{compared}")


def _compare(table: Pack, place: str, full: bool) -> tuple[int, list[str]]:
    from tempfile import TemporaryDirectory

    from nasreplay.cli.progress import Progress
    from nasreplay.data.importers.nats.onefile import OneFile, find_archive, split
    from nasreplay.data.importers.nats.verify_archive import compare

    archive = find_archive(place)
    with TemporaryDirectory(prefix="nasreplay-") as folder:
        if isinstance(archive, OneFile):
            with Progress("reading", "architectures read") as tell:
                archive = split(archive, Path(folder), tell)
        with Progress("comparing", "architectures") as tell:
            return compare(table, archive, full=full, progress=tell)


@data.command()
def path() -> None:
    """Where the embedded table is; builds it when needed."""
    from nasreplay.data.embedded import embedded_pack

    click.echo(embedded_pack().path)


@data.command("import-csv")
@click.argument("file")
@click.option(
    "--map", "mappings", multiple=True, metavar="COLUMN[*FACTOR]=TARGET", help="What a column holds."
)
@click.option("--map-file", metavar="FILE", help="JSON object of COLUMN: TARGET or list of TARGETs.")
@click.option("--space", default="topology", show_default=True, help="The space of the architectures.")
@click.option("--out", required=True, metavar="PACK", help="The .h5 file to write.")
@click.option("--title", help="Name of the table; default: the file's name.")
@click.option("--source", help="Where the numbers come from; default: the file's name.")
@click.option("--licence", default="not stated", show_default=True, help="Licence of the numbers.")
@click.option("--epochs", multiple=True, metavar="RECIPE=N", help="Epochs of a recipe not named by a number.")
@click.option(
    "--own",
    "facts",
    multiple=True,
    metavar="NAME[=FACTS]",
    help="A data set of your own, as STORED in the targets; FACTS: classes:10,resolution:32,training_images:5000,"
    "x-valid:1000,x-test:1000 (pixels, images). Without classes, parameters and FLOPs are not known.",
)
@click.option(
    "--sentence",
    "sentences",
    multiple=True,
    metavar="NAME/SET=WORDS",
    help="What an accuracy of it is, in words.",
)
def import_csv(
    file: str,
    mappings: tuple[str, ...],
    map_file: str | None,
    space: str,
    out: str,
    epochs: tuple[str, ...],
    facts: tuple[str, ...],
    sentences: tuple[str, ...],
    **texts: Any,
) -> None:
    """Turn FILE (.csv or .csv.gz) into a pack.

    One column names the architecture; its TARGET is arch (text), key (six digits) or index (official index).
    The others: STORED/RECIPE/SET/accuracy in percent, with /SEED behind it for a single trial; …/loss;
    STORED/RECIPE/SET/eval_seconds; STORED/RECIPE/seconds_per_epoch; STORED/latency. SET of a data set of your own
    is x-valid (what "validation" means), x-test or train.

    \b
    --map arch=arch --map acc=cifar10-valid/12/x-valid/accuracy
    --own my-images --map arch=arch --map acc=my-images/12/x-valid/accuracy
    """
    from nasreplay.data.custom_dataset import from_texts
    from nasreplay.data.importers.csv_to_pack import import_csv as run
    from nasreplay.data.importers.csv_to_pack import read_map_file
    from nasreplay.spaces import space_named

    wanted = [*(read_map_file(map_file) if map_file else []), *mappings]
    known = {"epochs": _epochs(epochs), "custom": from_texts(facts, sentences)}
    done = run(file, out, wanted, space=space_named(space), **known, **texts)
    missing = f", {done.missing:,} architectures without a row" if done.missing else ""
    click.echo(f"{done.pack.path}: {done.rows:,} rows{missing}; it holds {done.pack.holdings()}")


def _epochs(pairs: tuple[str, ...]) -> dict[str, int]:
    from nasreplay.errors import BadSetting

    found = {}
    for pair in pairs:
        recipe, _, count = pair.partition("=")
        if not count.isdecimal():
            raise BadSetting(f"--epochs {pair!r}: must be RECIPE=N with a whole number of epochs")
        found[recipe] = int(count)
    return found


def _summary_cells(row: dict[str, Any]) -> tuple[str, ...]:
    datasets, recipes = ", ".join(row["datasets"]), ", ".join(row["recipes"])
    return row["name"], row["space"], datasets, recipes, f"{row['bytes'] / 1e6:.1f}", row["title"]
