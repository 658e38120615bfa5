"""The two searches of SLNAS: by its controller, and by its genetic algorithm."""

from nasreplay.search.searchers.slnas.controller_search import SLNAS
from nasreplay.search.searchers.slnas.genetic_search import SLNASGenetic

__all__ = ["SLNAS", "SLNASGenetic"]
