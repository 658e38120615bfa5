"""`nasreplay evaluate`: the accuracy of a trained network, from a file of weights."""

from __future__ import annotations

import json
from typing import Any

import click

from nasreplay.cli.options import options_of
from nasreplay.cli.progress import Progress
from nasreplay.cli.views.fold import show
from nasreplay.jobs.training.training_settings import EvaluateSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("target", required=False)
@options_of(EvaluateSettings)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def evaluate(target: str | None, as_json: bool, **given: Any) -> None:
    """Measure TARGET with the weights of a file, and print its accuracies beside the published ones.

    TARGET is as for nasreplay retrain, and so are the options of its network. FILE is the state dict of a release
    (alone, or in a checkpoint), a checkpoint or run folder of nasreplay retrain or train, or a seed-*.pth of
    train-a-net. Names and shapes must be those of the network; whether there is an auxiliary head, the names say.
    Without --weights the released file is looked for in $TORCH_HOME/hub/checkpoints; --download fetches it.
    """
    settings = chosen(EvaluateSettings, given)
    with Progress("evaluating", "images") as progress:
        from nasreplay.cli.views import training_text
        from nasreplay.jobs.training import evaluation

        found = evaluation.evaluate(
            target,
            started=lambda *what: progress.tell(training_text.resolved_weights(*what), err=as_json),
            tell=lambda line: progress.tell(line, err=True),
            progress=progress,
            settings=settings,
        )
    click.echo(json.dumps(found.plain(), indent=1)) if as_json else show(training_text.measured(found))
