"""Results that were made to do harm, with a seal that fits: refused by name, or harmless."""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasreplay.errors import BadOutput, NasReplayError
from nasreplay.replay import compare
from nasreplay.runs.report.plots import save_figures
from nasreplay.runs.report.rows import rows
from nasreplay.runs.report.summary import markdown
from nasreplay.runs.store import FORMAT, SEAL, read_comparison, write_comparison
from tests.support import fabricate

HERE = "results/cifar10/random"


def crafted(folder: Path, edit: Callable[[Any], object], name: str = "random") -> Path:
    """The results of a comparison with one thing changed, sealed again."""
    path = folder / "results.h5"
    made = fabricate.comparison(replicas=3, points=20)
    write_comparison(path, made.results, made.tables, {"seed": 1, "searchers": {}, "datasets": []})
    with h5py.File(path, "r+") as file:
        edit(file)
    seal(path)
    return path


def seal(path: Path) -> None:
    content = path.read_bytes()[SEAL:]
    first = f"{FORMAT} sha256 {hashlib.sha256(content).hexdigest()}\n".encode()
    path.write_bytes(first.ljust(SEAL, b"\0") + content)


def attribute(place: str, name: str, value: Any) -> Callable[[Any], object]:
    return lambda file: file[place].attrs.__setitem__(name, value)


def array(name: str, value: Any, place: str = HERE) -> Callable[[Any], object]:
    def edit(file: Any) -> None:
        attributes = dict(file[f"{place}/{name}"].attrs)
        del file[f"{place}/{name}"]
        made = file[place].create_dataset(name, data=value)
        made.attrs.update(attributes)

    return edit


def bomb(file: Any) -> None:
    del file[f"{HERE}/clock"]
    made = file[HERE].create_dataset(
        "clock", (10**7, 100), "<f8", chunks=(10**6, 100), compression="gzip", shuffle=True
    )
    made.attrs["dtype"] = "float64"
    made.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**7)))


def short_chunk(file: Any) -> None:
    del file[f"{HERE}/clock"]
    made = file[HERE].create_dataset("clock", (3, 20), "<f8", chunks=(3, 20), fletcher32=True)
    made.attrs["dtype"] = "float64"
    made.id.write_direct_chunk((0, 0), b"x")


def link(file: Any) -> None:
    del file[f"{HERE}/clock"]
    file[f"{HERE}/clock"] = h5py.ExternalLink("other.h5", "/x")


TABLE = "tables/cifar10"
ATTACKS = [
    (bomb, "it claims 8,001 MB of numbers, over 128; NASREPLAY_TABLE_MB=N raises that"),
    (short_chunk, "missing, or claims more|not the size"),
    (link, "is a link"),
    (array("clock", np.full((3, 20), np.inf)), "clock or its accuracies"),
    (array("clock", np.full((3, 20), -1.0)), "clock or its accuracies"),
    (array("clock", np.ones((2, 20))), "do not fit together"),
    (array("found_flat", np.array([1, 2, 15_625])), "found has indices outside -1 to 15624"),
    (array("found_flat", np.array([1.5, 2, 3])), "found_flat holds other numbers than int32"),
    (array("incumbent_flat", np.full((3, 20), -7)), "incumbent has indices outside"),
    (array("observed", np.full((3, 20), -np.inf)), "clock or its accuracies"),
    (array("final_mean", np.ones(3), TABLE), "accuracies of its table"),
    (array("final_mean", np.full(15_625, 101.0), TABLE), "accuracies of its table"),
    (array("final_mean", np.full(15_625, np.nan), TABLE), "no accuracy"),
    (attribute(TABLE, "budget_s", np.nan), "no budget above 0"),
    (attribute(TABLE, "budget_s", "x"), "must be a number"),
    (attribute(TABLE, "space", "nowhere"), "unknown space"),
    (attribute(TABLE, "meaning", '{"valid": 3}'), "valid: must be a text, not 3"),
    (attribute(TABLE, "meaning", "[" * 9999), "over 50 levels"),
    (attribute(HERE, "position", np.nan), "must be a whole number"),
    (attribute(HERE, "position", "first"), "must be a number"),
    (attribute(HERE, "oracle", [True, False]), "must be a number"),
    (attribute(HERE, "settings", '{"seed": "x"}'), 'seed: must be a whole number or null, not "x"'),
    (attribute(HERE, "settings", "[]"), "must be an object, not a list"),
    (attribute(HERE, "searcher", 5), "must be a text"),
    (attribute(f"{HERE}/clock", "dtype", "object"), "was of type 'object'"),
    (attribute("/", "settings", '{"seed": [1], "searchers": {}}'), "seed: must be a whole number or null"),
    (attribute("/", "settings", '{"seed": 1, "notes": [1]}'), r"notes\[0\]: must be a text"),
    (attribute("/", "settings", "9" * 5000), "an integer of thousands of digits"),
]


@pytest.mark.parametrize(("edit", "message"), ATTACKS, ids=[message for _, message in ATTACKS])
def test_what_does_not_fit_is_refused_by_name(tmp_path, edit, message):
    path = crafted(tmp_path, edit)
    with pytest.raises(BadOutput, match=message) as caught:
        read_comparison(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_pipe_and_an_endless_device_are_no_results(tmp_path):
    for place in ("/dev/zero", "/dev/stdin"):
        (tmp_path / "results.h5").unlink(missing_ok=True)
        (tmp_path / "results.h5").symlink_to(place)
        with pytest.raises(BadOutput):
            read_comparison(tmp_path)


EVIL = "\x1b]0;owned\x07$\\frac{ \\badmacro\r\n\u202e|<b>漢" + "x" * 10_000


@pytest.mark.slow
def test_names_from_outside_are_drawn_and_written_as_they_are(tmp_path, recwarn, capfd):
    def rename(file: Any) -> None:
        for name, group in file["results/cifar10"].items():
            group.attrs["searcher"] = name + EVIL
            group.attrs["dataset"] = "$\\frac{" + EVIL[:50]
        file["tables/cifar10"].attrs["dataset"] = "$\\frac{" + EVIL[:50]
        file.attrs["settings"] = json.dumps(
            {"seed": 1, "searchers": {}, "notes": [EVIL[:99]], "departures": [EVIL[:99]], "command": EVIL}
        )

    comparison = compare.read(crafted(tmp_path, rename))
    every = rows(comparison)
    assert all(line.isprintable() for line in markdown(comparison, every).splitlines())
    for path in save_figures(comparison, every, tmp_path):
        assert path.name.isprintable()
        assert path.stat().st_size > 1_000
    assert not [each for each in recwarn if "Glyph" in str(each.message) or "math" in str(each.message)]
    assert capfd.readouterr().err == ""


def refused_in_a_line(read: Callable[[Path], Any], path: Path) -> bool:
    """Whether the file is refused; any error but a named one of one line fails the test."""
    try:
        found = read(path)
    except NasReplayError as problem:
        if str(problem).isprintable():
            return True
        raise
    return not (isinstance(found.notes, list) and isinstance(found.score, str))


@pytest.mark.slow
def test_bytes_and_settings_changed_at_random_crash_nothing(tmp_path):
    """Bytes of the structure; then values of every setting, by any JSON value."""
    draw = np.random.default_rng(7)
    path = crafted(tmp_path, lambda file: None)
    whole = path.read_bytes()
    refused = 0
    for _ in range(400):
        content = bytearray(whole)
        for place in draw.integers(SEAL, len(content), draw.integers(1, 4)):
            content[place] = (0, 1, 127, 128, 255, int(draw.integers(256)))[draw.integers(6)]
        path.write_bytes(content)
        seal(path)
        refused += refused_in_a_line(read_comparison, path)
    assert refused > 20
    known = ("seed", "searchers", "datasets", "notes", "departures", "protocol", "score", "interrupted")
    values = (None, True, -1, 10**30, 1.5, "x", "\x1b", [], [1], {}, {"a": 1}, [None], {"rea": {}})
    for name in known:
        for value in values:
            changed = json.dumps({"seed": 1, "searchers": {}, "datasets": []} | {name: value})
            path.write_bytes(whole)
            with h5py.File(path, "r+") as file:
                file.attrs["settings"] = changed
            seal(path)
            refused_in_a_line(compare.read, path)
