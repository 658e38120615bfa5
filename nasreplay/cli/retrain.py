"""`nasreplay retrain`: the whole training of what a search found, or of a published genotype."""

from __future__ import annotations

from typing import Any

import click

from nasreplay.cli import resume
from nasreplay.cli.options import command_line, options_of
from nasreplay.cli.progress import Progress
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.settings import chosen


@click.command()
@click.argument("target", required=False)
@options_of(RetrainSettings)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def retrain(**given: Any) -> None:
    """Train TARGET by the published recipe and print its accuracy beside the published one.

    TARGET is a search checkpoint (of nasreplay, or a seed-*.pth of AutoDL-Projects), a run folder of nasreplay
    search, a file or text with a genotype, an |op~0|… cell, or a name of nasreplay zoo. Genotypes become NASNet-type
    networks, cells the benchmark's. Without TARGET the genotype that --config names is meant. A killed training
    continues with `nasreplay resume FOLDER`, to the same bits on a CPU. At the end the last checkpoint is loaded and
    evaluated anew: another accuracy than the logged one is an error.
    """
    values = resume.continued(given)
    if resume.told_before(values):
        return
    target, as_json = values.pop("target"), values.pop("as_json")
    settings = chosen(RetrainSettings, values)
    with Progress("training") as progress:
        from nasreplay.cli.views import training_text
        from nasreplay.jobs import training

        result = training.retrain(
            target,
            command=command_line(),
            started=lambda *found: progress.tell(training_text.resolved(*found), err=as_json),
            tell=lambda line: progress.tell(line, err=as_json),
            progress=progress,
            settings=settings,
        )
    resume.tell(result.folder, training_text.outcome(result), result.plain(), as_json)
