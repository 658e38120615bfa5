"""Errors of the official calls: ours, and of the type that the official API raises in the same place.

The others there are ValueErrors, which every BadInput is.
"""

from __future__ import annotations

from nasreplay.errors import BadArchitecture, BadSetting, NotMeasured, UnknownName


class NoSuchKey(UnknownName, KeyError):
    """A data set or recipe that the table does not hold, where the official API indexes a dict."""

    __str__ = Exception.__str__  # KeyError would quote the text


class NotInTable(NotMeasured, AssertionError):
    """An architecture, or a file of one, that is not there."""


class BadStructure(BadArchitecture, AssertionError):
    """A text or list that is no cell structure."""


class NotAllowed(BadSetting, AssertionError):
    """A setting that does not fit the way the table was opened."""


class WrongType(BadSetting, TypeError):
    """An argument that is no index, epoch or number at all."""
