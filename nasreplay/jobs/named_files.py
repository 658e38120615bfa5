"""Which texts are files and folders, where a caller may also name an architecture by a text.

A number or a name of the zoo is no file; ./NAME is a file that is called so.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from nasreplay.errors import BadInput
from nasreplay.files.text import place
from nasreplay.spaces.genotypes.published_genotypes import is_known
from nasreplay.spaces.read import FORMS

TRAINING_LOG = "epochs.jsonl"
CHECKPOINTS = {".pth", ".pt", ".tar"}
LONGEST_PATH = 4096
_LOOKS = re.compile(r"(~|\.{1,2})?/|.*\.(txt|py|log|out|json|npy|npz|csv|ya?ml|pth|pt|tar)(:\w+)?$")


def named_file(text: str) -> tuple[Path, str] | None:
    """The file or folder that a text names, and the NAME of `FILE:NAME`; None for any other text.

    Raises BadInput for a text that looks like a path where nothing is.
    """
    if (
        "|" in text
        or len(text) > LONGEST_PATH
        or text.isdecimal()
        or not text.isprintable()
        or is_known(text)
    ):
        return None
    path, _, name = text.rpartition(":")
    for file, inside in ((text, ""), (path, name)):
        if file and os.path.exists(file):
            return Path(file), inside
    if _LOOKS.match(text) and not any(mark in text for mark in "(){}"):
        raise BadInput(f"{place(text)}: no such file or folder; or {FORMS}")
    return None


def training_folder(named: object) -> Path | None:
    """The folder of a training, if that is what is named."""
    found = named_file(str(named)) if isinstance(named, str | Path) else None
    return found[0] if found and (found[0] / TRAINING_LOG).is_file() else None


def is_checkpoint(path: Path) -> bool:
    """Whether a file is of torch: by its name, or by its first bytes."""
    import zipfile  # here, for `nasreplay query` seldom needs it

    if not path.is_file() or path.suffix == ".npz":
        return False
    if path.suffix in CHECKPOINTS or zipfile.is_zipfile(path):
        return True
    with path.open("rb") as stream:
        return stream.read(1) == b"\x80"  # a pickle
