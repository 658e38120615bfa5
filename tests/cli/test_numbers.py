"""Numbers of users: plain digits and finite ones only, in options, settings and files."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay import config, search
from nasreplay.errors import BadInput, BadSetting
from nasreplay.jobs.queries import QuerySettings
from nasreplay.jobs.tabulation import TabulationSettings
from nasreplay.numerals import LARGEST, counted, real, whole
from nasreplay.settings import chosen

DIGITS = "9" * 5000
NO_NUMBERS = [
    "",
    "x",
    "٥",
    "1_000",
    "1e",
    "--1",
    "0x10",
    "1e5000",
    "inf",
    "-Infinity",
    "nan",
    DIGITS,
    "½",
    "²",
    "1 2",
]
NO_VALUES = [None, True, [], "", 10**5000, float("nan"), float("inf"), 1j, b"1", object()]


@given(st.integers(-LARGEST, LARGEST))
def test_whole_numbers_are_themselves(number):
    assert whole(number) == whole(str(number)) == whole(f" {number:+} ") == number
    assert whole(np.int64(number)) == number
    assert counted(str(number)) == (number if number >= 0 else None)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_real_numbers_are_themselves(number):
    assert real(number) == real(repr(number)) == real(np.float64(number)) == number
    assert whole(2.0) == whole(Fraction(2)) == real(2) == 2


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_texts_are_refused(text):
    for read in (whole, real):
        if (read, text) != (real, DIGITS):
            with pytest.raises(ValueError, match="must be a"):
                read(text)
    assert counted(text) is None


@pytest.mark.parametrize("place", range(len(NO_VALUES)))
def test_other_values_are_refused(place):
    for read in (whole, real):
        with pytest.raises(ValueError, match="must be a"):
            read(NO_VALUES[place])


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_settings_of_searchers(tmp_path, text):
    for value in (text, ["int", text]):
        file = tmp_path / "rea.config"
        file.write_text(json.dumps({"population": value}))
        with pytest.raises(BadSetting) as caught:
            search.make("rea", config.load(file))
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "value", ["Infinity", "-Infinity", "NaN", '["int", Infinity]', "1e999", '["bool", 1e999]', DIGITS]
)
def test_numbers_of_files_that_are_none(tmp_path, value):
    file = tmp_path / "rea.config"
    file.write_text(f'{{"population": {value}}}')
    with pytest.raises(BadSetting, match=r"rea\.config|rea\.population"):
        search.make("rea", config.load(file))


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_options_that_are_numbers(refused, text):
    for words in (
        *(
            ("replay", "rea", f"--{option}={text}")
            for option in ("replicas", "evaluations", "budget", "seed")
        ),
        *(("query", "1", f"--{option}={text}") for option in ("trial", "epochs")),
        ("query", "--best", "cifar10", f"--max-params={text}"),
        ("tabulate", "--out", "t.h5", f"--shard=1/{text}"),
        ("tabulate", "--out", "t.h5", f"--trial={text}"),
        ("data", "import-csv", "a.csv", "--out", "t.h5", "--map", "x=key", f"--epochs=12={text}"),
    ):
        if text or words[-1].endswith(("shard=1/", "12=")):
            assert len(refused(*words)) < 400


@pytest.mark.parametrize("place", range(len(NO_VALUES)))
def test_settings_of_python(place):
    value = NO_VALUES[place]
    for name in ("epochs", "count", "max_params"):
        if value is not None and value != ():
            with pytest.raises(BadInput) as caught:
                chosen(QuerySettings, {name: value, "best": "cifar10"})
            assert "\n" not in str(caught.value)
    assert chosen(QuerySettings, {"epochs": np.int64(12)}).epochs == 12
    assert chosen(TabulationSettings, {"sample": "12"}).sample == 12
