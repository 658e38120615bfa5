"""What the programs of SLNAS read of the images before they run: how they are called here, their size and classes."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from program import LINES, Flag, Given, folder, gpu, images

from nasreplay.errors import BadInput, BadSetting
from nasreplay.train.images.find_images import card_named, locate
from nasreplay.train.images.pixels import sizes_of
from nasreplay.train.images.split_list import image_listing

CIFAR_SIDE = 32
"""The largest side of images, in pixels, that are read as CIFAR's; others are read as 224 × 224."""
CIFAR = "../data/cifar10"
FOLDER = "../data/org_for_class/nas_eval_hard_sport"
TRUTHS = ("true", "false", "True", "False", "1", "0")
DEAD = "the original reads it nowhere"


class Images(NamedTuple):
    """The images of `--data`."""

    large: bool
    """Whether they go through the pipeline of image folders, and not that of CIFAR."""
    classes: int | None
    """Number of their classes; None where nothing is there to look at."""
    words: Sequence[object]
    """What names them for nasreplay."""


def seen(given: Given) -> Images:
    """The images of `--data`, by what lies there: published files, or an image folder. Raises BadData."""
    return _seen(given.data, Path.cwd())


@cache
def _seen(data: str, start: Path) -> Images:
    path = start / Path(data).expanduser()
    card = card_named(path.name)
    usual = Given(data=data)
    words = ["--dataset", card.name, *images(usual, CIFAR, bool(card.files))] if card else ["--dataset", data]
    try:
        place = locate(card.name if card else data, path if card and path.exists() else None)
    except BadInput:  # nasreplay fetches it, or says what is missing
        return Images(not card or not card.held, None, words)
    if place.files or not place.folder:
        return Images(False, place.files.classes if place.files else None, words)
    listed = image_listing(place.folder)
    small = max(next(sizes_of(listed.train.files[:1]))) <= CIFAR_SIDE
    side = [] if small or (card and not card.held) else ["--side", 224]
    return Images(not small, len(listed.names), [*words, *side])


def large(given: Given, small: str, other: str) -> str:
    """A name for images like CIFAR's, or that for others."""
    return other if seen(given).large else small


def classes(given: Given) -> list[str]:
    """What is told of `--num_class`. Raises BadSetting where the images have more."""
    found = seen(given).classes
    if "num_class" not in given.told or found == given.num_class:
        return []
    if found and given.num_class < found:
        raise BadSetting(f"--num_class {given.num_class}: the images of {given.data} have {found} classes")
    return [
        f"--num_class {given.num_class}: the network has the {found or 'number of'} classes of the images"
    ]


def device(given: Given) -> list[object]:
    """The one that is named, or the GPU of a number."""
    return ["--device", given.device] if given.device else gpu(given)


def heads(given: Given) -> list[object]:
    """No auxiliary heads, where these are not wanted."""
    return ["--auxiliary", 0] * (given.child_use_aux_heads.lower() in ("false", "0"))


def common(data: str, classes: int, batch: int, channels: int, blocks: str, seed: int) -> list[Flag]:
    """The flags that all programs have, with the defaults of one."""
    return [
        Flag("--data", data, lambda given: seen(given).words, "folder of the images"),
        Flag("--num_class", classes, about="checked: the network has the classes of the images"),
        Flag("--batch_size", batch, "--batch"),
        Flag("--momentum", 0.9, "recipe.momentum"),
        Flag("--weight_decay", 3e-4, "recipe.decay"),
        Flag("--child_lr_max", 0.025, "recipe.LR"),
        Flag("--child_out_filters", channels, "--channels"),
        Flag("--blocks", blocks, "--blocks", "normal blocks of each stage"),
        Flag("--seed", seed, "--seed"),
        Flag("--gpu", 0, device, "number of the GPU"),
        Flag("--device", "", about="instead of --gpu: cpu, cuda:1, free"),
        Flag("--resume", "", about="a run folder, or a file of one"),
        Flag("--child_num_branches", 5, about="operations", known=(5,)),
        Flag("--child_num_cells", 5, about="nodes of a cell", known=(5,)),
        Flag("--report_freq", 50.0, inert=LINES),
        Flag("--model_path", "saved_models", inert=DEAD),
    ]


def warm_restarts() -> list[Flag]:
    """The flags of a schedule that no program has."""
    return [Flag("--child_lr_T_0", 10, inert=DEAD), Flag("--child_lr_T_mul", 2, inert=DEAD)]


def here(kind: str) -> Flag:
    """The run folder."""

    def named(given: Given) -> Iterable[object]:
        return folder(f"result/{kind}/{{save}}-{{time}}", given, "%Y-%m-%d-%Hh%Mm%Ss")

    return Flag("--save", "EXP", named, "part of the run folder's name")
