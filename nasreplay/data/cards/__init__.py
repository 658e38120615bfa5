"""The built-in data sets. A new file with a CARD, or several CARDS, in this folder is all that they need.

Standard library only: asking what a data set is costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from nasreplay.data.cards.base import DatasetCard, Facts

__all__ = ["CARDS", "DatasetCard", "Facts"]


def _found() -> dict[str, DatasetCard]:
    modules = (import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__))
    every: list[DatasetCard] = []
    for module in modules:
        every += [module.CARD] if hasattr(module, "CARD") else getattr(module, "CARDS", ())
    return {card.name: card for card in sorted(every, key=lambda card: (card.order, card.name))}


CARDS = _found()
"""Name → card, in the published order of the stored data sets."""
