"""`nasreplay data`: tables on this machine, their contents and soundness; archives and CSV files to packs; images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nasreplay.cli.main import Group
from nasreplay.cli.options import PATH, options_of
from nasreplay.cli.progress import Progress
from nasreplay.cli.views.fold import show
from nasreplay.jobs.image_files import SplitSettings
from nasreplay.jobs.table_files import ConvertArchiveSettings, ImportCsvSettings, VerifySettings
from nasreplay.settings import chosen


@click.group(cls=Group)
def data() -> None:
    """Benchmark tables: list, describe, check, convert and import them. Images: list, fetch and divide them."""


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def list_tables(as_json: bool) -> None:
    """The embedded table and the packs in the cache folder, and the built-in image sets."""
    from nasreplay.files.columns import aligned
    from nasreplay.jobs import table_files
    from nasreplay.jobs.image_files import list_images

    every = table_files.list_tables()
    for problem in every.damaged:
        click.echo(f"nasreplay: {problem}", err=True)
    if as_json:
        click.echo(json.dumps([each._asdict() for each in every.found], indent=2))
        return
    rows = [("table", "space", "data sets", "recipes", "MB", "title")]
    for each in every.found:
        listed = ", ".join(each.datasets), ", ".join(each.recipes)
        rows.append((each.name, each.space, *listed, f"{each.bytes / 1e6:.1f}", each.title))
    show(aligned(rows))
    images = [(each.name, *(f"{number:,}" for number in each[1:4]), each.images) for each in list_images()]
    heading = ("image set", "classes", "pixels", "training", "images")
    click.echo()
    show(aligned([heading, *images]))


@data.command()
@click.argument("name")
@click.option("--data", "folder", type=PATH, metavar="DIR", help="Where to put them.")
def fetch(name: str, folder: Path | None) -> None:
    """Download the images of NAME, cifar10 or cifar100, unless they are there. Nothing else ever downloads unasked.

    They come from the University of Toronto (170 MB), are checked by their md5 sums, and are put where every
    command looks: under --data, else $TORCH_HOME/cifar.python, without TORCH_HOME ~/.cache/torch/cifar.python.
    """
    from nasreplay.jobs.image_files import fetch_images

    click.echo(fetch_images(name, folder))


@data.command()
@click.argument("folder")
@options_of(SplitSettings)
def split(folder: str, **values: Any) -> None:
    """Divide the images of FOLDER, class folders, into a list of training and held-out ones. Nothing is copied.

    Of each class the same part is drawn. The list takes the place of the folder in every command: --dataset LIST,
    or --dataset NAME --data LIST for a built-in data set.
    """
    from nasreplay.jobs import image_files

    done = image_files.split(folder, settings=chosen(SplitSettings, values))
    parts = [sum(each.values()) for each in done.counts.values()]
    classes = len(done.counts["train"])
    show(f"{done.file}: {parts[0]:,} training and {parts[1]:,} held-out images of {classes:,} classes")
    click.echo(f"use it as --dataset {done.file}")


@data.command()
@click.argument("pack", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(pack: str | None, as_json: bool) -> None:
    """Everything in PACK (a name or file; default: the embedded table) with its exact meaning."""
    from nasreplay.cli.views.table_text import description_lines
    from nasreplay.data.describe import description
    from nasreplay.data.locate import open_table

    table = open_table(pack)
    click.echo(json.dumps(description(table), indent=2)) if as_json else show(description_lines(table))


@data.command()
@click.argument("pack", required=False)
@options_of(VerifySettings)
def verify(pack: str | None, **values: Any) -> None:
    """Check every number of PACK (a name or file; default: the embedded table). Exit status 1 on problems."""
    from nasreplay.jobs import table_files

    done = table_files.verify(pack, settings=chosen(VerifySettings, values), progress=Progress)
    for problem in done.problems:
        click.echo(problem)
    if done.problems:
        raise click.exceptions.Exit(1)
    table = done.pack
    held = f"{len(table.columns)} columns" + (f", {len(table.curves)} curves" if table.curves else "")
    equal = (f", equal to {what} in {count:,} architectures" for what, count in done.compared.items())
    show(f"{table.path}: sound, {held}, fingerprint {table.fingerprint}{''.join(equal)}")


@data.command()
def path() -> None:
    """Print the path of the embedded table; builds it when needed."""
    from nasreplay.data.embedded import embedded_pack

    click.echo(embedded_pack().path)


@data.command()
@click.argument("archive", required=False)
@options_of(ConvertArchiveSettings)
def convert(archive: str | None, **values: Any) -> None:
    """Turn ARCHIVE, a folder NATS-…-simple or the single file NATS-….pickle.pbz2, into a pack.

    Without ARCHIVE it is looked for where the official API looks: in $TORCH_HOME, else in ~/.torch. An interrupted
    conversion goes on where it was when the same command is given again.
    """
    from nasreplay.jobs import table_files

    settings = chosen(ConvertArchiveSettings, values)
    done = table_files.convert_archive(archive, settings=settings, progress=Progress)
    reasons: dict[str, list[int]] = {}
    for number, reason in done.missing.items():
        reasons.setdefault(reason, []).append(number)
    for reason, numbers in reasons.items():
        listed = ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")
        click.echo(f"left out ({reason}): {len(numbers):,} architectures: {listed}", err=True)
    held, file = done.pack.space.size - len(done.missing), done.pack.path
    click.echo(f"{file}: {held:,} architectures, {file.stat().st_size / 1e6:.1f} MB")
    if not settings.out:
        click.echo(f"use it as --table {file.stem}")


@data.command("import-csv")
@click.argument("file")
@options_of(ImportCsvSettings)
def import_csv(file: str, **values: Any) -> None:
    """Turn FILE (.csv or .csv.gz) into a pack.

    One column names the architecture; its TARGET is arch (text), key (six digits) or index (official index).
    The others: STORED/RECIPE/SET/accuracy in percent, with /SEED behind it for a single trial; …/loss;
    STORED/RECIPE/SET/eval_seconds; STORED/RECIPE/seconds_per_epoch; STORED/latency, and any other
    STORED/COST. SET of a data set of your own is x-valid (what "validation" means), x-test or train. With --onto
    PACK the costs of FILE are added to a copy of PACK.

    \b
    --map arch=arch --map acc=cifar10-valid/12/x-valid/accuracy
    --own my-images --map arch=arch --map acc=my-images/12/x-valid/accuracy
    --onto embedded --map index=index --map raspi4=cifar100/raspi4 --out costs.h5
    """
    from nasreplay.jobs import table_files

    done = table_files.import_csv(file, settings=chosen(ImportCsvSettings, values))
    for remark in done.remarks:
        click.echo(f"nasreplay: {remark}", err=True)
    missing = f", {done.missing:,} architectures without a row" if done.missing else ""
    show(f"{done.pack.path}: {done.rows:,} rows{missing}; it holds {done.pack.holdings()}")
