"""Settings that come in as text or as `.config` files: strict, and every refusal names its place."""

import json
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay import config
from nasreplay.errors import BadSetting, UnknownName


@dataclass(frozen=True)
class Example:
    rate: float = 0.1
    steps: int = 10
    nesterov: bool = True
    schedule: str = "cosine"
    betas: tuple[float, float] = (0.5, 0.999)

    name = "example"


def written(tmp_path, content) -> str:
    path = tmp_path / "some.config"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_both_forms_of_a_value_are_read(tmp_path):
    """The pairs are those of AutoDL-Projects' files, whose numbers are texts."""
    content = {
        "rate": ["float", "0.025"],
        "steps": ["int", "250"],
        "nesterov": ["bool", "0"],
        "schedule": ["str", "cos"],
        "nothing": ["none", "whatever"],
        "several": ["int", ["1", "2"]],
        "plain": 0.5,
        "list": [1, 2],
    }
    assert config.load(written(tmp_path, content)) == {
        "rate": 0.025,
        "steps": 250,
        "nesterov": False,
        "schedule": "cos",
        "nothing": None,
        "several": [1, 2],
        "plain": 0.5,
        "list": [1, 2],
    }


def test_every_shipped_configuration_is_read():
    files = sorted(config.folder().rglob("*.config"))
    assert len(files) > 10
    for path in files:
        assert config.load(path), path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"rate": 1,\n "steps" 2}', "line 2: not JSON"),
        ("[1, 2]", "must be an object, not a list"),
        ("[" * 100_000, "over 50 levels"),
        ('{"rate": ["float", "fast"]}', "rate: 'fast' is not float"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content, says):
    path = written(tmp_path, content)
    with pytest.raises(BadSetting, match=says) as refusal:
        config.load(path)
    assert path in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(BadSetting, match="cannot be read"):
        config.load(tmp_path / "none.config")
    (tmp_path / "binary.config").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match="not a text"):
        config.load(tmp_path / "binary.config")


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63) + 1, 2**63 - 1), st.booleans())
def test_text_and_values_mean_the_same(rate, steps, nesterov):
    values = {"rate": rate, "steps": steps, "nesterov": nesterov}
    expected = Example(rate, steps, nesterov)
    assert config.apply(Example(), values, "here") == expected
    assert config.apply(Example(), {name: str(value) for name, value in values.items()}, "here") == expected


def test_tuples_have_their_length():
    assert config.apply(Example(), {"betas": "0.9,0.99"}, "here").betas == (0.9, 0.99)
    with pytest.raises(BadSetting, match="betas"):
        config.apply(Example(), {"betas": "0.9"}, "here")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownName, match=r"here: unknown setting 'rat': did you mean rate."):
        config.apply(Example(), {"rat": 1}, "here")


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 1.5), ("steps", "many"), ("nesterov", "maybe"), ("rate", None)]
)
def test_a_wrong_type_is_refused(name, value):
    with pytest.raises(BadSetting, match=rf"here\.{name} = .*must be of type"):
        config.apply(Example(), {name: value}, "here")


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_what_must_be_positive_is(rate):
    config.positive(Example(), "rate", "steps")
    with pytest.raises(BadSetting, match=r"example\.rate is .*: it must be above 0"):
        config.positive(Example(rate=rate), "rate")


def test_ranges_and_choices():
    config.within(Example(), 0, 1, "rate")
    config.one_of(Example(), "schedule", ("cosine", "linear"))
    with pytest.raises(BadSetting, match="0 to 1"):
        config.within(Example(rate=1.5), 0, 1, "rate")
    with pytest.raises(BadSetting, match="one of cosine, linear"):
        config.one_of(Example(schedule="step"), "schedule", ("cosine", "linear"))
