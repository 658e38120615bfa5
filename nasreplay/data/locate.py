"""Finding a table by name or path."""

from __future__ import annotations

from pathlib import Path

from nasreplay.data.embedded import NAME, embedded_pack, home
from nasreplay.data.pack import Pack
from nasreplay.errors import BadOutput, BadPack
from nasreplay.files.text import place
from nasreplay.settings import check_kind

EMBEDDED = "embedded"


def open_table(name: str | Path | None = None) -> Pack:
    """The table of a name (`embedded`, the default, or one in the cache folder) or of a path; raises BadPack."""
    check_kind("table", EMBEDDED if name is None else name, Path)
    if name is None or name == EMBEDDED:
        return embedded_pack()
    if "\0" in str(name):
        raise BadPack(f"{place(name)}: no name of a file")
    kept = cached_tables().get(str(name))
    return Pack.open(kept if kept and not Path(name).is_file() else name)


def cached_tables() -> dict[str, Path]:
    """Name → path of the packs in the cache folder, the embedded one aside. They are not opened."""
    return {file.stem: file for file in sorted(home().glob("*.h5")) if not file.name.startswith(NAME)}


def cache_path(name: str) -> Path:
    """The file in the cache folder by whose name the table is found; raises BadOutput for names that are taken."""
    if name == EMBEDDED or name.startswith(NAME):
        raise BadOutput(
            f"{name!r} is the name of the embedded table: name a file with --out, or rename the archive"
        )
    return home() / f"{name}.h5"
