import pickle
import random
import struct
from collections import OrderedDict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.data.importers.nats.onefile.splitter import PickleSplitter
from nasreplay.errors import BadInput, UnsafePickle


def whole(infos: dict, **more) -> dict:
    return {
        "meta_archs": ["a", "b"],
        "total_archs": 2,
        "arch2infos": infos,
        "evaluated_indexes": set(infos),
        **more,
    }


def cut(content: bytes, *ends: int) -> dict:
    """The architectures of a pickle, by the ordinary pickle, when it comes in parts that end at these places."""
    splitter, found = PickleSplitter(), []
    places = [0, *sorted(end % len(content) for end in ends), len(content)]
    for start, end in pairwise(places):
        found += splitter.feed(content[start:end])
    assert splitter.ended
    assert pickle.loads(splitter.head or b"") == ["a", "b"]
    return {number: pickle.loads(part) for number, part in found}


numbers = st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False)
texts = st.text(st.characters(codec="utf-8"), max_size=60)
plain = st.none() | st.booleans() | numbers | texts | numbers.map(np.float64)
keys = texts | st.integers(0, 300) | st.tuples(texts, st.integers(0, 999))
curves = st.lists(st.floats(allow_nan=False), max_size=20).flatmap(
    lambda values: st.sampled_from(
        [dict(enumerate(values)), {f"x-valid@{k}": value for k, value in enumerate(values)}]
    )
)
objects = st.recursive(
    plain | curves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(
    st.lists(st.dictionaries(texts, objects, max_size=5), min_size=1, max_size=4),
    st.sampled_from(range(2, 6)),
    st.lists(st.integers(0, 10**6), max_size=5),
)
def test_every_architecture_comes_back_however_the_bytes_come(parts, protocol, ends):
    infos = {number: OrderedDict(part) for number, part in enumerate(parts)}
    assert cut(pickle.dumps(whole(infos), protocol), *ends) == infos


@pytest.mark.slow
@settings(max_examples=12)
@given(st.integers(0, 2**32), st.sampled_from(range(2, 6)))
def test_what_architectures_share_is_put_into_each(seed, protocol):
    draw = random.Random(seed)
    words = [f"word {k}" for k in range(8)]
    shared = [*words, *((word, 777) for word in words), words[:3], [(words[0], 1), words[1]], ()]
    infos = {
        number: {f"{number}": [draw.choice(shared) for _ in range(9)], "x": np.float64(number)}
        for number in range(1100)  # the ordinary pickle writes 1,000 pairs at a time
    }
    assert cut(pickle.dumps(whole(infos), protocol)) == infos


def test_architectures_may_share_no_more_than_small_things():
    large = {"a": 1.5}
    own = [large, large]
    assert cut(pickle.dumps(whole({0: {"x": own}, 1: {}}), 4)) == {0: {"x": own}, 1: {}}
    with pytest.raises(UnsafePickle, match="shares more than texts, small tuples and lists between arch"):
        cut(pickle.dumps(whole({0: {"x": large}, 1: {"x": large}}), 4))


def test_one_architecture_alone():
    assert cut(pickle.dumps(whole({1: {"x": 0.5}}), 4)) == {
        1: {"x": 0.5}
    }  # a dictionary of one pair is another opcode


@pytest.mark.parametrize("value", [np.ones(2), object(), len, bytearray(b"x"), 2**40, 1j, "x" * 300])
def test_what_official_files_do_not_have(value):
    with pytest.raises(UnsafePickle, match=r"the pickle (asks for|has) \S+"):
        cut(pickle.dumps(whole({0: {"x": value}}), 4))


def recursive() -> list:
    inner: list = []
    inner.append(inner)
    return inner


def head(rest: bytes) -> bytes:
    """A pickle whose architectures are these opcodes."""
    return b"\x80\x04}(\x8c\x0ameta_archs](\x8c\x01ae\x8c\x0aarch2infos}\x94(" + rest


REFUSED = {
    "recursive": (pickle.dumps(whole({0: {"x": recursive()}}), 4), "changes an object after it was used"),
    "changed later": (
        head(b"K\x00}\x94\x86\x94h\x01\x8c\x01xK\x01su."),
        "changes an object after it was used",
    ),
    "again": (head(b"\x80\x04"), "begins a second time"),
    "protocol 1": (b"\x80\x01}.", "of no protocol from 2 to 5"),
    "own numbers": (head(b"K\x00}q\x07"), "numbers its objects otherwise"),
    "unknown number": (head(b"K\x00}h\x99"), "something is taken that is not there"),
    "no mark": (head(b"uuuu"), "not a whole pickle"),
    "stack empty": (b"\x80\x04a", "not a whole pickle"),
    "module is a number": (head(b"K\x01K\x02\x93"), "not a whole pickle"),
    "no archive": (pickle.dumps([1], 4), "no archive in one file"),
    "other order": (pickle.dumps({"arch2infos": {0: {}}, "meta_archs": []}, 4), "does not stand before"),
    "meta file": (pickle.dumps(whole({}) | {"arch2infos": None}, 4), "no archive in one file"),
    "10 GB of text": (head(b"\x8d" + struct.pack("<Q", 10 * 2**30)), "opcode BINUNICODE8"),
    "4 GB of text": (head(b"X" + b"\xff" * 4 + bytes(1000)), "a longer BINUNICODE"),
    "10 GB of bytes": (head(b"\x8e" + struct.pack("<Q", 10 * 2**30)), "opcode BINBYTES8"),
    "encoded": (pickle.dumps(whole({0: {"x": b"abc"}}), 2), "something else than the 8 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_pickles_that_are_no_archives(name):
    content, message = REFUSED[name]
    with pytest.raises(BadInput, match=message):
        cut(content)


def test_a_global_is_refused_by_name_and_nothing_runs(tmp_path, monkeypatch):
    import os

    class Harmful:
        def __reduce__(self):
            return os.system, ("touch witness",)

    monkeypatch.chdir(tmp_path)
    for protocol in range(2, 6):
        for infos, more in (({0: {"x": Harmful()}}, {}), ({}, {"evil": Harmful()})):
            with pytest.raises(
                UnsafePickle, match=r"posix\.system, which is not allowed; nothing was executed"
            ):
                cut(pickle.dumps(whole(infos, **more), protocol))
    assert list(tmp_path.iterdir()) == []


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_byte_makes_anything_but_the_named_error(place, value):
    content = bytearray(pickle.dumps(whole({0: {"x": [1.5, ("a", 2)]}, 1: {"x": np.float64(2)}}), 4))
    content[place % len(content)] = value
    message = ""
    try:
        PickleSplitter().feed(bytes(content))
    except BadInput as problem:
        message = str(problem)
    assert "\n" not in message
