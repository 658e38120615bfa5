"""Packs changed by somebody who knows the format: sums and fingerprint fit, and only the reader's care protects."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nasreplay.data.pack.fingerprint import digest_of, fingerprint_of
from nasreplay.files.hdf5 import put_text
from nasreplay.spaces import space_named


def change(path: Path, name: str, at: Any, value: Any) -> np.ndarray:
    """Put a value into a column of the pack, and sign it; the whole column."""
    with h5py.File(path, "r+") as file:
        column: Any = file[name]
        column[at] = value
        sign(file)
        return column[:]


def put(owner: Any, name: str, value: Any) -> None:
    """Give a group or array an attribute, a text as nasreplay stores it."""
    if isinstance(value, str):
        put_text(owner, name, value)
    else:
        owner.attrs[name] = value


def sign(file: Any, **attributes: str) -> None:
    """Make the sums and the fingerprint those of what the open file holds; attributes: further ones to put."""
    listed = json.loads(file.attrs["columns"])
    for name in listed:
        if not name.endswith("_curve"):
            values = file[name][:]
            listed[name] = [values.dtype.str, values.shape, digest_of(values)]
    recipes = {"/".join(name.split("/")[:2]) for name in listed if name.count("/") >= 2}
    epochs = {recipe: int(file[recipe].attrs["epochs"]) for recipe in recipes}
    text = json.dumps(listed)
    signed = fingerprint_of(space_named(file.attrs["space"].decode()), text, epochs, {}, {})
    for name, value in {"columns": text, "fingerprint": signed, **attributes}.items():
        put_text(file, name, value)
