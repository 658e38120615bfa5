"""JSON from outside: types, limits, and the place of what does not fit."""

import json
from typing import Any, NamedTuple

import pytest

from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.typed import parse_json, read_json, typed


class Step(NamedTuple):
    step: int
    found: str
    loss: float | None = None


class Header(NamedTuple):
    steps: list[Step]
    ladder: tuple[tuple[str, int], ...] = ()
    more: dict[str, Any] | None = None


def test_values_take_the_stated_types():
    value = {
        "steps": [{"step": 1, "found": "a\x1bb", "other": [1]}, {"step": 2, "found": "", "loss": 3}],
        "ladder": [["200", 12], ["12", 1]],
        "more": {"x": [1, {"y": None}]},
        "left out": 0,
    }
    found = parse_json(json.dumps(value), Header, "run.json")
    assert found == Header(
        [Step(1, r"a\x1bb"), Step(2, "", 3.0)], (("200", 12), ("12", 1)), {"x": [1, {"y": None}]}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "here: must be an object, not a list"),
        ("{}", "here: lacks steps"),
        ('{"steps": {}}', "here, steps: must be a list, not an object"),
        ('{"steps": [{"step": 1}]}', r"here, steps\[0\]: lacks found"),
        ('{"steps": [{"step": true, "found": ""}]}', r"steps\[0\].step: must be a whole number, not true"),
        ('{"steps": [{"step": NaN, "found": ""}]}', r"steps\[0\].step: must be a whole number, not NaN"),
        ('{"steps": [{"step": 1, "found": "", "loss": "x"}]}', r'must be a number or null, not "x"'),
        ('{"steps": [{"step": 1e3, "found": ""}]}', "must be a whole number, not 1000.0"),
        (f'{{"steps": [{{"step": {2**63}, "found": ""}}]}}', "an integer of over 64 bits"),
        ('{"steps": [], "ladder": [["a"]]}', r"ladder\[0\]: must be a list of 2, not a list"),
        (f'{{"steps": [], "more": {{"a\\u001b": {10**30}}}}}', r"more.a\\x1b: an integer of over 64 bits"),
        (f'{{"steps": [], "more": {{"a": {"9" * 5000}}}}}', "an integer of thousands of digits"),
        (f'{{"steps": [], "more": {{"a": {"[" * 60 + "]" * 60}}}}}', "over 50 levels"),
        ("[" * 100_000, "over 50 levels"),
        (f'{{"steps": [{{"step": 1, "found": "{"a" * 10_001}"}}]}}', "a text of over 10,000 characters"),
        ('{"steps":\n[', "here, line 2: not JSON"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(text, message):
    with pytest.raises(BadOutput, match=message) as caught:
        parse_json(text, Header, "here", error=BadOutput)
    assert str(caught.value).startswith("here")
    assert "\n" not in str(caught.value)


def test_a_list_of_fixed_length_says_its_length():
    with pytest.raises(BadInput, match="must be a list of 2, not a list"):
        typed([1], tuple[int, int], "here")


def test_files_are_read_within_limits(tmp_path):
    (tmp_path / "a.json").write_text('{"steps": []}')
    assert read_json(tmp_path / "a.json", Header) == Header([])
    (tmp_path / "a.json").write_text("[]," * 3_000_000)
    with pytest.raises(BadInput, match=r"a\.json: more than 8 MB"):
        read_json(tmp_path / "a.json", Header)
