"""One settings class becomes options, keywords and JSON, and comes back from each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import pytest
from click.testing import CliRunner

from nasreplay.cli.options import options_of, refuse_others
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.settings import chosen, setting, settings_of, to_plain, with_settings


@dataclass(frozen=True, kw_only=True)
class Machine:
    threads: int | None = setting(None, least=1)
    """CPU threads. Default: PyTorch's."""
    precision: Literal["float32", "bf16"] = "float32"
    """Of the numbers."""


@dataclass(frozen=True, kw_only=True)
class Oven(Machine):
    heat: float = 180.0
    """Degrees
    Celsius."""
    grill: bool = False
    """From above."""
    trays: tuple[Path, ...] = setting((), flags=("--tray",))
    """What goes in."""
    secret: int = setting(3, shown=False)

    def __post_init__(self):
        if self.heat > 300:
            raise BadSetting(f"heat is {self.heat}: at most 300")


def run(*words: str, owners: tuple[type, ...] = (Oven,)):
    found = []

    @click.command()
    @options_of(Oven)
    def bake(**values):
        refuse_others("in the garden", *owners)
        found.extend(chosen(owner, values) for owner in owners)

    result = CliRunner().invoke(bake, words, standalone_mode=False)
    if result.exception:
        raise result.exception
    return found[0] if found else result.output


def test_fields_are_options_and_their_docstrings_the_help():
    text = " ".join(run("--help").split())
    assert "--threads INTEGER CPU threads. Default: PyTorch's. [x>=1]" in text
    assert "Degrees Celsius. [default: 180.0]" in text
    assert "[float32|bf16]" in text
    assert "--tray PATH" in text
    assert "secret" not in text


def test_what_is_not_given_keeps_the_default():
    assert run() == Oven()
    assert run("--grill", "--tray", "a", "--tray", "b", "--heat", "200") == Oven(
        grill=True, trays=(Path("a"), Path("b")), heat=200.0
    )


def test_an_option_of_another_class_is_refused():
    assert run("--threads", "2", owners=(Machine,)) == Machine(threads=2)
    with pytest.raises(BadSetting, match="--tray has no effect in the garden"):
        run("--tray", "a", owners=(Machine,))


@pytest.mark.parametrize("words", [("--threads", "0"), ("--precision", "half"), ("--heat", "warm")])
def test_values_of_the_wrong_kind_are_refused_by_the_option(words):
    with pytest.raises(click.BadParameter):
        run(*words)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"threads": 0}, "threads is 0: it must be at least 1"),
        ({"precision": "half"}, "one of float32, bf16"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_in_python(values, told):
    with pytest.raises(BadSetting, match=told):
        chosen(Oven, values)


def test_one_text_is_a_tuple_of_itself():
    assert chosen(Oven, {"trays": "a"}).trays == (Path("a"),)


def test_checks_of_the_class_are_kept():
    with pytest.raises(BadSetting, match="at most 300"):
        run("--heat", "301")


def test_settings_survive_json(tmp_path):
    oven = Oven(trays=(tmp_path / "a",), heat=90.0, threads=2)
    plain = to_plain(oven)
    assert plain["trays"] == [str(tmp_path / "a")]
    assert chosen(Oven, {**plain, "of_another_class": 1}) == oven


def test_a_function_takes_the_fields_by_keyword():
    @with_settings(Oven)
    def bake(what: str, settings: Oven) -> tuple[str, float]:
        """Bake."""
        return what, settings.heat

    assert bake("bread", heat=200.0) == ("bread", 200.0)
    assert bake("bread", settings=Oven(heat=100.0)) == ("bread", 100.0)
    assert "heat: Degrees Celsius." in (bake.__doc__ or "")
    with pytest.raises(UnknownName, match="bake has no setting 'haet': did you mean heat"):
        bake("bread", haet=1)


def test_every_line_is_found_once():
    assert list(settings_of(Oven)) == ["threads", "precision", "heat", "grill", "trays", "secret"]
    assert settings_of(Oven)["threads"].text == "CPU threads. Default: PyTorch's."
