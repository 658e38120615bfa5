"""Entry points: what another installed package offers is known by name, and its faults end nothing."""

import sys
from importlib import metadata

import pytest

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.plugins import Registry

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


def test_an_entry_point_is_imported_when_its_name_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "other_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", offered("other_package", "no_such_package"))
    KNOWN.add(float, "real")
    assert KNOWN["real"] is float
    assert "other_package" not in sys.modules
    with pytest.warns(UserWarning, match="number point-1 = no_such_package: No module named"):
        assert KNOWN["whole"] is int
    assert list(KNOWN) == ["real", "whole"]
    with pytest.raises(UnknownName, match="unknown number 'half'; known: real, whole"):
        KNOWN.named("half")


def test_a_name_has_one_owner():
    registry: Registry[type] = Registry("number")
    registry.add(int, "whole")
    registry.add(int, "whole")
    with pytest.raises(BadSetting, match=r"the number name 'whole' is taken by builtins.int: choose another"):
        registry.add(float, "whole")
