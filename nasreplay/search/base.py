"""What every searcher is: a dataclass of its hyper-parameters that moves R replicas at once.

Shapes: R replicas of the run; n replicas still running in a step; D decisions, E edges, O operations.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from nasreplay import config, own
from nasreplay.errors import BadArchitecture, BadSetting, UnknownName, shortened
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.plugins import Registry
from nasreplay.search.stages import Stage
from nasreplay.seeds import Draws, Stream, rank_within
from nasreplay.spaces.base import Space


class Live(NamedTuple):
    """The replicas still running in this step, and how far each is."""

    rows: np.ndarray
    """int64 [n]: rows of the run's arrays."""
    progress: np.ndarray
    """float64 [n]: fraction of the budget or of the epochs used, in [0, 1)."""
    epoch: int
    """Number of the epoch, counted from 0."""
    epochs: int
    """Epochs of the search; 0 when a budget ends it."""


BATCH = "batch"
"""Recipe of the fidelity that is an accuracy on the current mini-batch of a supernet, not a rung of training."""


def on_batch(ladder: tuple[Fidelity, ...]) -> Fidelity | None:
    """The fidelity that measures on the current mini-batch; None (the default fidelity) where the ladder lacks it."""
    return next((at for at in ladder if at.recipe == BATCH), None)


class Question(NamedTuple):
    """What a sampling searcher wants to know."""

    codes: np.ndarray
    """int8 [N, D]: the architectures."""
    replica: np.ndarray
    """int64 [N]: the row of the replica that asks; rows may repeat."""
    at: Fidelity | None = None
    """Fidelity of the question; None: the last of the ladder."""


class Searcher:
    """Base of all searchers: a dataclass of hyper-parameters, and facts about the method as class attributes.

    Everything that changes lives in `self.state`, arrays whose first axis is R, and in `self.stream`; so every
    searcher can be saved and resumed, and finished replicas simply stay as they are. `@register_searcher` makes it
    known by its name.
    """

    name: ClassVar[str]
    """What commands, settings (`--set NAME.FIELD=VALUE`, configs/algos/NAME-table.config) and runs call it."""
    source: ClassVar[str]
    """Paper and section; deviations from it are in the class docstring."""
    home: ClassVar[str] = "topology"
    """Name of the space that a live search is in unless told otherwise."""
    needs: ClassVar[frozenset[str]] = frozenset({"evaluate"})
    """Abilities that an evaluator must have."""
    edgewise: ClassVar[bool] = False
    """Whether it decides on one operation for each edge, so that a space's decisions must be its edges."""
    learns: ClassVar[bool] = False
    """Whether it trains shared weights where there are some."""
    recipe: ClassVar[str] = "weight-sharing"
    """Training of the shared weights: a file of configs/opts, without its ending."""
    resizes: ClassVar[bool] = False
    """Whether its mixtures of channel numbers need a network that resizes feature maps, in place of masking them."""
    rule: ClassVar[str] = "top2"
    """Rule by which its logits become a genotype (`spaces.genotypes.derivation`), where a space derives one."""
    dialect: ClassVar[str] = ""
    """Release that trains what it finds (`network_plan.DIALECTS`), where that of the space is only the usual one."""
    slope_order: ClassVar[int] = 1
    """Order of the architecture gradient that it asks for: 2 looks one weight step ahead."""
    rungs: ClassVar[int] = 1
    """Number of fidelities that it can use."""
    on_one_rung: ClassVar[str] = ""
    """What is left of it on a table with one fidelity, in words; empty where it needs no second one."""
    compared: ClassVar[bool] = False
    """Whether `nasreplay replay` compares it when no searcher is named."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Searchers that `nasreplay replay` always shows beside it."""
    listed: ClassVar[int] = 100
    """Place in lists and reports, small numbers first."""
    widths: ClassVar[bool] = False
    """Whether it was made to choose channel numbers: where a space offers something else, it says so."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Defaults by the kind of evaluator, "table" or "live", where they are not those of the fields: `{"table":
    {"epochs": 1000}}`. Those of nasreplay's own searchers stand in configs/algos/NAME-KIND.config."""
    epochs: int | None = None
    """Epochs of a search that ends by itself; None where a budget ends it."""
    epochs_field: ClassVar[str] = "epochs"
    """The setting that holds the epochs of a live search."""
    live_only: ClassVar[frozenset[str]] = frozenset()
    """Settings that mean nothing on a table."""

    chosen: frozenset[str]
    """The settings that were given. All others follow the evaluator of the run, see `settle`."""
    state: SimpleNamespace
    """Arrays [R, …]: everything that a step changes."""
    stream: Stream
    """The random numbers of every replica."""
    space: Space
    """The space that is searched."""
    ladder: tuple[Fidelity, ...]
    """Fidelities on offer, cheapest first."""

    def __new__(cls, *values: Any, **named: Any) -> Searcher:
        """A searcher that knows which of its settings were given."""
        searcher, known = super().__new__(cls), _defaults(cls)
        taken = inspect.signature(cls.__init__).parameters  # more than the fields where it is the class's own
        free = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
        every = fields(cls) if is_dataclass(cls) else ()
        most = {one.name: one.metadata["form"].most for one in every if "form" in one.metadata}
        values_by_name = {**dict(zip(list(taken)[1:], values, strict=False)), **named}
        for name, value in values_by_name.items():
            if known and name not in known and name not in taken and not free:
                raise UnknownName.among(known, f"{cls.name} has no setting", name)
            config.check(f"{cls.name}.{name}", value, known.get(name), most.get(name))
        given = frozenset(known.keys() & values_by_name.keys())
        # dataclasses.replace gives every setting: then those count that differ from their defaults
        searcher.chosen = frozenset() if 1 < len(known) <= len(given) else given
        return searcher

    @classmethod
    def preset(cls, kind: str) -> dict[str, Any]:
        """Defaults of this searcher on evaluators of a kind, where they are not those of its fields.

        A class has those of the classes it is derived from, but for the fields that it declares anew.
        """
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            own, name = vars(base), vars(base).get("name", "")
            file = config.folder() / "algos" / f"{name}-{kind}.config"
            found = {
                field: value for field, value in found.items() if field not in inspect.get_annotations(base)
            }
            found |= own.get("presets", {}).get(kind, {}) | (
                config.load(file) if name and file.exists() else {}
            )
        return found

    def settle(self, kind: str) -> None:
        """Give the settings that were not chosen their defaults on evaluators of this kind.

        What was assigned after the searcher was made counts as chosen. Raises UnknownName or BadSetting.
        """
        known = _defaults(type(self))
        settled = vars(self).get("_settled", known)
        self.chosen |= {name for name in known.keys() - self.chosen if getattr(self, name) != settled[name]}
        follow = {
            name: value for name, value in (known | self.preset(kind)).items() if name not in self.chosen
        }
        changes = {name: value for name, value in follow.items() if getattr(self, name, MISSING) != value}
        if changes:
            made = config.apply(self, changes, f"{self.name} on a {kind}")
            vars(self).update(vars(made) | {"chosen": self.chosen})
        self._settled = {name: getattr(self, name) for name in known}

    def remark(self, space: Space) -> str:
        """What a reader must know of this method in a space; "" for nothing."""
        if not self.widths or space.widens:
            return ""
        return f"{self.name} was made for the {self.home} space, to choose widths; the {space.name} space has none"

    @classmethod
    def sentence(cls) -> str:
        """The first line of its own docstring, which says what it does; empty where it has none."""
        text = (vars(cls).get("__doc__") or "").strip()
        written = not text.startswith(f"{cls.__name__}(")  # else made by @dataclass
        return text.split("\n")[0] if written else ""

    @classmethod
    def places(cls) -> str:
        """Words for where this searcher runs."""
        table = "on tables (there an oracle)" if "slope" in cls.needs else "on tables"
        trains = cls.learns or "slope" in cls.needs
        live = "a supernet" if trains else "a trained supernet or training from scratch"
        space = f" in the {cls.home} space" * (cls.home != Searcher.home)
        return f"{table} and live on {live}{space}"

    def epochs_on(self, evaluator: Evaluator) -> int | None:
        """The epochs of a search on this evaluator; None where only a budget ends it."""
        return self.epochs

    def tells_steps(self, evaluator: Evaluator) -> bool:
        """Whether the answer of every step is recorded; else it is the best architecture seen."""
        return True

    @property
    def records_costs(self) -> bool:
        """Whether every epoch of a search on a table is recorded, for what it tells of costs."""
        return False

    def note_of(self, codes: np.ndarray) -> str:
        """What a reader must know of an answer, codes [1, D]; "" for nothing."""
        return ""

    def check(self, evaluator: Evaluator) -> None:
        """Raise BadSetting or LacksCapability for settings that this evaluator cannot serve; nothing by default."""

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Start a run: fresh state for these replica numbers."""
        self.space, self.ladder = space, ladder
        self.stream = Stream(seed, f"searcher/{self.name}", replicas)
        self.state = SimpleNamespace()

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """Advance every live replica by one unit of work."""
        raise TypeError(f"{type(self).__name__} has no step")

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """After the last step of every epoch; `live` are the replicas that took it. Nothing by default."""

    def incumbent(self) -> np.ndarray:
        """int8 [R, D]: what each replica would answer now."""
        raise TypeError(f"{type(self).__name__} has no incumbent")

    def answer(self) -> np.ndarray:
        """int8 [R, D]: the incumbents, each as the nearest architecture that was measured."""
        return self.space.nearest(self.incumbent())

    def derive(self, samples: int) -> np.ndarray | None:
        """int8 [R, samples, D]: draws of the final policy, of searchers that have one; else None."""
        return None

    def stage(self) -> Stage | None:
        """The stage of the last step, of a search whose space grows; else None."""
        return None

    def draws(self, rows: np.ndarray) -> Draws:
        """Random numbers for some replicas."""
        return self.stream.at(rows)

    def epoch_facts(self, epoch: int, epochs: int) -> dict[str, float]:
        """Numbers of an epoch (from 0) of a live search that its record and TensorBoard show, by name."""
        return {}

    def step_facts(self) -> dict[str, float]:
        """Numbers of the last step of a live search that its record and TensorBoard show, by name (`iter_…`)."""
        return {}

    def settings(self) -> dict[str, Any]:
        """The hyper-parameters."""
        chosen = {field.name for field in fields(self) if field.init}  # pyright: ignore[reportArgumentType]
        return {name: value for name, value in asdict(self).items() if name in chosen}  # pyright: ignore

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory."""
        arrays = {name: value.copy() for name, value in vars(self.state).items()}
        return {"state": arrays, "position": self.stream.position.copy(), "keys": self.stream.keys.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state (after `begin`), with the noise of its searcher."""
        for name, value in vars(self.state).items():
            saved = state["state"][name]
            if saved.dtype.kind != value.dtype.kind or saved.ndim != value.ndim or len(saved) != len(value):
                raise ValueError(f"the searcher's {name} is {saved.dtype} {list(saved.shape)}")
        self.state = SimpleNamespace(**{name: value.copy() for name, value in state["state"].items()})
        self.stream.position[:], self.stream.keys[:] = state["position"], state.get("keys", self.stream.keys)


S = TypeVar("S", bound=type[Searcher])


def register_searcher(searcher: S) -> S:
    """Class decorator: make a searcher known by its name.

    Raises BadSetting for a name that is taken, and for a class that is no searcher or lacks what each must have.
    """
    if not is_searcher(searcher):
        name = getattr(searcher, "__name__", None) or shortened(searcher)
        raise BadSetting(f"{name} is no class derived from nasreplay.search.Searcher")
    if lacking := _lacking(searcher):
        raise BadSetting(f"the searcher {searcher.__name__} lacks {'; '.join(lacking)}")
    SEARCHERS.add(searcher, searcher.name)
    return searcher


def is_searcher(thing: Any) -> bool:
    """Whether it is a class of searchers."""
    return isinstance(thing, type) and issubclass(thing, Searcher)


def _lacking(searcher: type[Searcher]) -> list[str]:
    """What every searcher must have and this one has not, in words."""
    facts = [fact for fact in ("name", "source") if not isinstance(getattr(searcher, fact, None), str)]
    found = [f"{' and '.join(facts)}: class attributes, texts"] if facts else []
    unwritten = [
        name
        for base, name in ((SamplingSearcher, "ask"), (Searcher, "step"), (Searcher, "incumbent"))
        if issubclass(searcher, base) and getattr(searcher, name) is getattr(base, name)
    ]
    found += (
        [f"{' and '.join(unwritten)} (nasreplay.search.SamplingSearcher has an example)"] if unwritten else []
    )
    if not is_dataclass(searcher):
        return [*found, "@dataclass above the class"]
    without = [
        one.name for one in fields(searcher) if one.init and one.default is one.default_factory is MISSING
    ]
    return [*found, f"defaults of its fields {', '.join(without)}"] if without else found


def _defaults(kind: type[Searcher]) -> dict[str, Any]:
    """Default values of the settings, in their order; MISSING where one must be given."""
    every = fields(kind) if is_dataclass(kind) else ()
    return {
        one.name: one.default if one.default_factory is MISSING else one.default_factory()
        for one in every
        if one.init
    }


SEARCHERS: Registry[type[Searcher]] = Registry(
    "searcher",
    "nasreplay.search.searchers",
    lambda searcher: searcher.listed,
    fits=is_searcher,
    adopt=register_searcher,
)
"""Name → class: ours, those of installed packages (entry points of the group `nasreplay.searchers`), and files'."""


class SamplingSearcher(Searcher):
    """A searcher that asks for accuracies: write `ask` and `tell`; the best seen is kept here.

    The incumbent is the architecture with the highest accuracy that was told, first one on ties.
    """

    def tells_steps(self, evaluator: Evaluator) -> bool:
        """Whether the search has epochs: only then an answer is not simply the best seen."""
        return self.epochs_on(evaluator) is not None

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Start with nothing seen."""
        super().begin(space, ladder, seed, replicas)
        self.state.best_accuracy = np.full(len(replicas), -np.inf)
        self.state.best_codes = np.zeros((len(replicas), space.decisions), dtype=np.int8)

    def ask(self, live: Live) -> Question:
        """The architectures to evaluate next."""
        raise TypeError(f"{type(self).__name__} has no ask")

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Learn from answered questions; nothing by default."""

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """Ask, evaluate, tell."""
        answers = self._answers(evaluator, live)
        self._keep_best(answers)
        self.tell(answers, live)

    def _answers(self, evaluator: Evaluator, live: Live) -> Evaluations:
        question = self.ask(live)
        if not isinstance(question, Question) or not (live.epochs or len(question.codes)):
            raise self._misasked(f"returned {shortened(question)}")
        try:
            answers = evaluator.evaluate(question.codes, at=question.at, replica=question.replica)
        except BadArchitecture as problem:
            raise self._misasked(str(problem)) from None
        if not answers.answered.any() and not np.isin(question.replica, live.rows).all():
            raise self._misasked("asks for replicas that have ended")
        return answers if answers.answered.all() else answers.only(answers.answered)

    def _misasked(self, what: str) -> BadSetting:
        """The error of an `ask` that gives no question."""
        file = own.file_of(type(self))
        return BadSetting(
            f"{file.path + ': ' if file else ''}{type(self).__name__}.ask: {what}; it must return "
            f"search.Question(codes, rows): codes [N, {self.space.decisions}], rows [N] of live.rows, at least one"
        )

    def _keep_best(self, answers: Evaluations) -> None:
        state = self.state
        turn = rank_within(answers.replica)
        for k in range(int(turn.max(initial=-1)) + 1):
            now = answers.only(turn == k) if turn.any() else answers
            better = now.accuracy > state.best_accuracy[now.replica]
            rows = now.replica[better]
            state.best_accuracy[rows] = now.accuracy[better]
            state.best_codes[rows] = now.codes[better]

    def incumbent(self) -> np.ndarray:
        """The best codes seen by each replica."""
        return self.state.best_codes
