"""Which evaluator a command asks: the options that choose one, and the one function that builds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import click

from nasreplay.cli import live, options
from nasreplay.errors import UnknownName

EVALUATOR = click.option(
    "--evaluator", default="table", show_default=True, help="What answers: table, supernet, scratch."
)
DATASET = click.option("--dataset", default="cifar10", show_default=True)


TABLE_ONLY = {"recipe", "trial", "gradient", "samples"}
NETWORK_ONLY = {
    "bn",
    "affine",
    "drop_path",
    "clip",
    "derive",
    "valid_batches",
    "weights",
    "micro_batches",
    "checkpoint_cells",
    "valid_on",
}
IDLE = {  # kind of evaluator: options that mean nothing to it
    "table": {option for option in live.NAMES if option != "space"},
    "supernet": TABLE_ONLY,
    "scratch": TABLE_ONLY | NETWORK_ONLY,
}


def refuse_idle(kind: str, allowed: Collection[str] = ()) -> None:
    """Raise BadSetting for an option of the command line that means nothing to this kind of evaluator."""
    options.refuse_given(f"with --evaluator {kind}", IDLE.get(kind, set()) - set(allowed))


def evaluator_of(chosen: Mapping[str, Any]) -> Any:
    """The evaluator that a command's options describe; an option that it lacks takes its default.

    chosen["trial"] is None where a command asks for trials itself. Raises UnknownName for a kind that does not
    exist, and what the kind itself raises.
    """
    kind = chosen["evaluator"]
    if kind not in KINDS:
        raise UnknownName(f"unknown evaluator {kind!r}; known: {', '.join(KINDS)}")
    return KINDS[kind](chosen)


def _table(chosen: Mapping[str, Any]) -> Any:
    from nasreplay.evaluate.table.load import load_table
    from nasreplay.spaces import space_named

    table = load_table(
        chosen["dataset"],
        table=chosen["table"],
        recipe=chosen["recipe"],
        trial="mean" if chosen["trial"] is None else options.trial_of(chosen["trial"]),
        rungs=chosen.get("rungs", 1),
        gradient=chosen.get("gradient", "exact"),
        samples=chosen.get("samples", 6),
    )
    if chosen.get("space"):
        live.check_space(table, space_named(chosen["space"]))
    return table


KINDS = {"table": _table, "supernet": live.supernet, "scratch": live.scratch}
