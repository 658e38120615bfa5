"""What searches on real images can be told, and of a supernet; they open with torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

from nasreplay import config
from nasreplay.errors import BadSetting, NotMeasured, UnknownName
from nasreplay.evaluate.kinds import Asker, EvaluatorSettings
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.table.table_settings import check_space
from nasreplay.models.shared_networks import NETWORKS, SharedNetwork, network_of
from nasreplay.settings import chosen, option_of, setting, settings_of, to_plain
from nasreplay.spaces import Space, space_named
from nasreplay.train.common_settings import ImageSettings, MachineSettings

if TYPE_CHECKING:
    from nasreplay.live.supernet import SupernetEvaluator
    from nasreplay.live.trained import SharedWeights
    from nasreplay.search import Searcher
    from nasreplay.train.images.image_sources import ImageSource
    from nasreplay.train.images.streamed import StreamedSource
    from nasreplay.train.recipe import Recipe

N = TypeVar("N")
OF_RECIPE = ("batch", "clip", "micro_batches", "idle", "cutout")
"""Settings that stand above those of the recipe of the weights."""


@dataclass(frozen=True, kw_only=True)
class LiveSettings(EvaluatorSettings, ImageSettings, MachineSettings):
    """What all evaluators on images have in common."""

    space: str | None = None
    """Space: topology, size, nasnet, nasnet-gdas, … Default: the one that the searcher was made for."""
    training: str | None = setting(None, metavar="FILE.config")
    """Recipe of the weights: a file or name of configs/opts, also with changes (SNAS,LR=0.05). Default: the
    published one."""
    fraction: float = 1.0
    """Part of the images that weights and architecture learn from; with scratch, of the images of every set."""
    batch: int | None = None
    """Images a step. Default: the recipe's."""
    epochs: int | None = setting(None, least=1)
    """Epochs of the search; with scratch, of every child (default 12)."""

    @property
    def leaves_checkpoint(self) -> bool:
        """Whether a search leaves a checkpoint that `nasreplay retrain` takes after every epoch."""
        return False

    @property
    def keep_every(self) -> int:
        """Epochs between two whose checkpoints stay; 0: none do."""
        return 0

    @property
    def usual_epochs(self) -> int | None:
        """Epochs of a search that is told of none; None: the searcher's own."""
        return None

    def plain(self) -> dict[str, Any]:
        """Every setting as a JSON value, those of a network beside the others."""
        own = to_plain(self)
        return {**own, **own.pop("network", {})}

    def folder(self, searcher: Searcher) -> Path:
        """The default folder of a search's runs, one of them a seed."""
        return Path("output/search") / f"{searcher.name}-{self.dataset_name}-{self.kind}"

    def truth(self, space: Space, table: str | None = None) -> TableEvaluator | None:
        """The table of a space and data set, or None where no table has it; `table` instead of --table.

        Raises BadSetting for a table that was named and is of another space.
        """
        named = table or self.table
        try:
            found = load_table(self.dataset_name, table=named, trial="mean")
        except (UnknownName, NotMeasured):
            return None
        if named:
            check_space(found, space)
        return found if found.space is space else None


def live_space(name: str | None, asker: Asker | None) -> Space:
    """The named space, or the one that the searcher was made for. Raises UnknownName where no network is known."""
    space = space_named(name or (asker.home if asker else "topology"))
    if space.name not in NETWORKS:
        sized = "; --nodes N says how many nodes a cell has" if network_of(space.name) else ""
        raise UnknownName(f"--space {space.name}: live evaluators know {', '.join(NETWORKS)}{sized}")
    return space


def of_space(networks: Mapping[str, type[N]], space: Space, values: Mapping[str, Any]) -> type[N]:
    """The network of a space. Raises BadSetting for a value that was given and is a setting of others only."""
    every = {name: one for kind in networks.values() for name, one in settings_of(kind).items()}
    for name in every.keys() - settings_of(networks[space.name]).keys():
        if values.get(name) is not None:
            raise BadSetting(
                f"{option_of(every[name])} does not apply to the {space.name} space: leave it out"
            )
    return networks[space.name]


@dataclass(frozen=True, kw_only=True)
class SupernetSettings(LiveSettings, kind="supernet"):
    """A network with shared weights (`live.supernet`)."""

    processes = True

    network: SharedNetwork = setting(None, shown=False)
    """The shared network of the space; its fields are options, too."""
    micro_batches: int | None = setting(None, least=1)
    """Parts of a batch whose gradients are accumulated. Default: the recipe's; at least one a process."""
    clip: float | None = None
    """Largest norm of the weights' gradient; 0: none. Default: the recipe's."""
    cutout: int | None = setting(None, least=0)
    """Side in pixels of the square that is cut out of the images learned from; 0: none. Default: the recipe's."""
    idle: Literal["decay", "rest"] | None = None
    """Weights of operations that a step does not use: decay (and keep their momentum) or rest. Default: the
    recipe's, decay as published."""
    valid_on: Literal["held-out", "test"] = "held-out"
    """test: learn from all training images and validate on the test images, as SNAS did."""
    valid_batches: int = setting(1, least=1)
    """Batches (of the recipe's test_batch_size, else 512) that compare candidates during the search."""
    judge: Literal["all", "batches"] = "all"
    """Images that judge an epoch's answer and the last epoch's candidates: all validation images or those batches."""
    rewards: Literal["batch", "running"] = "batch"
    """Statistics with which a mini-batch's accuracy is measured: the batch's, or running ones as in ENAS's script."""
    checkpoint_cells: bool = False
    """Less memory, more time: compute cells again in the backward pass."""
    keep: int | None = setting(None, flags=("--keep-every",), least=1, metavar="N")
    """Keep the checkpoint of every Nth epoch, and of the last: for fork, explain and tabulate, as RUN@EPOCH."""
    weights: str | None = setting(None, metavar="RUN[@EPOCH]")
    """Begin with the shared weights of a live run, its last or those of a kept epoch, for searchers that train none
    (random, rea, reinforce, …)."""

    fixed: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("dataset", "split_file", "train_portion", "valid_on"), "the weights learned from those images"
        ),
        **dict.fromkeys(("fraction", "batch"), "the position in the images counts in such batches"),
        "space": "the weights are those of the space's network",
        "weights": "it goes on with the weights of its parent",
        "download": "the images are those of its parent, and --data DIR says where they are now",
    }
    """What a fork takes over from its parent as it is, and why; of the network it is everything."""

    @classmethod
    def owners(cls) -> tuple[type, ...]:
        """This class, and the shared networks of all spaces."""
        return (cls, *NETWORKS.values())

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings with the space's network; refuses options that this network lacks."""
        space = live_space(values.get("space"), asker)
        network = of_space(NETWORKS, space, values)
        return chosen(cls, values, network=network.of(values, asker))

    @property
    def leaves_checkpoint(self) -> bool:
        """Whether the published scripts of this space leave a checkpoint."""
        return self.network.leaves_checkpoint

    @property
    def keep_every(self) -> int:
        """Epochs between two whose checkpoints stay; 0: none do."""
        return self.keep or 0

    @property
    def usual_epochs(self) -> int | None:
        """The epochs of the recipe by which all searches of the space train, if it has one."""
        return self._recipe(None).epochs if self.network.recipe and not self.training else None

    def folder(self, searcher: Searcher) -> Path:
        """The folder into which the published scripts save."""
        facts = {**searcher.settings(), "epochs": self.epochs}
        return Path("output") / self.network.run_folder(searcher.name, self.dataset_name, facts)

    def open(self, asker: Asker | None = None) -> SupernetEvaluator:
        """A fresh supernet, or one with the weights of a run; the searcher decides the recipe of its weights."""
        device = self.resolve_device(checkpoint_cells=self.checkpoint_cells)
        changes = {name: getattr(self, name) for name in OF_RECIPE}
        changes = {name: value for name, value in changes.items() if value is not None}
        recipe = replace(self._recipe(asker), **changes).for_world_size(device.group.world_size)
        usual = recipe.train_portion or 0.5
        source = self.source(valid_on_test=self.valid_on == "test", usual=usual)
        start = self._start(source)
        return self.evaluator()(
            source,
            self.network,
            recipe=recipe,
            fraction=self.fraction,
            valid_batches=self.valid_batches,
            judge=self.judge,
            rewards=self.rewards,
            device=device,
            truth=self.truth(self.network.space),
            start=start and start.weights,
            origin=start.origin if start else "",
        )

    def recipe_text(self, asker: Asker | None) -> str:
        """The recipe that --training would name: the one that was chosen, or the published one."""
        return self.training or published_recipe(asker, self.network, self.streamed).stem

    def evaluator(self) -> type[SupernetEvaluator]:
        """The class of the evaluator."""
        from nasreplay.live.supernet import SupernetEvaluator

        return SupernetEvaluator

    def _recipe(self, asker: Asker | None) -> Recipe:
        from nasreplay.train.recipe import WEIGHT_SHARING, recipe_of

        published = published_recipe(asker, self.network, self.streamed)
        if self.training or published.exists():
            return recipe_of(self.training or str(published))
        return WEIGHT_SHARING

    def _start(self, source: ImageSource | StreamedSource) -> SharedWeights | None:
        """The shared weights of the run named by --weights. Raises BadSetting if they are another network's.

        They must have learned from the same images in the same parts, wherever these lay.
        """
        if not self.weights:
            return None
        from nasreplay.live.trained import run_of, shared_weights

        found = shared_weights(*run_of(self.weights))
        if found.network != self.network or found.data != source.fingerprint:
            same = " (the same network, but other images or parts)" if found.network == self.network else ""
            raise BadSetting(
                f"--weights {self.weights}: of {found.network} on {found.dataset}; this search has {self.network} on "
                f"{source.name}{same}"
            )
        return found


def published_recipe(asker: Asker | None, network: SharedNetwork, streamed: bool = False) -> Path:
    """The shipped recipe of the weights: one of the shared network's own, and for streamed images, where there is."""
    name, folder = asker.recipe if asker else "weight-sharing", config.folder() / "opts"
    if network.recipe:
        large = folder / f"{network.recipe}-IMAGENET.config"
        return large if streamed and large.exists() else folder / f"{network.recipe}.config"
    own = folder / f"{name}{network.recipes}.config"
    return own if own.exists() else folder / f"{name}.config"
