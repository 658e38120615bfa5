"""`nasreplay data convert`: an official NATS-Bench archive to a pack."""

from __future__ import annotations

import click


@click.command()
@click.argument("archive", required=False)
@click.option("--out", metavar="PACK", help="The .h5 file to write. Default: a table of the archive's name.")
@click.option("--no-curves", is_flag=True, help="Keep the last epoch only: a small pack.")
@click.option("--float32-curves", is_flag=True, help="Keep curves as float32; the last epoch stays exact.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes. Default: one per core.")
@click.option("--allow-missing", is_flag=True, help="Go on without files that are missing or unreadable.")
def convert(
    archive: str | None,
    out: str | None,
    no_curves: bool,
    float32_curves: bool,
    jobs: int | None,
    allow_missing: bool,
) -> None:
    """Turn ARCHIVE, a folder NATS-…-simple or the single file NATS-….pickle.pbz2, into a pack.

    Without ARCHIVE it is looked for where the official API looks: in $TORCH_HOME, else in ~/.torch. An interrupted
    conversion goes on where it was when the same command is given again.
    """
    from pathlib import Path

    from nasreplay.cli.progress import Progress
    from nasreplay.data.importers.nats.archive import Archive
    from nasreplay.data.importers.nats.archive_to_pack import convert as run
    from nasreplay.data.importers.nats.onefile import find_archive
    from nasreplay.data.locate import cache_path
    from nasreplay.errors import BadSetting

    if no_curves and float32_curves:
        raise BadSetting("--no-curves and --float32-curves exclude each other")
    source = find_archive(archive)
    target = Path(out) if out else cache_path(source.name)
    unit = "architectures" if isinstance(source, Archive) else "architectures read, then converted"
    with Progress("converting", unit) as tell:
        done = run(
            source,
            target,
            curves=not no_curves,
            exact=not float32_curves,
            jobs=jobs,
            allow_missing=allow_missing,
            keep_fuller=not out,
            progress=tell,
        )
    reasons: dict[str, list[int]] = {}
    for number, reason in done.missing.items():
        reasons.setdefault(reason, []).append(number)
    for reason, numbers in reasons.items():
        listed = ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")
        click.echo(f"left out ({reason}): {len(numbers):,} architectures: {listed}", err=True)
    held = source.space.size - len(done.missing)
    click.echo(f"{target}: {held:,} architectures, {target.stat().st_size / 1e6:.1f} MB")
    if not out:
        click.echo(f"use it as --table {target.stem}")
