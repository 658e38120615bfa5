"""What `nasreplay data` does: list, describe, check, convert and import tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.data.describe import TableSummary, summary
from nasreplay.data.locate import EMBEDDED, cache_path, cached_tables, open_table
from nasreplay.errors import BadOutput, BadPack, BadSetting, shortened
from nasreplay.numerals import counted
from nasreplay.settings import setting, with_settings

if TYPE_CHECKING:
    from nasreplay.data.importers.csv_to_pack import Imported
    from nasreplay.data.importers.nats.archive_to_pack import Converted
    from nasreplay.data.pack import Pack

Told = Callable[[int, int], None]
Progress = Callable[[str, str], AbstractContextManager[Told]]
"""(what is done, the unit that is counted) → a context whose value is called with (done, total)."""


def no_progress(what: str, unit: str) -> AbstractContextManager[Told]:
    """Progress that is not shown."""
    return nullcontext(lambda done, total: None)


class Tables(NamedTuple):
    """The tables on this machine."""

    found: list[TableSummary]
    """The embedded table, then the packs in the cache folder."""
    damaged: list[str]
    """A line for each that cannot be opened."""


def list_tables() -> Tables:
    """The embedded table, which is built when needed, and the packs in the cache folder."""
    found, damaged = [summary(open_table(), EMBEDDED)], []
    for name, path in cached_tables().items():
        try:
            found.append(summary(open_table(path), name))
        except BadPack as problem:
            damaged.append(str(problem))
    return Tables(found, damaged)


@dataclass(frozen=True, kw_only=True)
class VerifySettings:
    """What a pack is compared with, beside its own checksums and the limits of its numbers."""

    archive: str | None = setting(None, metavar="PLACE")
    """Compare with the official archive that it was made from, too."""
    official: str | None = setting(None, metavar="FOLDER")
    """Compare with the answers of the official package nats_bench over that archive folder, too. It unpickles
    whatever the files hold."""
    full: bool = False
    """Compare with every file of the archive, not a sample of 256."""

    def __post_init__(self) -> None:
        if self.full and not (self.archive or self.official):
            raise BadSetting("--full has no effect without --archive: name the folder to compare with")


class Verified(NamedTuple):
    """The outcome of a check."""

    pack: Pack
    """The table that was checked."""
    problems: list[str]
    """A line for each; none for a sound table."""
    compared: dict[str, int]
    """Reference → number of architectures that were compared with it."""


@with_settings(VerifySettings)
def verify(
    table: str | Path | None = None, *, settings: VerifySettings, progress: Progress = no_progress
) -> Verified:
    """Check every number of a table (name or path; None: the embedded one), and compare it where settings say so.

    Raises BadPack for what is no pack, BadInput for archives that do not fit.
    """
    from nasreplay.data.pack.check import verify as problems_of

    pack, compared = open_table(table), {}
    problems = problems_of(pack)
    if settings.archive and not problems:
        count, problems = _compare_archive(pack, settings.archive, settings.full, progress)
        compared[settings.archive] = count
    if settings.official and not problems:
        count, problems = _compare_official(pack, settings.official, settings.full, progress)
        compared[f"nats_bench over {settings.official}"] = count
    return Verified(pack, problems, compared)


def _compare_archive(pack: Pack, place: str, full: bool, progress: Progress) -> tuple[int, list[str]]:
    from nasreplay.data.importers.nats.archive import Archive
    from nasreplay.data.importers.nats.find_archive import find_archive
    from nasreplay.data.importers.nats.verify_archive import compare

    archive = find_archive(place)
    with TemporaryDirectory(prefix="nasreplay-") as folder:
        if not isinstance(archive, Archive):
            with progress("reading", "architectures read") as tell:
                archive = archive.unpacked(Path(folder), tell)
        with progress("comparing", "architectures") as tell:
            return compare(pack, archive, full=full, progress=tell)


def _compare_official(pack: Pack, place: str, full: bool, progress: Progress) -> tuple[int, list[str]]:
    from nasreplay.compat.nats_bench.official_package import compare
    from nasreplay.data.importers.nats.archive import open_archive

    archive = open_archive(place)
    with progress("asking nats_bench", "architectures") as tell:
        return compare(pack, archive, full=full, progress=tell)


@dataclass(frozen=True, kw_only=True)
class ConvertArchiveSettings:
    """How an official archive becomes a pack."""

    out: Path | None = setting(None, metavar="PACK")
    """The .h5 file to write. Default: a table of the archive's name."""
    no_curves: bool = False
    """Keep the last epoch only: a small pack."""
    float32_curves: bool = False
    """Keep curves as float32; the last epoch stays exact."""
    jobs: int | None = setting(None, least=1, most=1024)
    """Processes. Default: one per core."""
    allow_missing: bool = False
    """Go on without files that are missing or unreadable."""

    def __post_init__(self) -> None:
        if self.no_curves and self.float32_curves:
            raise BadSetting("--no-curves and --float32-curves exclude each other")


@with_settings(ConvertArchiveSettings)
def convert_archive(
    archive: str | Path | None = None, *, settings: ConvertArchiveSettings, progress: Progress = no_progress
) -> Converted:
    """Write the pack of an official archive; None looks where the official API does.

    An interrupted conversion goes on where it was when it is called again. Raises BadInput, UnsafePickle, BadOutput.
    """
    from nasreplay.data.importers.nats.archive import Archive
    from nasreplay.data.importers.nats.archive_to_pack import convert
    from nasreplay.data.importers.nats.find_archive import find_archive

    source = find_archive(archive)
    unit = "architectures" if isinstance(source, Archive) else "architectures read, then converted"
    with progress("converting", unit) as tell:
        return convert(
            source,
            settings.out or cache_path(source.name),
            curves=not settings.no_curves,
            exact=not settings.float32_curves,
            jobs=settings.jobs,
            allow_missing=settings.allow_missing,
            keep_fuller=not settings.out,
            progress=tell,
        )


@dataclass(frozen=True, kw_only=True)
class ImportCsvSettings:
    """What the columns of a CSV file are, and what the pack says of itself."""

    map: tuple[str, ...] = setting((), metavar="COLUMN[*FACTOR]=TARGET")
    """What a column holds."""
    map_file: Path | None = setting(None, metavar="FILE")
    """JSON object of COLUMN: TARGET or list of TARGETs."""
    space: str = "topology"
    """The space of the architectures."""
    onto: str | None = setting(None, metavar="PACK")
    """A table, or embedded, whose numbers the new one has, too; the columns are costs of architectures then."""
    out: Path | None = setting(None, metavar="PACK")
    """The .h5 file to write; must be given."""
    force: bool = False
    """Replace the table that --out is."""
    title: str | None = None
    """Name of the table; default: the file's name."""
    source: str | None = None
    """Origin of the numbers; default: the file's name."""
    licence: str = "not stated"
    """License of the numbers."""
    epochs: tuple[str, ...] = setting((), metavar="RECIPE=N")
    """Epochs of a recipe not named by a number."""
    own: tuple[str, ...] = setting((), metavar="NAME[=FACTS]")
    """A data set of your own, as STORED in the targets; FACTS:
    classes:10,resolution:32,training_images:5000,x-valid:1000,x-test:1000 (pixels, images). Without classes,
    parameters and FLOPs are not known."""
    sentence: tuple[str, ...] = setting((), metavar="NAME/SET=WORDS")
    """What an accuracy of it is, in words."""


@with_settings(ImportCsvSettings)
def import_csv(file: str | Path, *, settings: ImportCsvSettings) -> Imported:
    """Write a pack from a .csv or .csv.gz file; raises BadInput and its kinds with the row and column at fault."""
    from nasreplay.data.custom_dataset import from_texts
    from nasreplay.data.importers import csv_to_pack
    from nasreplay.spaces import space_named

    if settings.out and settings.out.exists() and not settings.force:
        raise BadOutput(f"{settings.out}: exists; --force replaces a table, or choose another --out")
    listed = csv_to_pack.read_map_file(settings.map_file) if settings.map_file else []
    if settings.onto and settings.out:
        from nasreplay.data.importers.costs_to_pack import add_costs

        return add_costs(file, open_table(settings.onto), settings.out, [*listed, *settings.map])
    return csv_to_pack.import_csv(
        file,
        settings.out,
        [*listed, *settings.map],
        space=space_named(settings.space),
        title=settings.title,
        source=settings.source,
        licence=settings.licence,
        epochs=_epochs(settings.epochs),
        custom=from_texts(settings.own, settings.sentence),
    )


def _epochs(pairs: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for pair in pairs:
        recipe, _, count = pair.partition("=")
        number = counted(count)
        if number is None:
            raise BadSetting(f"--epochs {shortened(pair)}: must be RECIPE=N with a whole number of epochs")
        found[recipe] = number
    return found
