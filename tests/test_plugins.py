"""Entry points: what another installed package offers is known by name, and its faults end nothing."""

import sys
from importlib import metadata

import pytest

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.plugins import Registry
from nasreplay.search import Searcher, register_searcher
from nasreplay.spaces import register_space

MODULE = """
from tests.test_plugins import KNOWN
KNOWN.add(int, "whole")
"""
KNOWN: Registry[type] = Registry("number")


def offered(*values):
    points = (
        metadata.EntryPoint(f"point-{place}", value, "nasreplay.numbers")
        for place, value in enumerate(values)
    )
    return lambda group: metadata.EntryPoints(points).select(group=group)


def test_an_entry_point_is_imported_when_its_name_is_asked_for(tmp_path, monkeypatch, capsys):
    (tmp_path / "other_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", offered("other_package", "no_such_package"))
    KNOWN.add(float, "real")
    assert KNOWN["real"] is float
    assert "other_package" not in sys.modules
    assert KNOWN["whole"] is int
    assert "the number point-1 = no_such_package is left out: No module named" in capsys.readouterr().err
    assert list(KNOWN) == ["real", "whole"]
    with pytest.raises(UnknownName, match="unknown number 'half'; known: real, whole"):
        KNOWN.named("half")


def test_a_name_has_one_owner():
    registry: Registry[type] = Registry("number")
    registry.add(int, "whole")
    registry.add(int, "whole")
    with pytest.raises(BadSetting, match=r"the number name 'whole' is taken by builtins.int: choose another"):
        registry.add(float, "whole")


def test_what_is_no_searcher_or_space_is_refused_by_name():
    class Nameless(Searcher):
        source = "here"

    for wrong, words in ((Nameless, "Nameless lacks name"), (int, "no class derived from")):
        with pytest.raises(BadSetting, match=words):
            register_searcher(wrong)  # pyright: ignore
    with pytest.raises(BadSetting, match="'x' is no space"):
        register_space("x")  # pyright: ignore
