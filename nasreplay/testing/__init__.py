"""Contracts: tests that every space, evaluator and searcher must pass, by capability. Needs pytest.

Subclass what fits and give `make`; pytest runs the inherited tests:

    class TestMySearcher(SearcherContract):
        def make(self):
            return MySearcher(...)

or call `check_space(space)`, `check_searcher(searcher)`, `check_evaluator(evaluator)` anywhere.
"""

from nasreplay.search.parts.samplers import vertex as vertex_mixture
from nasreplay.testing.evaluator_contract import (
    BatchedContract,
    EvaluatorContract,
    ExactSlopeContract,
    SlopeContract,
    check_evaluator,
)
from nasreplay.testing.made_up import random_codes, random_mixture, synthetic_table
from nasreplay.testing.searcher_contract import LiveSearcherContract, SearcherContract, check_searcher
from nasreplay.testing.space_contract import SpaceContract, check_space

__all__ = [
    "BatchedContract",
    "EvaluatorContract",
    "ExactSlopeContract",
    "LiveSearcherContract",
    "SearcherContract",
    "SlopeContract",
    "SpaceContract",
    "check_evaluator",
    "check_searcher",
    "check_space",
    "random_codes",
    "random_mixture",
    "synthetic_table",
    "vertex_mixture",
]
