"""A run's folder: made once, continued with the same settings, refused for others."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nasreplay._version import __version__
from nasreplay.data.cards import CARDS
from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.files.state import difference
from nasreplay.files.text import place
from nasreplay.files.typed import read_json
from nasreplay.runs.earlier import with_earlier
from nasreplay.runs.outside import checked_settings
from nasreplay.seeds import root_seed
from nasreplay.settings import Json

LENGTHS = ("epochs", "budget.epochs", "searcher.epochs", "searcher.live_epochs", "recipe.epochs")
"""Numbers of epochs in headers, of which a run may have more when it goes on: its schedules follow from them."""
EPOCHS = "epochs.jsonl"
"""The log of a training, a line for each epoch."""
OUTCOME = "outcome.json"
"""What a finished run has told; it is gone when the run goes on for longer."""
IMAGE_WORDS = ("split", "valid", "test", "own", "note")
"""What a header says of its images besides name and fingerprint."""


def open_folder(
    folder: Path, settings: dict[str, Any], facts: dict[str, Any], tell: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Make the folder and its run.json, or check that the one there has the same settings.

    `facts` (command, versions) and the working folder are recorded when the folder is made, and not compared. Seed −1
    takes the recorded seed, or draws one. More epochs than before are recorded anew; `tell` gets a line then. Returns
    the recorded settings. Raises BadOutput.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(f"{folder}: cannot be made: {problem.strerror}; choose another --out") from None
    file = folder / "run.json"
    settings = json.loads(json.dumps(settings))
    if not file.exists():
        settings["seed"] = root_seed(settings["seed"])
        record(folder, {**settings, **facts})
        return {**settings, **facts}
    recorded = read_header(folder)
    if "seed" not in recorded:
        raise BadOutput(f"{place(file)}: lacks the seed of its run")
    if settings["seed"] == -1:
        settings["seed"] = recorded.get("seed")
    told = with_earlier(_in_these_words(recorded, settings), settings)
    told, longer = _lengthened(told, settings)
    if found := difference({name: told.get(name) for name in settings}, settings):
        name, was, now = found
        others = "as many or more" if name in LENGTHS else "the recorded value"
        raise BadOutput(
            f"{folder} holds a run with {name} = {was}, now {now}: choose another --out, or {others}"
        )
    if longer:
        was, now = longer[0]
        recorded |= {name: told[name] for name in settings} | facts
        recorded["lengthened"] = [*recorded.get("lengthened", ()), [was, now]]
        record(folder, recorded)
        (folder / OUTCOME).unlink(missing_ok=True)
        if tell:
            tell(f"lengthened from {was} to {now} epochs: from here on its schedules are those of {now}")
    return {name: value for name, value in recorded.items() if name != "working_folder"}


def _lengthened(told: Json, settings: Json, name: str = "") -> tuple[Json, list[tuple[int, int]]]:
    """The recorded settings with numbers of epochs from these that are larger, and what both were."""
    made, longer = dict(told), []
    for key, now in settings.items():
        was = told.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            made[key], more = _lengthened(was, now, f"{name}{key}.")
            longer += more
        elif f"{name}{key}" in LENGTHS and isinstance(was, int) and isinstance(now, int) and now > was:
            made[key] = now
            longer.append((was, now))
    return made, longer


def record(folder: Path, header: dict[str, Any]) -> None:
    """Write run.json, with the folder that the command's paths are relative to."""
    header = {**header, "working_folder": os.getcwd()}
    write_whole(folder / "run.json", json.dumps(header, indent=1).encode() + b"\n")


@contextmanager
def continues(place: Path, recorded: str = "run.json") -> Iterator[None]:
    """A context whose run, once it is recorded, says how it continues when it is interrupted or fails.

    place: its folder, or the file that it writes; recorded: what a run that has begun has left there.
    """
    try:
        yield
    except BadInput:
        raise
    except BaseException as problem:
        records = (place / recorded, place.parent / f"{place.name}{recorded}")
        begun = any(record.is_file() and record.stat().st_size for record in records)
        if begun and not getattr(problem, "__notes__", ()):
            problem.add_note(f"continue with: {resumed_by(place)}")
        raise


def resumed_by(place: Path) -> str:
    """The command that continues a run."""
    here = os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", "1"))  # not all launchers set both
    processes = here if "RANK" in os.environ else "1"
    command = "nasreplay" if processes == "1" else f"torchrun --nproc_per_node {processes} -m nasreplay"
    return f"{command} resume {shlex.quote(str(place))}"


def _in_these_words(recorded: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The recorded settings, with the words of these for images that have the same fingerprint ("data")."""
    told = {
        name: _in_these_words(value, settings[name])
        if isinstance(value, dict) and isinstance(settings.get(name), dict)
        else value
        for name, value in recorded.items()
    }
    if "data" not in settings or recorded.get("data") != settings["data"]:
        return told
    names = {recorded.get("dataset"), settings.get("dataset")}
    words = IMAGE_WORDS if names & CARDS.keys() else (*IMAGE_WORDS, "dataset")  # cifar10 is not cifar10-valid
    return told | {name: settings[name] for name in words if name in settings}


def check_resume(folder: Path, resume: bool, what: str = "run") -> None:
    """Raise BadOutput for a folder that holds a run and shall not be resumed, or holds none and shall."""
    exists = (folder / "run.json").exists()
    if exists and not resume:
        raise BadOutput(f"{folder} holds a {what}: --resume continues it, or choose another --out")
    if resume and not exists:
        raise BadOutput(f"{folder} holds no {what} to resume")


def versions() -> dict[str, str]:
    """Versions of Python, nasreplay and the packages that numbers depend on."""
    from importlib.metadata import version

    packages = {name: version(name) for name in ("numpy", "h5py")}
    return {"python": platform.python_version(), "nasreplay": __version__, **packages}


def read_header(folder: Path) -> dict[str, Any]:
    """The contents of run.json; raises BadOutput if there is none or it is damaged."""
    file = folder / "run.json"
    if not file.exists():
        raise BadOutput(f"{folder}: holds no run (no run.json)")
    return checked_settings(read_json(file, Json, error=BadOutput), place(file))
