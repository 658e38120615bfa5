import bz2
import os
import pickle
import resource
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.data.importers.nats import archive as official
from nasreplay.data.importers.nats.archive import open_archive
from nasreplay.data.importers.nats.find_archive import default_folder
from nasreplay.data.importers.nats.template import Reader, loads_official
from nasreplay.errors import BadInput, UnsafePickle
from nasreplay.spaces import SIZE, TOPOLOGY, space_named
from tests.support.archives import FOLDERS, SAMPLED, content_of, numbers_of, path_of, put, synthetic


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return synthetic(SIZE, tmp_path_factory.mktemp("archive"), [0, 1, 2])


def read(archive: Path, number: int, reader: Reader | None = None):
    file = path_of(archive, number)
    return (reader or Reader()).read(official.content_of(file), str(file))


def assert_same(record, content) -> None:
    """A record has every number of a file, and no other."""
    slots = {
        (slot.path, slot.seed): record.numbers[slot.start : slot.stop] for slot in record.structure.slots
    }
    for recipe, state in content.items():
        assert (record.number, record.text) == (state["arch_index"], state["arch_str"])
        for (stored, seed), trial in state["all_results"].items():
            for name, values in numbers_of(trial).items():
                np.testing.assert_array_equal(slots.pop((f"{stored}/{recipe}/{name}", seed)), values)
    assert slots == {}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_sample_files_are_read_number_by_number(shared, name):
    folder, reader = shared / "data" / "nats-sample" / FOLDERS[name], Reader()
    found = open_archive(folder)
    assert (found.space, found.name, tuple(found.files)) == (space_named(name), FOLDERS[name], SAMPLED)
    assert len(found.missing) == found.space.size - len(SAMPLED)
    for number in SAMPLED:
        assert_same(read(folder, number, reader), content_of(folder, number))
    assert len(reader._templates) == 1  # built alike: the first one reads them all


@pytest.mark.slow
def test_files_that_are_built_differently_in_any_order(tmp_path):
    numbers = list(range(8))
    archive, reader = synthetic(TOPOLOGY, tmp_path, numbers), Reader()
    contents = {number: content_of(archive, number) for number in numbers}
    trials = {number: len(content["200"]["all_results"]) for number, content in contents.items()}
    assert set(trials.values()) == {8, 12}
    for number in [*numbers, *reversed(numbers)]:
        assert_same(read(archive, number, reader), contents[number])
    assert len(reader._templates) == 2


def test_epochs_that_were_not_measured_are_missing(archive, tmp_path):
    content = content_of(archive, 0)
    trial = content["12"]["all_results"]["cifar100", 888]
    del trial["eval_acc1es"]["x-valid@3"], trial["train_losses"][5]
    trial["train_acc5es"] = trial["eval_times"] = trial["latency"] = None
    put(tmp_path, 0, content)
    record = read(tmp_path, 0)
    slots = {
        (slot.path, slot.seed): record.numbers[slot.start : slot.stop] for slot in record.structure.slots
    }
    assert np.isnan(slots["cifar100/12/x-valid/accuracy", 888]).tolist() == [k == 3 for k in range(12)]
    assert np.isnan(slots["cifar100/12/train/loss", 888]).tolist() == [k == 5 for k in range(12)]
    assert np.isnan(slots["cifar100/12/latency", 888]).all()
    assert ("cifar100/12/train/top5", 888) not in slots
    assert ("cifar100/12/x-valid/seconds", 888) not in slots
    assert ("cifar100/12/train/top5", 777) in slots


# --- files that are not what they should be --------------------------------------------------------


def changed(archive: Path, change) -> dict:
    content = content_of(archive, 0)
    change(content, content["12"], content["12"]["all_results"]["cifar10", 777])
    return content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, r, t: c.clear(), "not a dictionary of recipes"),
        (lambda c, r, t: c.update({"x": c.pop("12")}), "a recipe is called 'x'"),
        (lambda c, r, t: c.update({"13": c.pop("12")}), "its recipe another number"),
        (lambda c, r, t: r.pop("dataset_seed"), "recipe 12: its keys are not"),
        (lambda c, r, t: r.update(arch_index=1), "its recipes name different architectures"),
        (lambda c, r, t: r.update(arch_index=1.0), "arch_index must be a whole number"),
        (
            lambda c, r, t: r["dataset_seed"].update(cifar10=[888, 777]),
            "not an ascending list of 1 to 16 seeds",
        ),
        (lambda c, r, t: r["dataset_seed"].update(cifar10=[777]), "name different trials"),
        (lambda c, r, t: r["dataset_seed"].update(mnist=[777]), "unknown data set 'mnist'"),
        (lambda c, r, t: t.pop("flop"), "cifar10/12, seed 777: wrong keys: flop"),
        (lambda c, r, t: t.update(more=1), "wrong keys: more"),
        (lambda c, r, t: t.update(seed="0888"), "the trial is called 'cifar10', seed '0888'"),
        (lambda c, r, t: t.update(epochs=11), "has 11 epochs"),
        (
            lambda c, r, t: t.update(net_state_dict={}),
            "holds weights; use the archive whose name ends in -simple",
        ),
        (
            lambda c, r, t: t.update(eval_names=["x-valid"]),
            r"eval_names is \['x-valid'\]; known sets: ori-test",
        ),
        (lambda c, r, t: t.update(eval_names=["ori-test"] * 100_000), "eval_names is"),
        (
            lambda c, r, t: t["eval_losses"].update({"ori-test@12": 1.0}),
            "eval_losses is not a dictionary of epochs",
        ),
        (lambda c, r, t: t["train_losses"].update({12: 1.0}), "train_losses is not a dictionary of epochs"),
        (lambda c, r, t: t["train_losses"].update({3: 1}), "train_losses: must be a float, not int"),
        (lambda c, r, t: t["train_losses"].update({3: None}), "train_losses: must be a float, not NoneType"),
        (lambda c, r, t: t.update(latency=[1.0, 2.0]), "latency is not a list of one number"),
        (lambda c, r, t: t.update(params=[]), "params: must be a float, not list"),
    ],
)
def test_one_line_names_the_file_and_the_field(archive, tmp_path, change, message):
    put(tmp_path, 0, changed(archive, change))
    with pytest.raises(BadInput, match=message) as caught:
        read(tmp_path, 0)
    assert str(caught.value).startswith(str(path_of(tmp_path, 0)))
    assert "\n" not in str(caught.value)


class Calls:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def nested(levels: int) -> bytes:
    return b"\x80\x04" + b"]" * levels + b"a" * (levels - 1) + b"."


def branching(levels: int) -> bytes:
    """A tuple of two times the same tuple of two times …, as a key: its hash takes 2^levels steps."""
    twice = b"".join(b"h" + bytes([k]) + b"h" + bytes([k]) + b"\x86\x94" for k in range(levels))
    return b"\x80\x04}\x29\x94" + twice + b"Ns."


def branching_between(opcode: bytes, levels: int) -> bytes:
    """The same with something harmless between each tuple and its memo entry."""
    twice = b"".join(
        b"h" + bytes([k]) + b"h" + bytes([k]) + b"\x86" + opcode + b"\x94" for k in range(levels)
    )
    return b"\x80\x04}K\x01\x85" + opcode + b"\x94" + twice + b"Ns."


def branching_argument(levels: int) -> bytes:
    """numpy.dtype of a list of two times the same list of two times …: its text takes 2^levels steps."""
    twice = b"".join(b"]\x94(" + (b"h" + bytes([k])) * 2 + b"e" for k in range(levels))
    asked = b"\x8c\x05numpy\x8c\x05dtype\x93h" + bytes([levels]) + b"\x85R."
    return b"\x80\x04]\x94" + twice + asked


HOSTILE = {
    "os.system": pickle.dumps(Calls(os.system, "touch witness"), 4),
    "eval": pickle.dumps(OrderedDict(a=Calls(eval, "1")), 4),
    "another dtype": pickle.dumps(OrderedDict(a=np.float32(1)), 4),
    "big-endian": pickle.dumps(OrderedDict(a=np.array(1, ">f8")[()]), 4).replace(b"\x8c\x01<", b"\x8c\x01>"),
    "objects": pickle.dumps(np.dtype("O"), 4),
    "arrays": pickle.dumps(np.ones(3), 4),
    "deep lists": nested(200_000),
    "deep tuples": b"\x80\x04}" + b")" + b"\x85" * 200_000 + b"Ns.",
    "branching tuples": branching(60),
    "branching tuples, begun again": branching_between(b"\x80\x04", 60),
    "branching tuples, framed": branching_between(b"\x95" + bytes(8), 60),
    "branching argument": branching_argument(60),
    "10 GB of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 10 * 2**30) + b"x.",
    "10 GB of text": b"\x80\x04\x8d" + struct.pack("<Q", 10 * 2**30) + b"x.",
    "4 GB of bytes": b"\x80\x04B" + struct.pack("<I", 2**32 - 1) + b"x.",
    "a long memo": b"\x80\x04Nr\xff\xff\xff\xff.",
    "a frame too long": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
    "copies": b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R0" * 100 + b"N.",
    "attributes": b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93}\x8c\x01aNsb.",
    "protocol 2": pickle.dumps({"12": {}}, 2),
    "half": pickle.dumps({"12": {"a": list(range(1000))}}, 4)[:-100],
    "nothing": b"",
    "text": b"hello world, this is not a pickle",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for load in (Reader().read, loads_official):
        if load is loads_official and name in ("copies", "deep lists", "protocol 2"):
            continue  # harmless, and no architecture
        with pytest.raises(BadInput, match=r"^some file: "):
            load(HOSTILE[name], "some file")
    assert list(tmp_path.iterdir()) == []


def test_what_is_asked_for_is_told():
    with pytest.raises(UnsafePickle, match=r"posix\.system, which is not allowed; nothing was executed"):
        Reader().read(HOSTILE["os.system"], "x")
    with pytest.raises(UnsafePickle, match="the opcode LONG_BINPUT, which official files do not have"):
        Reader().read(HOSTILE["a long memo"], "x")


@pytest.mark.slow
def test_hostile_files_take_neither_time_nor_memory(tmp_path):
    """All of them in a process that may have little memory and few seconds."""
    for name, content in HOSTILE.items():
        (tmp_path / name).write_bytes(bz2.compress(content))
    (tmp_path / "bomb").write_bytes(bz2.compress(bytes(2**27)))
    whole = bz2.compress(pickle.dumps(list(range(9999)), 4))
    (tmp_path / "truncated").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no bz2").write_bytes(b"hello")
    code = (
        "import sys, pathlib\n"
        "from nasreplay.data.importers.nats.archive import content_of\n"
        "from nasreplay.data.importers.nats.template import Reader\n"
        "from nasreplay.errors import BadInput\n"
        "for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        print(Reader().read(content_of(file), str(file)))\n"
        "    except BadInput as problem:\n"
        "        print('refused', problem)\n"
    )

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        preexec_fn=limits,
        cwd=root,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(HOSTILE) + 3
    assert all(line.startswith("refused") for line in lines)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_byte_makes_anything_but_the_named_error(changes, value):
    whole = pickle.dumps(
        {"12": {"arch_index": 3, "arch_str": "8:8", "all_results": {("cifar10", 7): 1.5}}}, 4
    )
    content = bytearray(whole)
    content[changes % len(whole)] = value
    with pytest.raises(BadInput, match=r"^it: [^\n]*$"):
        Reader().read(bytes(content), "it")


# --- where archives are ----------------------------------------------------------------------------


def test_where_the_official_api_looks(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(BadInput, match=f"no archive in {tmp_path}"):
        default_folder()
    (tmp_path / FOLDERS["size"]).mkdir()
    assert default_folder() == tmp_path / FOLDERS["size"]
    (tmp_path / FOLDERS["topology"]).mkdir()
    with pytest.raises(BadInput, match="two archives"):
        default_folder()
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".torch" / FOLDERS["topology"]).mkdir(parents=True)
    assert default_folder() == tmp_path / ".torch" / FOLDERS["topology"]
    monkeypatch.delenv("HOME")
    with pytest.raises(BadInput, match="neither TORCH_HOME nor HOME"):
        default_folder()


def test_folders_that_are_no_archives(archive, tmp_path):
    with pytest.raises(BadInput, match=r"meta\.pickle\.pbz2: cannot be read: No such file"):
        open_archive(tmp_path)
    (tmp_path / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps({"meta_archs": ["8:8:8:8:8"]}, 4)))
    with pytest.raises(BadInput, match="its meta_archs is not the list of architectures"):
        open_archive(tmp_path)
    with pytest.raises(BadInput, match="a file; name the folder"):
        open_archive(path_of(archive, 0))


def test_plain_decimal_names_are_known(archive, tmp_path):
    (tmp_path / "meta.pickle.pbz2").symlink_to(archive / "meta.pickle.pbz2")
    for number in range(3):
        (tmp_path / f"{number}.pickle.pbz2").symlink_to(path_of(archive, number))
    assert list(open_archive(tmp_path).files) == [0, 1, 2]


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="no regular file"):
        official.content_of(tmp_path / "pipe")
