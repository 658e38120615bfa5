import pickle
import subprocess
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.errors import BadInput, UnsafePickle
from nasreplay.files.unpickle import load_builtins, loads_builtins


class Harmful:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def test_builtins_come_back(tmp_path):
    value = {"a": [1, 2.5, None, True, (b"x", "y")], 3: {"z": set()}}
    file = tmp_path / "x.pkl"
    file.write_bytes(pickle.dumps({key: value[key] for key in ["a"]}))
    assert load_builtins(file) == {"a": value["a"]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_executed(tmp_path, protocol):
    import os

    witness = tmp_path / "witness"
    for call in [
        (os.system, f"touch {witness}"),
        (subprocess.check_call, ["touch", str(witness)]),
        (eval, f"open({str(witness)!r}, 'w')"),
        (open, str(witness), "w"),
        (getattr, {}, "clear"),
    ]:
        file = tmp_path / "bad.pkl"
        file.write_bytes(pickle.dumps({"x": Harmful(*call)}, protocol))
        with pytest.raises(UnsafePickle, match="not allowed; nothing was executed") as caught:
            load_builtins(file)
        assert str(file) in str(caught.value)
    assert not witness.exists()


def test_the_refused_name_is_told():
    with pytest.raises(UnsafePickle, match=r"collections\.OrderedDict"):
        loads_builtins(pickle.dumps(OrderedDict(a=1)), "it")


def test_the_allow_list_is_a_parameter():
    content = pickle.dumps(OrderedDict(a=1))
    assert loads_builtins(content, "it", allowed={("collections", "OrderedDict"): dict}) == {"a": 1}


def test_too_large_is_refused_before_loading(tmp_path):
    file = tmp_path / "large.pkl"
    file.write_bytes(pickle.dumps(list(range(1000))))
    with pytest.raises(BadInput, match="larger than the limit of 100 bytes"):
        load_builtins(file, limit=100)


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        load_builtins(tmp_path / "none.pkl")


@given(st.integers(0, 200), st.binary(max_size=20).filter(lambda tail: b"r" not in tail))
def test_malformed_pickles_raise_the_named_error(cut, tail):
    # LONG_BINPUT ("r") is left out: Python itself then allocates memory for up to 2^32 memo entries
    whole = pickle.dumps({"key": [1.5] * 10, "other": ["text", 2**70]}, 2)
    message = "it: "
    try:
        loads_builtins(whole[: cut % len(whole)] + tail, "it")
    except BadInput as problem:
        message = str(problem)
    assert message.startswith("it: ")
    assert "\n" not in message


def test_truncated_pickle():
    with pytest.raises(BadInput, match="not a whole pickle"):
        loads_builtins(pickle.dumps({"a": 1})[:-1], "it")
