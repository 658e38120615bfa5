"""Which evaluator a command asks: the options that choose one, and the one function that builds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from nasreplay.cli import live, options
from nasreplay.errors import UnknownName

EVALUATOR = click.option(
    "--evaluator", default="table", show_default=True, help="What answers: table, supernet, scratch."
)
DATASET = click.option("--dataset", default="cifar10", show_default=True)


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
    from nasreplay.evaluate.load import load_table

    return load_table(
        chosen["dataset"],
        table=chosen["table"],
        recipe=chosen["recipe"],
        trial="mean" if chosen["trial"] is None else options.trial_of(chosen["trial"]),
        gradient=chosen.get("gradient", "exact"),
        samples=chosen.get("samples", 6),
    )


KINDS = {"table": _table, "supernet": live.supernet, "scratch": live.scratch}
