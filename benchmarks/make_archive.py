"""Write a synthetic archive in the official NATS-Bench format, to measure speed and memory without the real download.

    python benchmarks/make_archive.py topology --count 512 [--out DIR] [--seed 0] [--jobs N] [--one-file]

Structure, sizes, rounding and trials are those of the official files; the numbers mean nothing. Architectures are the
first ones in flat order (leave out --count for all). The folder is called NATS-tss-synthetic-simple or
NATS-sss-synthetic-simple; the official package loads it too: `nats_bench.create(DIR, "tss", fast_mode=True)`.
With --one-file it is the single file NATS-…-synthetic.pickle.pbz2; its objects are in memory at once, some 2 MB (tss)
or 0.5 MB (sss) per architecture.
"""

from __future__ import annotations

import argparse
import bz2
import pickle
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasreplay.data.importers.nats.archive import ENDING, official_texts
from nasreplay.data.semantics import FACTS, stored_meaning
from nasreplay.spaces import Space, space_named

SHORT = {"topology": "tss", "size": "sss"}
ALL = {
    "cifar10-valid": ["x-valid", "ori-test"],
    "cifar10": ["ori-test"],
    "cifar100": ["x-valid", "x-test", "ori-test"],
    "ImageNet16-120": ["x-valid", "x-test", "ori-test"],
}
OLD_ORDER = {
    **ALL,
    "cifar100": ["ori-test", "x-valid", "x-test"],
    "ImageNet16-120": ["ori-test", "x-valid", "x-test"],
}
OLD_CURVES = {
    "cifar10-valid": ["x-valid"]
}  # of other data sets: ori-test; further sets at the last epoch only
BATCH = 256


class Recipe(NamedTuple):
    """seeds: of each data set; old: kept as NAS-Bench-201 kept it, without top-5 and most curves."""

    name: str
    seeds: dict[str, list[int]]
    old: bool = False


def recipes(space: Space, draw: np.random.Generator) -> list[Recipe]:
    if space.name == "size":
        trials = {"01": [777], "12": [777, 888, 999], "90": [777]}
        return [Recipe(name, dict.fromkeys(ALL, seeds)) for name, seeds in trials.items()]
    long = [777, 888, 999] if draw.random() < 8169 / 15625 else [777, 888]
    short = {stored: [111, 777] if stored == "cifar10-valid" else [111] for stored in ALL}
    return [Recipe("12", short), Recipe("200", dict.fromkeys(ALL, long), old=True)]


def file_of(space: Space, number: int, text: str, seed: int) -> dict[str, Any]:
    """What one official file holds, for an official index."""
    draw = np.random.default_rng((seed, number))
    costs = {stored: draw.uniform((0.07, 8, 0.01, 8), (1.5, 220, 0.03, 40)).tolist() for stored in ALL}
    return OrderedDict(
        (
            recipe.name,
            {
                "arch_index": number,
                "arch_str": text,
                "all_results": {
                    (stored, trial): trial_of(recipe, stored, trial, text, costs[stored], draw)
                    for trial in reversed(recipe.seeds["cifar10-valid"])
                    for stored in ALL
                    if trial in recipe.seeds[stored]
                },
                "dataset_seed": {stored: list(seeds) for stored, seeds in recipe.seeds.items()},
                "clear_net_done": True,
            },
        )
        for recipe in recipes(space, draw)
    )


def trial_of(
    recipe: Recipe,
    stored: str,
    seed: int,
    text: str,
    costs: list[float],
    draw: np.random.Generator,
) -> dict[str, Any]:
    params, flop, latency, seconds = costs
    epochs, facts = int(recipe.name), FACTS[stored]
    sets = (OLD_ORDER if recipe.old else ALL)[stored]
    accuracy, losses = {}, {}
    for name in sets:
        full = not recipe.old or name in OLD_CURVES.get(stored, ["ori-test"])
        kept = range(epochs) if full else [epochs - 1]
        values = curves(epochs, facts.classes, stored_meaning(stored, name).images or 1, draw)
        for target, curve in zip((accuracy, losses), values, strict=True):
            target.update({f"{name}@{epoch}": float(curve[epoch]) for epoch in kept})
    top1, loss = curves(epochs, facts.classes, facts.training_images, draw)
    top5, _ = curves(epochs, max(facts.classes // 5, 2), facts.training_images, draw)
    return {
        "name": stored,
        "train_acc1es": dict(enumerate(top1.tolist())),
        "train_acc5es": None if recipe.old else dict(enumerate(top5.tolist())),
        "train_losses": dict(enumerate(loss.tolist())),
        "train_times": OrderedDict((epoch, seconds) for epoch in range(epochs)),
        "arch_config": {"arch_str": text, "class_num": facts.classes},
        "params": np.float64(params),
        "flop": flop,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(latency)],
        "eval_names": list(sets),
        "eval_acc1es": accuracy,
        "eval_times": {f"{name}@{epoch}": seconds / 20 for name in sets for epoch in range(epochs)},
        "eval_losses": losses,
        "net_state_dict": None,
    }


def curves(
    epochs: int, classes: int, images: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies in percent and losses [epochs]: averages over batches of float32 numbers, as the official ones."""
    rise = 1 - np.exp(-np.linspace(0.3, draw.uniform(2, 4), epochs)) + draw.normal(0, 0.01, epochs)
    share = np.clip(rise * draw.uniform(0.3, 1), 1 / classes, 1)
    right, rest = np.rint(share * images), images % BATCH
    last = draw.binomial(rest, share)
    of_last = (last.astype(np.float32) * np.float32(100 / rest)).astype(np.float64)
    accuracy = (100 * (right - last) + rest * of_last) / images
    loss = np.log(classes) * (1 - share) + draw.uniform(0.001, 0.1)
    step = 2.0 ** (21 - np.floor(np.log2(loss)))  # a float32 of this size, times a few images
    return np.minimum(accuracy, 100), np.rint(loss * images * step) / step / images


def write(space_name: str, folder: Path, seed: int, number: int) -> int:
    """Write the file of an official index; returns its size."""
    space = space_named(space_name)
    content = file_of(space, number, _texts(space)[number], seed)
    packed = bz2.compress(pickle.dumps(content, protocol=4))
    return (folder / f"{number:06d}{ENDING}").write_bytes(packed)


def _texts(space: Space) -> list[str]:
    if space.name not in _KNOWN:
        _KNOWN[space.name] = official_texts(space)
    return _KNOWN[space.name]


_KNOWN: dict[str, list[str]] = {}


def make(space: Space, folder: Path, numbers: list[int], seed: int = 0, jobs: int = 1) -> Path:
    """Write the archive of some official indices into a new folder inside `folder`; returns it."""
    archive = folder / f"NATS-{SHORT[space.name]}-synthetic-simple"
    archive.mkdir(parents=True)
    texts = official_texts(space)
    (archive / f"meta{ENDING}").write_bytes(bz2.compress(pickle.dumps(whole(texts, None), protocol=4)))
    work = partial(write, space.name, archive, seed)
    if jobs == 1:
        for number in numbers:
            work(number)
        return archive
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        list(pool.map(work, numbers, chunksize=16))
    return archive


def whole(texts: list[str], infos: dict[int, Any] | None) -> dict[str, Any]:
    """The dictionary of the meta file, and of the one-file archive."""
    return {
        "meta_archs": texts,
        "total_archs": len(texts),
        "arch2infos": infos,
        "evaluated_indexes": set(infos or ()),
    }


def make_one_file(space: Space, folder: Path, numbers: list[int], seed: int = 0, protocol: int = 4) -> Path:
    """Write some official indices as a one-file archive into `folder`; returns it."""
    texts = official_texts(space)
    infos = {number: file_of(space, number, texts[number], seed) for number in sorted(numbers)}
    file = folder / f"NATS-{SHORT[space.name]}-synthetic{ENDING}"
    with bz2.open(file, "wb") as stream:
        pickle.dump(whole(texts, infos), stream, protocol=protocol)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("space", choices=SHORT)
    parser.add_argument("--count", type=int, help="architectures; default: all")
    parser.add_argument("--out", type=Path, default=Path("."), help="where to make the folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--one-file", action="store_true", help="the form <name>.pickle.pbz2")
    chosen = parser.parse_args()
    space = space_named(chosen.space)
    numbers = space.flat_to_official[: chosen.count].tolist()
    if chosen.one_file:
        file = make_one_file(space, chosen.out, numbers, chosen.seed)
        print(f"{file}: {len(numbers):,} architectures, {file.stat().st_size / 1e6:.1f} MB")
        return
    archive = make(space, chosen.out, numbers, chosen.seed, chosen.jobs)
    files = list(archive.glob(f"*{ENDING}"))
    print(f"{archive}: {len(files) - 1:,} architectures, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
