"""What a live search that goes on keeps of what it began with, whatever is the default now."""

from __future__ import annotations

from dataclasses import replace

from nasreplay.live.evaluator_settings import LiveSettings
from nasreplay.live.scratch import ScratchEvaluator
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.runs.earlier import EARLIER, as_recorded
from nasreplay.settings import Json
from nasreplay.train.recipe import told_recipe


def as_begun(
    evaluator: SupernetEvaluator | ScratchEvaluator, own: LiveSettings, recorded: Json | None
) -> None:
    """Give the evaluator of a run that goes on the recipe that it had, and what an earlier release had."""
    if recorded is not None and isinstance(evaluator, SupernetEvaluator):
        if own.training is None:
            evaluator.recipe = told_recipe(recorded["recipe"], "the recipe of run.json")
        evaluator.recipe = as_recorded(evaluator.recipe, recorded["recipe"])
        evaluator.network = as_recorded(evaluator.network, recorded["network"])
        evaluator.judge = evaluator.judge if "judge" in recorded else EARLIER["judge"]


def images_as_begun(own: LiveSettings, options: Json | None) -> LiveSettings:
    """The settings with the halves of the images that a run had, by its options; None: no run goes on."""
    return own if options is None or "halves" in options else replace(own, halves=EARLIER["halves"])
