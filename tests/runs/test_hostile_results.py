"""Results that were made to do harm, with a seal that fits: refused by name, or harmless."""

import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasreplay.errors import BadOutput, NasReplayError
from nasreplay.replay import comparing
from nasreplay.runs import store
from nasreplay.runs.report.plots import save_overview, save_regrets
from nasreplay.runs.report.rows import rows
from nasreplay.runs.report.summary import markdown
from nasreplay.runs.store import read_comparison
from tests.support.crafted_packs import put
from tests.support.crafted_results import as_release_0_1, crafted, seal
from tests.support.fabricate import same_result

HERE = "results/cifar10/random"


def attribute(place: str, name: str, value: Any) -> Callable[[Any], object]:
    return lambda file: put(file[place], name, value)


def array(name: str, value: Any, place: str = HERE) -> Callable[[Any], object]:
    def edit(file: Any) -> None:
        attributes = dict(file[f"{place}/{name}"].attrs)
        del file[f"{place}/{name}"]
        made = file[place].create_dataset(name, data=value)
        for key, kept in attributes.items():
            made.attrs[key] = kept

    return edit


def long_texts(file: Any) -> None:
    """None of them too long; parsed, they take many times their bytes."""
    text = json.dumps({"seed": 1, "x": [[[1]]] * 140_000})
    for group in file["results/cifar10"].values():
        put(group, "settings", text)


def put_array(group: Any, name: str) -> None:
    group.create_dataset(name, data=np.arange(10))


def bomb(file: Any) -> None:
    del file[f"{HERE}/clock"]
    made = file[HERE].create_dataset(
        "clock", (10**7, 100), "<f8", chunks=(10**6, 100), compression="gzip", shuffle=True
    )
    put(made, "dtype", "float64")
    made.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**7)))


def small_numbers_that_grow(file: Any) -> None:
    """A byte for each number, of which an attribute says that it was of eight."""
    for name in ("incumbent_flat", "queries", "evaluated_flat", "trial"):
        del file[f"{HERE}/{name}"]
        made = file[HERE].create_dataset(
            name, (1000, 4100), "i1", chunks=(1000, 4100), compression="gzip", shuffle=True
        )
        put(made, "dtype", "int64")


def large_chunk(file: Any) -> None:
    del file[f"{HERE}/clock"]
    made = file[HERE].create_dataset(
        "clock", (1, 5 * 10**6), "f8", chunks=(1, 5 * 10**6), compression="gzip", shuffle=True
    )
    put(made, "dtype", "float64")


def two_names(file: Any) -> None:
    file["results/cifar10/again"] = file[HERE]


def short_chunk(file: Any) -> None:
    del file[f"{HERE}/clock"]
    made = file[HERE].create_dataset("clock", (3, 20), "<f8", chunks=(3, 20), fletcher32=True)
    put(made, "dtype", "float64")
    made.id.write_direct_chunk((0, 0), b"x")


def link(file: Any) -> None:
    del file[f"{HERE}/clock"]
    file[f"{HERE}/clock"] = h5py.ExternalLink("other.h5", "/x")


TABLE = "tables/cifar10"
ATTACKS = [
    (bomb, "it claims 8,000 MB of numbers, over 128; NASREPLAY_TABLE_MB=N raises that"),
    (small_numbers_that_grow, "it claims 131 MB of numbers, over 128"),
    (large_chunk, "it claims 160 MB of numbers, over 128"),
    (long_texts, "its texts have over 4 MB"),
    (two_names, "has another name, too"),
    (lambda file: put_array(file, "pad"), "pad is nothing that nasreplay writes"),
    (lambda file: put_array(file[HERE], "more"), "random/more is nothing that nasreplay writes"),
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


def test_numbers_may_take_more_memory_where_more_of_them_are_stored(tmp_path, monkeypatch):
    """Padding justifies nothing: only what is stored of the arrays counts."""
    path = crafted(tmp_path, lambda file: None)
    monkeypatch.setattr(store, "LIMIT", 0)
    assert len(read_comparison(path).results) == 6
    with h5py.File(path, "r+") as opened:
        file: Any = opened
        put(file, "pad", np.random.default_rng(0).bytes(50_000).hex())
        del file[f"{HERE}/clock"]
        made = file[HERE].create_dataset(
            "clock", (3, 10**6), "f8", chunks=(1, 10**5), compression="gzip", shuffle=True
        )
        put(made, "dtype", "float64")
    seal(path)
    with pytest.raises(BadOutput, match=r"it claims 2\d MB of numbers, over"):
        read_comparison(path)
    monkeypatch.setenv("NASREPLAY_TABLE_MB", "100")
    with pytest.raises(BadOutput, match="missing, or claims more"):
        read_comparison(path)


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
            put(group, "searcher", name + EVIL)
            put(group, "dataset", "$\\frac{" + EVIL[:50])
        put(file["tables/cifar10"], "dataset", "$\\frac{" + EVIL[:50])
        told = {"notes": [EVIL[:99]], "departures": [EVIL[:99]], "command": EVIL}
        put(file, "settings", json.dumps({"seed": 1, "searchers": {}, **told}))

    comparison = comparing.read(crafted(tmp_path, rename))
    every = rows(comparison)
    assert all(line.isprintable() for line in markdown(comparison, every).splitlines())
    paths = [path for _, paths in save_regrets(comparison, tmp_path) for path in paths]
    for path in [*paths, *save_overview(comparison, every, tmp_path)]:
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


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from nasreplay.errors import BadOutput
from nasreplay.runs.store import read_comparison
from tests.support.crafted_results import seal, structure
path, draw = Path(sys.argv[1]), np.random.default_rng(11)
whole, places = path.read_bytes(), structure(path)
heap = whole.find(b"GCOL")
heaps = range(heap, heap + 4096) if heap > 0 else places
read_comparison(path)
before, refused = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
for turn in range(300):
    content = bytearray(whole)
    chosen = heaps if turn % 2 else places
    for place in draw.choice(len(chosen), draw.integers(1, 4)):
        content[chosen[place]] = (0, 1, 127, 128, 255, int(draw.integers(256)))[draw.integers(6)]
    path.write_bytes(content)
    seal(path)
    try:
        read_comparison(path)
    except BadOutput as problem:
        assert str(problem).isprintable()
        refused += 1
print(refused, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", [Path, as_release_0_1], ids=["as written now", "of 0.1.0"])
def test_bytes_changed_at_random_crash_nothing_and_take_little_memory(tmp_path, form):
    path = form(
        crafted(
            tmp_path, lambda file: [file["results/cifar10"].__delitem__(name) for name in ("rea", "gdas")]
        )
    )
    ended = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    refused, megabytes = map(int, ended.stdout.split())
    assert refused > 20
    assert megabytes < 200


def test_texts_of_an_older_release_are_read_as_they_were(tmp_path):
    path = crafted(
        tmp_path, lambda file: put(file, "settings", json.dumps({"seed": 1, "command": "é" * 40_000}))
    )
    new, old = read_comparison(path), read_comparison(as_release_0_1(path))
    assert old.settings == new.settings
    assert list(old.tables) == list(new.tables)
    assert all(same_result(one, other) for one, other in zip(old.results, new.results, strict=True))


@pytest.mark.parametrize("size", [0, 5, 7, 2**12, 2**31, 2**63, 2**64 - 1])
def test_a_text_of_another_length_than_its_attribute_says_is_refused(tmp_path, size):
    """The HDF5 library allocates what the attribute claims, and writes what the heap claims into that."""
    path = as_release_0_1(crafted(tmp_path, lambda file: None))
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16 + 8
    content[first : first + 8] = size.to_bytes(8, "little")
    path.write_bytes(content)
    seal(path)
    with pytest.raises(BadOutput, match="a text is not where its attribute says, or has another length"):
        read_comparison(path)


@pytest.mark.slow
def test_settings_changed_to_any_json_value_crash_nothing(tmp_path):
    path = crafted(tmp_path, lambda file: None)
    whole = path.read_bytes()
    known = ("seed", "searchers", "datasets", "notes", "departures", "protocol", "score", "interrupted")
    values = (None, True, -1, 10**30, 1.5, "x", "\x1b", [], [1], {}, {"a": 1}, [None], {"rea": {}})
    for name in known:
        for value in values:
            changed = json.dumps({"seed": 1, "searchers": {}, "datasets": []} | {name: value})
            path.write_bytes(whole)
            with h5py.File(path, "r+") as file:
                put(file, "settings", changed)
            seal(path)
            refused_in_a_line(comparing.read, path)
