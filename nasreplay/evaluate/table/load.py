"""From a pack to a table evaluator of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.custom_dataset import to_json
from nasreplay.data.locate import open_table
from nasreplay.data.pack import Pack
from nasreplay.data.trials import mean_words, trial_mean
from nasreplay.errors import BadSetting, NotMeasured, listed
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.column_costs import table_costs
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.settings import check_kind

RATIO = 3  # epochs of a rung over those of the rung below: Hyperband's and BOHB's published eta


def load_table(
    dataset: str | None = None,
    *,
    table: str | Path | Pack | None = None,
    recipe: str | None = None,
    rungs: int = 1,
    trial: int | str = "drawn",
    gradient: str = "exact",
    samples: int = 6,
    objective: str = "error",
    steps_per_epoch: int = 1,
) -> TableEvaluator:
    """A table evaluator of a data set's validation accuracy; None is cifar10, or the only one that the table holds.

    `table`: a pack, its path or its name; None is the embedded NAS-Bench-201. `recipe`: what the search is told
    (None: the one with most epochs); reports always read the one with most epochs. `rungs`: how many fidelities a
    search may ask for: the recipe's end, a third of its epochs, a ninth, …, as far as the table holds them for every
    architecture and trial. The other settings are TableEvaluator's. Raises BadPack, UnknownName, NotMeasured or
    BadSetting.
    """
    check_kind("rungs", rungs, int)
    if rungs < 1:
        raise BadSetting(f"rungs is {rungs}: it must be at least 1")
    check_kind("recipe", recipe or "", str)
    pack = table if isinstance(table, Pack) else open_table(table)
    dataset = default_dataset(pack) if dataset is None else semantics.dataset_named(dataset, pack.custom)
    accuracy, meaning, recipe = pack.accuracy(dataset, "valid", recipe)
    level = _level(pack, meaning.stored, recipe, meaning.set, accuracy)
    lower = _lower_rungs(pack, meaning.stored, recipe, meaning.set, level, rungs)
    last, last_meaning, last_recipe = pack.accuracy(dataset, "valid")
    final = level
    if last_recipe != recipe:
        final = _level(pack, last_meaning.stored, last_recipe, last_meaning.set, last)
    test, test_meaning = _test(pack, dataset, last_recipe)
    return TableEvaluator(
        pack.space,
        [*lower, level],
        dataset=dataset,
        trial=trial,
        gradient=gradient,
        samples=samples,
        objective=objective,
        steps_per_epoch=steps_per_epoch,
        final=final,
        test=test,
        meaning={
            "told": f"validation {meaning.sentence}, {level.at}",
            "valid": f"validation {last_meaning.sentence}, {final.at}, {final.words}",
            "test": test_meaning,
        },
        source={
            "table": pack.title,
            "fingerprint": pack.fingerprint,
            "evaluation_seconds": _evaluation_seconds(
                pack, f"{meaning.stored}/{recipe}/{meaning.set}/eval_seconds"
            ),
            "licence": pack.licence,
            **({"own": to_json(pack.custom[dataset])} if dataset in pack.custom else {}),
            **({"words": words} if (words := pack.own_words(dataset)) else {}),
        },
        costs=partial(table_costs, pack, dataset, meaning.stored),
    )


def replayable(table: str | Path | Pack | None = None, datasets: Sequence[str] = ()) -> tuple[str, ...]:
    """The proper names of data sets of a table; without `datasets`, all whose validation accuracy it holds.

    Raises UnknownName, or NotMeasured if it holds none.
    """
    pack = table if isinstance(table, Pack) else open_table(table)
    if datasets:
        return tuple(dict.fromkeys(semantics.dataset_named(name, pack.custom) for name in datasets))
    found = []
    for dataset in (*semantics.SEARCHED, *pack.custom):
        where = semantics.meaning(dataset, "valid", pack.custom)
        if any(where.set in pack.sets(where.stored, recipe) for recipe in pack.recipes(where.stored)):
            found.append(dataset)
    if not found:
        raise NotMeasured(f"{pack.path} has no validation accuracy to replay: it holds {pack.holdings()}")
    return tuple(found)


def default_dataset(table: str | Path | Pack | None = None) -> str:
    """The data set that is meant where none is named: cifar10, or the only one that the table holds.

    Raises NotMeasured where it holds several others, or none.
    """
    found = replayable(table)
    if len(found) == 1:
        return found[0]
    if "cifar10" in found:
        return "cifar10"
    raise NotMeasured(f"name the data set with --dataset: the table holds {listed(found)}")


def _lower_rungs(
    pack: Pack, stored: str, recipe: str, which: str, last: FidelityTable, count: int
) -> list[FidelityTable]:
    """Cheapest first."""
    found, epochs = [], last.at.epoch
    for rung in range(1, count):
        epoch = epochs // RATIO**rung
        if epoch < 1:
            break
        measured = np.isfinite(last.accuracy)
        accuracy = np.where(measured, pack.at_epoch(f"{stored}/{recipe}/{which}/accuracy", epoch), np.nan)
        if (np.isfinite(accuracy) != measured).any():
            break
        found.insert(0, _level(pack, stored, recipe, which, accuracy, epoch))
    return found


def _level(
    pack: Pack, stored: str, recipe: str, which: str, accuracy: np.ndarray, epoch: int | None = None
) -> FidelityTable:
    """Cost: training to the epoch (None: the last), plus one validation pass where the pack knows its seconds."""
    epochs, seconds = epoch or pack.recipes(stored)[recipe], None
    if pack.has(f"{stored}/{recipe}/seconds_per_epoch"):
        seconds = epochs * pack.column(f"{stored}/{recipe}/seconds_per_epoch")
        if pack.has(f"{stored}/{recipe}/{which}/eval_seconds"):
            seconds = seconds + np.nan_to_num(pack.column(f"{stored}/{recipe}/{which}/eval_seconds"), nan=0.0)
    loss = f"{stored}/{recipe}/{which}/loss"
    return FidelityTable(
        Fidelity(recipe, epochs),
        accuracy,
        seconds,
        pack.seeds(stored, recipe).tolist(),
        pack.column(loss) if pack.has(loss) and epoch is None else None,
        pack.space.at_flat,
    )


def _evaluation_seconds(pack: Pack, column: str) -> str:
    if not pack.has(column):
        return "unknown, counted as 0"
    missing = int(np.isnan(pack.column(column)).sum())
    return f"unknown for {missing:,} architectures, counted as 0 there" if missing else "included"


def _test(pack: Pack, dataset: str, recipe: str) -> tuple[np.ndarray | None, str]:
    try:
        values, meaning, _ = pack.accuracy(dataset, "test", recipe)
    except NotMeasured as missing:
        return None, f"none: {missing}"
    words = mean_words(pack.seeds(meaning.stored, recipe))
    return trial_mean(values), f"test {meaning.sentence}, recipe {recipe}, {words}"
