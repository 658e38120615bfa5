"""What every space promises: texts, codes and indices, moving about, mixtures, searches, pickles and packs."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from nasreplay.errors import BadArchitecture
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.search import SEARCHERS, make
from nasreplay.search.driver import run
from nasreplay.seeds import Stream
from nasreplay.spaces import Space
from nasreplay.spaces.registry import SPACES
from nasreplay.testing.made_up import Formula, random_codes, synthetic_table
from nasreplay.testing.promises import check, refused


def check_space(space: Space) -> None:
    """Check a space against the promises of spaces; AssertionError tells of all that fail."""

    class Chosen(SpaceContract):
        def make(self) -> Space:
            return space

    check(Chosen(), f"the {getattr(space, 'name', type(space).__name__)} space")


class SpaceContract:
    """What every space promises; what indices make possible is asked only of a space that has them."""

    count = 40  # architectures to try
    budget = Budget(evaluations=12, epochs=2)

    def make(self) -> Space:
        """The space, registered."""
        raise TypeError("give the contract a make() that returns a space")

    def some(self) -> np.ndarray:
        """Uniform architectures, int8 [count, D]."""
        return random_codes(self.make(), self.count)

    def test_name_and_options_are_words(self):
        space = self.make()
        assert space.name, "`name` is a word"
        for decision, names in enumerate(space.options):
            assert 1 <= len(names) <= 127, f"decision {decision} has 1 to 127 options, for codes are int8"
            assert all(isinstance(name, str) for name in names), f"options of decision {decision} are texts"
            assert len(set(names)) == len(names), f"options of decision {decision} differ from each other"
        assert len(space.labels) == space.decisions, "`labels` has a word for each decision"

    def test_it_is_registered_and_a_pickle_of_it_is_itself(self):
        space = self.make()
        assert SPACES.holds(space.name, space), "register_space(space) makes packs and processes know it"
        assert pickle.loads(pickle.dumps(space)) is space, (
            "a pickle is the registered space (Space.__reduce_ex__)"
        )

    def test_texts_name_their_architectures(self):
        space = self.make()
        for codes in self.some().tolist():
            text = space.format(codes)
            assert list(space.parse(text)) == codes, f"parse(format(codes)) is {codes}, by way of {text!r}"
            assert str(space.architecture(text)) == text, f"format(parse(text)) is {text!r}"
        if space.indexed and space.size <= 100_000:
            assert len(space.flat_by_text) == space.size, "no two architectures have the same text"

    def test_what_is_outside_is_refused(self):
        space = self.make()
        with refused(
            BadArchitecture, "check_codes with an option that no decision has", "Product.check_codes"
        ):
            space.check_codes(self.some() + 100)
        with refused(BadArchitecture, "parse('no architecture at all')", "Space.parse is an example"):
            space.parse("no architecture at all")

    def test_indices_name_their_architectures(self):
        space, some = self.make(), self.some()
        if not space.indexed:
            return
        flat = space.flat(some)
        assert np.array_equal(space.from_flat(flat), some), "codes(index(codes)) are the codes"
        assert ((flat >= 0) & (flat < space.size)).all(), f"flat(codes) is 0 to {space.size - 1}"
        assert np.array_equal(space.official_to_flat[space.flat_to_official[flat]], flat), (
            "flat_to_official is the inverse of official_to_flat"
        )
        assert np.array_equal(np.sort(space.official_to_flat), np.arange(space.size)), (
            "the order is a permutation"
        )

    def test_samples_reach_every_option(self):
        space = self.make()
        many = space.check_codes(random_codes(space, 40 * int(space.choices.max())))
        for decision, names in enumerate(space.options):
            assert set(many[:, decision].tolist()) == set(range(len(names))), (
                f"options of decision {decision}"
            )

    def test_neighbors_are_one_edit_away_and_have_each_other(self):
        space, some = self.make(), self.some()[:5]
        around = space.neighbors(some)
        wanted = ((space.choices - 1).sum(), space.decisions)
        assert around.shape[1:] == wanted, f"neighbors(codes) has shape [N, {wanted}], not {around.shape}"
        for codes, near in zip(some, around, strict=True):
            space.check_codes(near)
            assert ((near != codes).sum(axis=1) == 1).all(), "each differs in one decision"
            assert len(np.unique(near, axis=0)) == len(near), "each comes once"
            back = space.neighbors(near)
            assert (back == codes).all(axis=2).any(axis=1).all(), "a neighbor's neighbor"

    def test_mutation_stays_inside_and_is_the_same_in_any_company(self):
        space, some = self.make(), self.some()
        before = some.copy()
        children = space.mutate(some, Stream(3, "mutation", range(len(some))).at())
        assert np.array_equal(some, before), "the parent stays as it is"
        assert children.shape == some.shape, f"mutate gives a child for each parent, not {children.shape}"
        space.check_codes(children)
        alone = space.mutate(some[7:8], Stream(3, "mutation", range(7, 8)).at())
        assert np.array_equal(alone[0], children[7]), "child 7 does not depend on the others"

    def test_embed_and_derive_are_inverse(self):
        space, some = self.make(), self.some()
        weights = space.embed(some)
        wanted = (len(some), *space.mask.shape)
        assert weights.shape == wanted, (
            f"embed(codes) has shape [N, E, O], here {wanted}, not {weights.shape}"
        )
        assert not weights[:, ~space.mask].any(), "an edge has nothing on operations that it lacks"
        derived = space.check_codes(space.derive(weights))
        if space.edges == space.decisions:
            assert (weights.sum(axis=-1) == 1).all(), "one operation for each edge"
            assert np.array_equal(derived, some), "derive(embed(codes)) are the codes"

    def test_every_searcher_that_its_abilities_allow_runs(self):
        space = self.make()
        evaluator: Any = synthetic_table(space) if space.indexed else Formula(space)
        for name, kind in SEARCHERS.items():
            if kind.needs <= evaluator.abilities and not (kind.edgewise and space.edges != space.decisions):
                searcher: Any = make(name)
                if searcher.epochs:
                    searcher = replace(searcher, epochs=2)
                result = run(searcher, evaluator, self.budget, seed=1, replicas=2)
                assert result.finished, f"{name} ends with its budget"
                space.check_codes(result.from_flat(result.found_flat))

    def test_a_pack_is_written_and_read(self):
        space = self.make()
        if not space.indexed:
            return
        table = synthetic_table(space, trials=1, trial="mean")
        with TemporaryDirectory() as folder:
            path = Path(folder) / "pack.h5"
            assert tabulate(table, None, path).space is space, "a pack names its space, which is registered"
            read = load_table("synthetic", table=str(path), trial="mean")
            assert read.space is space, "a table is of the registered space"
            some = self.some()
            same = np.array_equal(read.report(some).valid, table.report(some).valid)
            assert same, (
                "a table read again has the same numbers: flat() must give each architecture its own place"
            )
