"""A search space: a finite product of categorical choices, as values and arrays. numpy only.

Shapes: N architectures, D decisions of a code, E edges, O operations per edge (the largest number; smaller
edges are padded and masked), A = the number of architectures of the space. A space with more than 2^31 of them has
no flat indices and no list of its architectures: they are codes and texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from nasreplay._callable import function_at
from nasreplay.errors import BadArchitecture, BadSetting, LacksCapability, shortened
from nasreplay.seeds import Draws
from nasreplay.settings import check_kind
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.graph import Graph, WeightRow
from nasreplay.spaces.product import Flat, Product
from nasreplay.spaces.registry import SPACES, unpickled

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs
    from nasreplay.spaces.published import Publications

MEMO_LIMIT = 100_000  # spaces up to this size may keep all their strings in a dictionary


@dataclass(frozen=True, repr=False)
class Architecture:
    """One point of a space: a frozen, hashable value. `str()` gives the official text."""

    space: Space
    """The space that it is a point of."""
    codes: tuple[int, ...]
    """D numbers: the option of each decision."""

    @property
    def index(self) -> int:
        """Index in the official order, as all public calls take and give it."""
        return int(self.space.flat_to_official[self.flat])

    @property
    def official_index(self) -> int:
        """Another name of `index`."""
        return self.index

    @property
    def flat(self) -> Flat:
        """Flat index: the position in a pack (see `Product`)."""
        return Flat(self.space.flat(np.array([self.codes]))[0])

    @property
    def text(self) -> str:
        """The official text."""
        return self.space.format(self.codes)

    @property
    def key(self) -> str | None:
        """The short text of the space; None where it has none."""
        return self.space.key(self.codes)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.space.name} architecture {self.text}>"

    def graphs(self) -> tuple[Graph, ...]:
        """What it looks like: see `Space.graphs`."""
        return self.space.graphs(self.codes)


class Place(NamedTuple):
    """Place of a decision in cells whose nodes choose their inputs."""

    cell: int
    """Number of its cell."""
    node: int
    """Number of its node in the cell; inputs are not counted."""
    source: bool
    """Whether it chooses an input of the node, not the operation on it."""


class Space(Product):
    """A search space; complete with its name and its options, and everything else may be overridden.

    `register_space(Space("mine", (("conv", "pool"), ("8", "16", "32"))))` makes one known to packs, results and
    commands. A subclass adds an official text form, the published mutation, costs, pictures.
    """

    mark: ClassVar[str] = ""
    """Characters of which each one shows that a text belongs to this space; empty: whether it parses shows it."""
    separator: ClassVar[str] = "/"
    """Character between the options of a text."""
    noun: ClassVar[str] = ""
    """What errors call an option."""
    class_digest: ClassVar[str] = ""
    """The digest of `unique_class` (`data.pack.fingerprint.digest_of`), where making it would take long; else ""."""
    archive: ClassVar[str] = ""
    """Name of the official NATS-Bench archive of this space, without its ending; empty: there is none."""
    widens: ClassVar[bool] = False
    """Whether the options of every decision grow, so that the last ones make the widest network."""
    places: tuple[Place, ...] = ()
    """Place of each decision, where nodes of cells choose their inputs and all of them make the output; else ()."""

    heaviest: ClassVar[tuple[int, ...]] = ()
    """Codes of the architecture whose training takes most memory, by which to fail early; (): not known."""
    published: Publications | None = None
    """Its published architectures; None where there are none, and in the NASNet spaces, which have the zoo."""

    def __init__(self, name: str = "", options: Sequence[Sequence[str]] = ()):
        """Left out: the class attributes of a subclass. Raises BadSetting for what is no name or no options."""
        self.name = name or getattr(type(self), "name", "")
        check_kind("name", self.name, str)
        if isinstance(options, tuple) and not options:
            options = getattr(type(self), "options", ())
        check_kind("options", options, list, tuple)
        self.options = tuple(map(self._words, options))
        for words in self.options if type(self).parse is Space.parse else ():
            for word in words:
                if words.count(word) > 1 or self.separator in word or not word or word != word.strip():
                    raise BadSetting(
                        f"{shortened(word)} in the options {shortened(words)}: words must differ, without spaces "
                        f"around them and without {self.separator!r}, so that texts of architectures can be read"
                    )
        if not (self.name and self.options):
            raise BadSetting(
                "a space is a name and the options of each decision: Space('mine', [['a', 'b'], ['1', '2']])"
            )

    @staticmethod
    def _words(options: object) -> tuple[str, ...]:
        if isinstance(options, list | tuple) and options and all(isinstance(word, str) for word in options):
            return tuple(options)
        raise BadSetting(f"{shortened(options)} are no options of a decision: give a list of words")

    def variant(self, name: str) -> Space | None:
        """The space of that name that this one makes when it is asked for; None: no such space."""
        return None

    def __repr__(self) -> str:
        return f"<{self.name} space, {self.size:,} architectures>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A registered space stays the one object of its process; another is pickled as any value is."""
        if SPACES.holds(self.name, self):
            kept = {
                name: value
                for name, value in vars(self).items()
                if not isinstance(getattr(type(self), name, None), cached_property)
            }
            return unpickled, (self.name, type(self), kept)
        return super().__reduce_ex__(protocol)

    # --- text --------------------------------------------------------------------------------------

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of one official text. Raises BadArchitecture pointing at the character."""
        words, start, codes = text.split(self.separator), 0, []
        for word, names in zip(words, self.options, strict=False):
            if word not in names:
                what = f"{self.noun} {word!r}".lstrip()
                raise BadArchitecture(
                    f"{text!r}, character {start + 1}: {what} is not one of {', '.join(names)}"
                )
            codes.append(names.index(word))
            start += len(word) + 1
        if len(words) != self.decisions:
            raise BadArchitecture(
                f"{text!r}, character {min(start, len(text)) + 1}: {len(words)} {self.noun or 'word'}s, the "
                f"{self.name} space has {self.decisions} decisions (example: {self.format([0] * self.decisions)})"
            )
        return tuple(codes)

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The official text of one architecture: its options, joined by `separator`."""
        return self.separator.join(names[code] for names, code in zip(self.options, codes, strict=True))

    @property
    def forms(self) -> dict[str, Callable[[Sequence[int]], Any]]:
        """Other ways to write codes, each as a JSON value: what `nasreplay convert` offers besides text and index."""
        return {}

    def key(self, codes: Sequence[int] | np.ndarray) -> str | None:
        """A short text of one architecture; None in a space without any."""
        return None

    def genotype(self, codes: Sequence[int] | np.ndarray) -> Genotype | None:
        """One architecture as a genotype; None in a space without any."""
        return None

    def encode(self, genotype: Genotype) -> tuple[int, ...]:
        """Codes of a genotype. Raises BadArchitecture, which says what this space cannot express."""
        raise BadArchitecture(f"a genotype is no architecture of the {self.name} space")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """D words: what each decision is called before its option, in a list of neighbors say."""
        return tuple(f"c{decision} =" for decision in range(self.decisions))

    def owns(self, text: str) -> bool:
        """Whether a text of lists or of a genotype is in this space's own notation, be it faulty; here none is."""
        return False

    def architecture(self, text: str) -> Architecture:
        """The architecture that an official text names."""
        if not isinstance(text, str):
            raise BadArchitecture(f"{shortened(text)} is no text; `at` takes an official index")
        return Architecture(self, self.parse(text))

    def at(self, named: Architecture | str | int) -> Architecture:
        """The architecture with this official index or official text; a value is itself. Raises BadArchitecture."""
        if isinstance(named, str):
            try:
                return self.architecture(named)
            except BadArchitecture as problem:
                return self._read(named, problem)
        if isinstance(named, Architecture):
            if named.space is not self:
                raise BadArchitecture(
                    f"{named} is of the {named.space.name} space, not of the {self.name} space"
                )
            return named
        return self.at_flat(int(self.official_to_flat[self.check_index(named)]))

    def _read(self, text: str, problem: BadArchitecture) -> Architecture:
        """The architecture of a key, an index, any other form; raises the problem for what is none."""
        try:
            found = function_at("nasreplay.spaces.read:read_architecture")(text, space=self)
        except BadArchitecture:
            raise problem from None
        if found.space is not self:
            raise problem
        return found

    def at_flat(self, flat: int) -> Architecture:
        """The architecture with this flat index."""
        return Architecture(self, tuple(self.from_flat([flat])[0].tolist()))

    def codes(self, named: Iterable[Architecture | str | int]) -> np.ndarray:
        """Codes int8 [N, D] of official indices, official texts or values. Raises BadArchitecture."""
        if isinstance(named, str) or not isinstance(named, Iterable):
            raise BadArchitecture(f"{shortened(named)} is no list: codes([…]) takes several architectures")
        self.refuse_a_row(named)
        every = list(named)
        if not any(isinstance(each, Architecture | str) for each in every):
            return self.from_flat(self.official_to_flat[[self.check_index(each) for each in every]])
        return np.array([self.at(each).codes for each in every], dtype=np.int8)

    @cached_property
    def flat_by_text(self) -> dict[str, int]:
        """Official text → flat index, for spaces small enough to keep."""
        return {self.format(codes): flat for flat, codes in enumerate(self.all_codes.tolist())}

    def flat_of(self, texts: Sequence[str]) -> np.ndarray:
        """Flat indices int64 [N] of official texts; the first bad one raises BadArchitecture."""
        if self.size > MEMO_LIMIT:
            return self.flat(np.array([self.parse(text) for text in texts], dtype=np.int8))
        known = self.flat_by_text
        try:
            return np.fromiter(map(known.__getitem__, texts), dtype=np.int64, count=len(texts))
        except KeyError:
            bad = next(text for text in texts if text not in known)
            self.parse(bad)
            raise BadArchitecture(f"{bad!r} is not an architecture of the {self.name} space") from None

    @cached_property
    def unique_class(self) -> np.ndarray | None:
        """int32 [A]: architectures that compute the same share a number, the first such index; None: unknown."""
        return None

    def operations_of(self, codes: Sequence[int] | np.ndarray) -> list[str]:
        """The operations of one architecture's cell (the normal one of two); empty in a space without any.

        Here: the options of the decisions that may skip.
        """
        chosen = zip(self.options, codes, strict=True)
        return [names[code] for names, code in chosen if "skip_connect" in names]

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """The graph of each cell of one architecture, or of its whole network.

        Raises LacksCapability for a space that does not say.
        """
        raise LacksCapability(
            f"the {self.name} space does not say what its architectures look like (`Space.graphs`)"
        )

    def nearest(self, codes: np.ndarray) -> np.ndarray:
        """The codes [N, D] that a search is answered for: these; the measured part of a space knows others."""
        return codes

    # --- moving about ------------------------------------------------------------------------------

    def sample(self, draws: Draws) -> np.ndarray:
        """One uniform architecture per replica: int8 [n, D]. Uses D numbers each."""
        return (draws.uniform(self.decisions) * self.choices).astype(np.int8)

    def sample_joined(self, draws: Draws, count: int) -> np.ndarray:
        """int8 [n, count, D]: uniform architectures without nodes that have only `none`."""
        return np.stack([self.sample(draws) for _ in range(count)], axis=1)

    def mutate(self, codes: np.ndarray, draws: Draws) -> np.ndarray:
        """The published mutation of each row of codes [n, D]; here a uniform decision gets another option, if any."""
        child = np.array(codes, dtype=np.int8)
        pick, step = draws.uniform(2).T
        free = np.flatnonzero(self.choices > 1)
        where, rows = free[(pick * len(free)).astype(np.int64)], np.arange(len(child))
        shift = 1 + (step * (self.choices[where] - 1)).astype(np.int64)
        child[rows, where] = (child[rows, where] + shift) % self.choices[where]
        return child

    def neighbors(self, codes: np.ndarray) -> np.ndarray:
        """All one-edit neighbors: int8 [N, M, D] with M = Σ (choices − 1), in order of decision and option."""
        codes = np.asarray(codes)
        steps = np.concatenate([np.arange(1, c) for c in self.choices])
        where = np.repeat(np.arange(self.decisions), self.choices - 1)
        around = np.repeat(codes[:, None, :], len(steps), axis=1)
        current = codes[:, where]
        # the k-th neighbor on a decision takes option k-1, or k once the current option is passed
        around[:, np.arange(len(steps)), where] = np.where(steps - 1 < current, steps - 1, steps)
        return around

    # --- mixtures ----------------------------------------------------------------------------------

    @property
    def edges(self) -> int:
        """E. In a space whose decisions are its edges this is D."""
        return self.decisions

    @cached_property
    def mask(self) -> np.ndarray:
        """bool [E, O]: which operations an edge really has."""
        return np.arange(self.choices.max()) < self.choices[:, None]

    @property
    def rows(self) -> tuple[WeightRow, ...]:
        """E rows of weights: here one for each decision."""
        return tuple(WeightRow("", f"c{place}", words) for place, words in enumerate(self.options))

    def embed(self, codes: np.ndarray) -> np.ndarray:
        """Counts float64 [N, E, O] of each operation on each edge: one-hot where decisions are edges."""
        return (np.asarray(codes)[:, :, None] == np.arange(self.mask.shape[1])).astype(np.float64)

    def derive(self, weights: np.ndarray) -> np.ndarray:
        """Codes int8 [N, D] of logits [N, E, O]: the largest of each row (first one on ties; padding never wins)."""
        return np.where(self.mask, weights, -np.inf).argmax(axis=-1).astype(np.int8)

    def all_edges(self, weights: np.ndarray) -> Genotype | None:
        """The genotype of logits [E, O] that keeps every edge; None where architectures have all of them."""
        return None

    # --- costs -------------------------------------------------------------------------------------

    def costs(self, classes: int, resolution: int) -> Costs:
        """Costs with closed forms of their expected values, of networks for so many classes and pixels a side."""
        from nasreplay.spaces.costs.expected import Costs

        return Costs()

    @property
    def costed(self) -> bool:
        """Whether `parameters` and `flops` are known."""
        return type(self).parameters is not Space.parameters

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters of the benchmark's network, int64 [N] (exact, not in millions).

        Raises LacksCapability for a space that does not say; so does `flops`.
        """
        raise LacksCapability(
            f"the {self.name} space does not say what its networks cost (`Space.parameters`)"
        )

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates of Conv2d and Linear for one image, int64 [N] (exact)."""
        raise LacksCapability(f"the {self.name} space does not say what its networks cost (`Space.flops`)")
