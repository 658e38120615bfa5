"""By which recipe something is trained: the one given, its release's, or that of the training that goes on."""

from __future__ import annotations

from dataclasses import replace

from nasreplay import config
from nasreplay.data.cards import CARDS
from nasreplay.errors import BadSetting
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.settings import Json
from nasreplay.spaces.costs.network_plan import DIALECTS
from nasreplay.train.epochs import check_pairs
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource
from nasreplay.train.recipe import Recipe, recipe_of, told_recipe

BENCHMARK = "200"
"""The recipe of NAS-Bench-201's cells."""
USUAL = "xautodl"
"""The dialect whose recipe serves where no release is known."""
CIFAR_SIDE = 32
"""The largest side of images, in pixels, on which networks are trained as on CIFAR's."""


def published_recipe(release: str, source: ImageSource | StreamedSource) -> str:
    """The shipped recipe of a dialect ("": of none) for a data set."""
    return shipped_recipe(DIALECTS[release or USUAL].recipe, source)


def shipped_recipe(family: str, source: ImageSource | StreamedSource) -> str:
    """The shipped recipe of a family for ImageNet, for images like CIFAR's, or for others."""
    if isinstance(source, StreamedSource):
        card = CARDS.get(source.dataset)
        kinds = ("OTHER", "IMAGENET") if card and card.held else ("IMAGENET", "OTHER")
    else:
        kinds = ("CIFAR",) if source.side <= CIFAR_SIDE else ("OTHER", "CIFAR")
    files = [config.folder() / "opts" / f"{family}-{kind}.config" for kind in kinds]
    return str(next(file for file in files if file.exists()))


def chosen_recipe(settings: RetrainSettings, published: str, recorded: Json | None, **usual: float) -> Recipe:
    """The recipe that is given, else the published one, with the options; of a training that goes on, as it was.

    usual: fields that have another default where its file does not name them. Raises BadSetting, UnknownName.
    """
    recipe = recipe_of(settings.recipe or published, **usual)
    if recorded:
        before = told_recipe(recorded.get("recipe"), "the recipe of run.json")
        recipe = before if settings.recipe is None or recipe.name == before.name else recipe
    changed = settings.changed(recipe)
    if not recorded:
        changed.check_reads([name for name, value in vars(settings).items() if value is not None])
    return changed


def lengthened(recipe: Recipe, settings: RetrainSettings, recorded: Json | None) -> Recipe:
    """The recipe over as many epochs as a training that goes on is asked for, if these are more than it has."""
    if not recorded or not settings.epochs or settings.epochs <= recipe.total:
        return recipe
    return replace(recipe, epochs=settings.epochs - recipe.warmup)


def check_recipe(recipe: Recipe, settings: RetrainSettings, images: int, needs_pairs: bool) -> None:
    """Raise BadSetting for more epochs than the recipe has, or a batch of one image where that is too few.

    needs_pairs: whether it is, for some batch norm of the network.
    """
    if settings.epochs and settings.epochs > recipe.total:
        longer = settings.epochs if recipe.name.isdecimal() else "FILE.config"
        raise BadSetting(
            f"--epochs {settings.epochs}: recipe {recipe.name} ends after {recipe.total}; "
            f"--recipe {longer} has that many"
        )
    if needs_pairs:
        check_pairs(images, recipe.batch, recipe.drop_last)
