"""Made-up tables of every architecture of a space, with a curve for each: what a converted official archive offers.

Only the numbers at the end of a recipe may be real; the epochs before it are interpolated, so every title says
"synthetic".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.curves import BLOCK, form_of, packed
from nasreplay.data.pack.writer import Chunk, Curves
from nasreplay.spaces import SIZE, Space

CHANCE = {"cifar10-valid": 10.0, "cifar100": 1.0, "ImageNet16-120": 100 / 120}  # percent
RECIPES = {"topology": ("12", "200"), "size": ("12", "90")}
PER_EPOCH = {
    "cifar10-valid": 1.0,
    "cifar100": 2.0,
    "ImageNet16-120": 6.068,
}  # seconds over those of cifar10-valid


def curve(last: np.ndarray, chance: float, epochs: int) -> np.ndarray:
    """Percent [A, T, E]: from chance to the accuracies `last` [A, T] at the end of the recipe, never back."""
    progress = (np.arange(1, epochs + 1) / epochs) ** 0.3
    values = chance + (last[:, :, None] - chance) * progress
    values[:, :, -1] = last
    return values


def write_full(path: Path, space: Space, columns: Mapping[str, np.ndarray], curved: list[str]) -> Pack:
    """A pack of `columns`, with curves of the `<stored>/<recipe>` in `curved` up to their validation accuracies."""
    paths = {f"{place}/x-valid/accuracy": place for place in curved}
    forms = {name: form_of("accuracy", None) for name in paths}

    def chunks() -> Iterator[Chunk]:
        for name, place in paths.items():
            stored, recipe = place.split("/")
            values = curve(columns[name], CHANCE[stored], int(recipe))
            for block, start in enumerate(range(0, space.size, BLOCK)):
                for trial in range(values.shape[1]):
                    if chunk := packed(values[start : start + BLOCK, trial], forms[name]):
                        yield name, block, trial, chunk

    recipes = {name.rsplit("/", 1)[0] for name in columns if name.endswith("/seeds")}
    return write_pack(
        path,
        space,
        columns,
        epochs={recipe: int(recipe.split("/")[1]) for recipe in recipes},
        curves=Curves(forms, chunks()),
        title=f"synthetic {space.name} table of every architecture",
        source="made up for tests",
        licence="none",
    )


def made_up(space: Space, path: Path, seed: int = 0) -> Pack:
    """A table whose three data sets rank alike: good ones have parameters, and luck; two trials, a whole clock.

    Sizes cost what their parameters say. Curves of the 12-epoch recipe only, as searches are told that one.
    """
    draw = np.random.default_rng(seed)
    short, full = RECIPES[space.name]
    weight = space.parameters(space.all_codes, 10) / 1e6
    quality = np.log(weight / weight.min()) / np.log(weight.max() / weight.min())
    columns: dict[str, np.ndarray] = {}
    for stored, chance in CHANCE.items():
        best = {"cifar10-valid": 91.0, "cifar100": 71.0, "ImageNet16-120": 45.0}[stored]
        for recipe, reached, noise in ((short, 0.85, 1.0), (full, 1.0, 0.3)):
            place = f"{stored}/{recipe}"
            mean = (
                chance + (best * reached - chance) * (0.6 + 0.4 * quality) + draw.normal(0, noise, space.size)
            )
            trials = mean[:, None] + draw.normal(0, noise / 2, (space.size, 2))
            columns[f"{place}/seeds"] = np.array([777, 888])
            columns[f"{place}/x-valid/accuracy"] = trials.clip(0, 100)
            columns[f"{place}/seconds_per_epoch"] = (3 + 12 * weight / weight.max()) * PER_EPOCH[stored]
            columns[f"{place}/x-valid/eval_seconds"] = columns[f"{place}/seconds_per_epoch"] / 4
        tested = "ori-test" if stored == "cifar10-valid" else "x-test"
        place = "cifar10/" + full if stored == "cifar10-valid" else place
        columns[f"{place}/seeds"] = np.array([777, 888])
        columns[f"{place}/{tested}/accuracy"] = columns[f"{stored}/{full}/x-valid/accuracy"] - 0.5
    if space is SIZE:  # the published size archive has three trials at 12 epochs, and one at 90
        for stored in CHANCE:
            columns[f"{stored}/90/seeds"] = np.array([777])
            columns[f"{stored}/90/x-valid/accuracy"] = columns[f"{stored}/90/x-valid/accuracy"][:, :1]
        for name in [name for name in columns if name.endswith("-test/accuracy")]:
            columns[name] = columns[name][:, :1]
            columns[name.rsplit("/", 2)[0] + "/seeds"] = np.array([777])
    return write_full(path, space, columns, [f"{stored}/{short}" for stored in CHANCE])
