"""What searches on children trained from scratch can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from nasreplay.errors import LacksCapability
from nasreplay.evaluate.kinds import Asker
from nasreplay.live.evaluator_settings import LiveSettings, live_space, of_space
from nasreplay.models.child_networks import CHILD_NETWORKS, ChildNetwork
from nasreplay.settings import chosen, setting

if TYPE_CHECKING:
    from nasreplay.live.scratch import ScratchEvaluator


@dataclass(frozen=True, kw_only=True)
class ScratchSettings(LiveSettings, kind="scratch"):
    """Children trained by the benchmark's recipe (`live.scratch`)."""

    network: ChildNetwork = setting(None, shown=False)
    """The network of the space's architectures; its sizes are options, too."""

    @classmethod
    def owners(cls) -> tuple[type, ...]:
        """This class, and the networks of all spaces' architectures."""
        return (cls, *CHILD_NETWORKS.values())

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings with the space's network; refuses sizes that it lacks, and spaces without any."""
        space = live_space(values.get("space"), asker)
        if space.name not in CHILD_NETWORKS:
            raise LacksCapability(
                f"--evaluator scratch trains the benchmarks' networks, not those of the {space.name} space: "
                "use --evaluator supernet, and nasreplay retrain for what it finds"
            )
        return chosen(cls, values, network=chosen(of_space(CHILD_NETWORKS, space, values), values))

    def open(self, asker: Asker | None = None) -> ScratchEvaluator:
        """An evaluator that trains."""
        from nasreplay.live.scratch import ScratchEvaluator
        from nasreplay.train.recipe import Recipe, recipe_of

        epochs, source = self.epochs or 12, self.source()
        recipe = recipe_of(self.training) if self.training else Recipe(str(epochs), epochs)
        recipe = replace(recipe, batch=self.batch or recipe.batch)
        return ScratchEvaluator(
            self.network.home,
            source,
            recipe=recipe,
            ladder=(recipe.total,),
            network=self.network.sized(source.side),
            fraction=self.fraction,
            device=self.resolve_device(),
        )
