"""The contract of spaces on ours, and what `check_space` says of one that breaks it."""

import pytest

from nasreplay.spaces import Space, known_spaces
from nasreplay.testing import SpaceContract, check_space


def contract(space):
    return type(f"Test_{space.name}", (SpaceContract,), {"make": lambda self: space})


globals().update({f"Test_{space.name}": contract(space) for space in known_spaces()})


class Broken(Space):
    """Texts that forget the last decision, and a mutation that leaves the space."""

    name, options = "broken", (("a", "b"), ("x", "y", "z"))

    def format(self, codes):
        return super().format([*codes[:-1], 0])

    def mutate(self, codes, draws):
        return codes + 3


def test_a_broken_space_is_told_what_was_expected_and_where():
    with pytest.raises(AssertionError) as told:
        check_space(Broken())
    text = str(told.value)
    assert text.startswith("the broken space breaks 5 of 11 promises:")
    assert "register_space(space) makes packs and processes know it" in text
    assert "- texts name their architectures: parse(format(codes)) is [" in text
    assert "- mutation stays inside and is the same in any company: BadArchitecture: code" in text
    assert "expected: space.check_codes(children)" in text
    assert "testing/space_contract.py:" in text
